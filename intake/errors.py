"""Why a file is not accepted, and what its sender can do about it."""

from typing import ClassVar

from frostbyte.kernel.errors import FrostbyteError, NotFoundError


class FileRejectedError(FrostbyteError):
    """A file that is refused. `reason` tells apart causes that share a code."""

    http_status = 422
    reason: ClassVar[str] = ""


class EmptyFileError(FileRejectedError):
    """A file of no bytes, or of nothing but white space."""

    code = "EMPTY_FILE"


class SizeExceededError(FileRejectedError):
    """A file over the tenant's limit."""

    code = "SIZE_EXCEEDED"
    http_status = 413


class ScanLimitError(SizeExceededError):
    """A file that is larger than the malware scanner takes, where a scan is required."""

    reason = "scan_limit"


class UnsupportedFormatError(FileRejectedError):
    """A kind of file that is not processed."""

    code = "UNSUPPORTED_FORMAT"
    http_status = 415


class ArchiveError(UnsupportedFormatError):
    """An archive: its files are wanted one by one."""

    reason = "archive"


class LegacyOfficeError(UnsupportedFormatError):
    """A binary Office file of before 2007."""

    reason = "legacy_office"


class ExecutableError(UnsupportedFormatError):
    """A program."""

    reason = "executable"


class TypeMismatchError(FileRejectedError):
    """The content is of another kind than the name or the declared type says."""

    code = "TYPE_MISMATCH"
    http_status = 415


class EncryptedFileError(FileRejectedError):
    """A file that opens with a password only."""

    code = "ENCRYPTED_FILE"


class CorruptFileError(FileRejectedError):
    """A file that is damaged or cut off."""

    code = "CORRUPT_FILE"


class UnsafeContainerError(FileRejectedError):
    """A file that is made to harm whoever opens it, or might as well be."""

    code = "UNSAFE_CONTAINER"


class UnpackedSizeError(UnsafeContainerError):
    """Its parts would unpack to too much, or there are too many."""

    reason = "unpacked_size"


class OverlapError(UnsafeContainerError):
    """Its parts lie over each other."""

    reason = "overlap"


class MemberNameError(UnsafeContainerError):
    """Its parts have names that lead elsewhere or cannot be told apart."""

    reason = "names"


class MemberLinkError(UnsafeContainerError):
    """One of its parts is a link or a device."""

    reason = "links"


class NestedArchiveError(UnsafeContainerError):
    """There is an archive in it."""

    reason = "nesting"


class XmlEntityError(UnsafeContainerError):
    """Its XML declares entities."""

    reason = "entities"


class PixelFloodError(UnsafeContainerError):
    """A page or picture in it is too large to be drawn; `width` and `height` are its sides."""

    reason = "pixels"


class PolyglotError(UnsafeContainerError):
    """It is a file of another kind as well."""

    reason = "polyglot"


class LineLengthError(UnsafeContainerError):
    """A line of it has no end."""

    reason = "lines"


class ResourceLimitError(UnsafeContainerError):
    """Looking at it took more time or memory than is given to a file."""

    reason = "resources"


class ChecksumMismatchError(FileRejectedError):
    """The bytes are not those that the sender announced."""

    code = "CHECKSUM_MISMATCH"


class SizeMismatchError(ChecksumMismatchError):
    """There are more or fewer bytes than the sender announced."""

    reason = "size"


class MalwareDetectedError(FileRejectedError):
    """The malware scanner knows the file; `signature` is its name for it. It is not kept."""

    code = "MALWARE_DETECTED"


class FormatNotAllowedError(UnsupportedFormatError):
    """A format that is read here, and that the tenant's `mime_allowlist` leaves out."""

    reason = "not_allowed"


class QuotaExceededError(FileRejectedError):
    """The file would exceed a quota of the tenant; `used`, `limit` and `adds` are the numbers."""

    code = "QUOTA_EXCEEDED"


class StorageQuotaError(QuotaExceededError):
    """Too many bytes."""

    reason = "storage"


class DocumentQuotaError(QuotaExceededError):
    """Too many documents."""

    reason = "documents"


class FileMissingError(FileRejectedError):
    """The manifest names the file, and the request did not bring it."""

    code = "FILE_MISSING"


class UploadExpiredError(FileRejectedError):
    """The file was announced and did not come in time."""

    code = "UPLOAD_EXPIRED"


class FileCancelledError(FileRejectedError):
    """The batch was cancelled before the file came."""

    code = "BATCH_CANCELLED"
    http_status = 409


class ManifestInvalidError(FrostbyteError):
    """A manifest that is malformed or breaks a rule; `errors` names the places."""

    code = "MANIFEST_INVALID"
    http_status = 400


class FileCountMismatchError(FrostbyteError):
    """The manifest's `file_count` is not the number of files that it names."""

    code = "MANIFEST_FILE_COUNT_MISMATCH"
    http_status = 400


class DuplicateFileIdError(FrostbyteError):
    """Two files of a batch have the same `file_id`."""

    code = "DUPLICATE_FILE_ID"
    http_status = 400


class UnexpectedPartError(FrostbyteError):
    """The request brings a part that the manifest does not name, or the manifest not first."""

    code = "UNEXPECTED_PART"
    http_status = 400


class BatchTooLargeError(FrostbyteError):
    """More files or bytes than may come at once."""

    code = "BATCH_TOO_LARGE"
    http_status = 413


class BatchExistsError(FrostbyteError):
    """The collection has a batch of this reference; `batch` is its id."""

    code = "BATCH_EXISTS"
    http_status = 409


class BatchNotOpenError(FrostbyteError):
    """The batch takes no more files: each has its receipt, or it was cancelled."""

    code = "BATCH_NOT_OPEN"
    http_status = 409


class IdempotencyInWorkError(FrostbyteError):
    """A request with this `Idempotency-Key` is still in work; `retry_after` is in seconds."""

    code = "IDEMPOTENCY_IN_WORK"
    http_status = 409
    retryable = True


class IdempotencyKeyReusedError(FrostbyteError):
    """This `Idempotency-Key` came with another request before."""

    code = "IDEMPOTENCY_KEY_REUSED"
    http_status = 422


class BatchNotFoundError(NotFoundError):
    """No batch of this tenant that the reader sees has this id, or no file of it this one."""


class CollectionNotFoundError(NotFoundError):
    """No collection of this tenant that the reader sees has this name."""


class CollectionNotEmptyError(FrostbyteError):
    """A collection that holds documents is not deleted."""

    code = "COLLECTION_NOT_EMPTY"
    http_status = 409


class MetadataInvalidError(FileRejectedError):
    """The document's metadata does not fit the tenant's schema; `errors` names the places."""

    code = "METADATA_INVALID"


class MetadataSchemaError(FrostbyteError):
    """A schema for metadata that is not valid or asks for too much; `errors` names the places."""

    code = "SCHEMA_INVALID"
    http_status = 422


class PreconditionFailedError(FrostbyteError):
    """Somebody else has changed it since: `If-Match` names another version than is in force."""

    code = "PRECONDITION_FAILED"
    http_status = 412


class DocumentNotFoundError(NotFoundError):
    """No document of this tenant has this id."""


class ReceiptNotFoundError(NotFoundError):
    """No receipt of this tenant has this id."""
