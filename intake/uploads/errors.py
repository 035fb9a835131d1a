"""What can go wrong with an upload that comes in pieces."""

from frostbyte.kernel.errors import FrostbyteError, NotFoundError


class UploadNotFoundError(NotFoundError):
    """No upload of this tenant that the reader sees has this id, or it is over."""


class UploadOffsetError(FrostbyteError):
    """Bytes for another place than where the upload stands; `offset` is where it does."""

    code = "UPLOAD_OFFSET_CONFLICT"
    http_status = 409


class UploadLockedError(FrostbyteError):
    """Another request is at work on this upload."""

    code = "UPLOAD_LOCKED"
    http_status = 423
    retryable = True


class UploadChecksumError(FrostbyteError):
    """The bytes that came are not those of `Upload-Checksum`; none of them was kept."""

    code = "CHECKSUM_MISMATCH"
    http_status = 460


class UploadTooLongError(FrostbyteError):
    """More bytes than `Upload-Length` announced."""

    code = "UPLOAD_TOO_LONG"
    http_status = 413


class TusVersionError(FrostbyteError):
    """`Tus-Resumable` is missing, or names a version of the protocol that is not spoken here."""

    code = "TUS_VERSION_UNSUPPORTED"
    http_status = 412


class UploadSizeError(FrostbyteError):
    """The size of an upload is not that of the manifest; `size_bytes` is."""

    code = "UPLOAD_SIZE_MISMATCH"
    http_status = 409
