"""What is looked at before a file is accepted: each check returns, or raises the reason.

Order: emptiness, size, type by content against the claim, then the container: encryption,
damage, unpacking to too much. Nothing has been stored when one of them raises.
"""

from collections.abc import Callable, Sequence
from typing import BinaryIO, Final

import olefile
import pypdfium2
from pypdfium2 import PdfiumError

from intake.errors import (
    ArchiveError,
    CorruptFileError,
    EmptyFileError,
    EncryptedFileError,
    ExecutableError,
    FormatNotAllowedError,
    LegacyOfficeError,
    SizeExceededError,
    TypeMismatchError,
    UnsafeContainerError,
    UnsupportedFormatError,
)
from intake.formats import (
    ACCEPTED,
    DOCX,
    NAMES,
    PDF,
    TEXT_FORMATS,
    Content,
    by_name,
    identify,
    in_words,
    members_of,
)

MEGABYTE: Final = 1024 * 1024
UNPACKED_LIMIT: Final = 1024 * MEGABYTE
UNPACKED_RATIO: Final = 200
_BLANK_LIMIT: Final = 64 * 1024
_ZIP_ENCRYPTED: Final = 0x1


def check_size(size: int, *, limit_mb: int) -> None:
    """Refuse nothing at all and too much."""
    if size == 0:
        raise EmptyFileError(
            "The file is empty.", remediation="Check the export that made it and send it again."
        )
    if size > limit_mb * MEGABYTE:
        raise SizeExceededError(
            f"The file has {size / MEGABYTE:.1f} MB; the limit is {limit_mb} MB.",
            remediation="Split it, or ask the platform's operator for a higher limit.",
            extra={"size_bytes": size, "limit_bytes": limit_mb * MEGABYTE},
        )


def check_allowed(media_type: str, *, allowlist: Sequence[str]) -> None:
    """Refuse a format that is read here and that the tenant does not want."""
    if media_type not in allowlist:
        raise FormatNotAllowedError(
            f"Your organisation's settings do not allow {NAMES[media_type]} files.",
            remediation=f"Send {in_words(allowlist)}, or ask the platform's operator to allow it.",
            extra={"found": media_type, "allowed": [str(each) for each in allowlist]},
        )


def check_content(stream: BinaryIO, *, filename: str, size: int) -> str:
    """Return the media type under which the file is accepted; raises the reason if it is not."""
    content = identify(stream)
    claimed = by_name(filename)
    media_type = _accepted_type(stream, content, claimed)
    if media_type in TEXT_FORMATS and size <= _BLANK_LIMIT:
        _require_text(stream)
    check = _CONTAINER_CHECKS.get(media_type)
    if check:
        stream.seek(0)
        check(stream)
    stream.seek(0)
    return media_type


def _accepted_type(stream: BinaryIO, content: Content, claimed: str | None) -> str:
    if content.is_ole:
        _refuse_ole(stream)
    if content.is_damaged and claimed == DOCX:
        raise _corrupt("Word document")
    if claimed is None:
        return _type_without_claim(content)
    is_text_claim = claimed in TEXT_FORMATS
    matches = content.is_text if is_text_claim else content.media_type == claimed
    if not matches:
        raise TypeMismatchError(
            f"The name says {claimed}, the content is {content.label}.",
            remediation="Give the file the extension of what it is, or export it again.",
            extra={"claimed": claimed, "found": content.label},
        )
    return claimed


def _type_without_claim(content: Content) -> str:
    if content.group == "archive":
        raise ArchiveError(
            "Archives are not opened.",
            remediation="Unpack it and send the files in it one by one.",
        )
    if content.group == "executable":
        raise ExecutableError("Programs are not accepted.", remediation=f"Send {ACCEPTED}.")
    if content.media_type in (PDF, DOCX, *TEXT_FORMATS):
        return content.media_type
    raise UnsupportedFormatError(
        f"Files of the kind '{content.label}' are not read.",
        remediation=f"Convert it to one of {ACCEPTED}.",
        extra={"found": content.label},
    )


def _refuse_ole(stream: BinaryIO) -> None:
    stream.seek(0)
    try:
        with olefile.OleFileIO(stream) as ole:
            encrypted = ole.exists("EncryptedPackage")
    except OSError as error:
        raise CorruptFileError(
            "The file is damaged.", remediation="Save it again as DOCX or PDF and send that."
        ) from error
    if encrypted:
        raise _encrypted("Office file")
    raise LegacyOfficeError(
        "Office files in the format of before 2007 (.doc, .xls, .ppt, .msg) are not read.",
        remediation="Open it in an office program and save it as DOCX or PDF.",
    )


def _require_text(stream: BinaryIO) -> None:
    stream.seek(0)
    if not stream.read(_BLANK_LIMIT).strip(b"\x00 \t\r\n\xff\xfe\xef\xbb\xbf"):
        raise EmptyFileError(
            "The file holds nothing but white space.",
            remediation="Check the export that made it and send it again.",
        )


def _check_pdf(stream: BinaryIO) -> None:
    try:
        with pypdfium2.PdfDocument(stream) as document:
            pages = len(document)
    except PdfiumError as error:
        if "password" in str(error).lower():
            raise _encrypted("PDF") from error
        raise _corrupt("PDF") from error
    if pages == 0:
        raise _corrupt("PDF")


def _check_docx(stream: BinaryIO) -> None:
    members = members_of(stream)
    if members is None:
        raise _corrupt("Word document")
    if any(member.flag_bits & _ZIP_ENCRYPTED for member in members):
        raise _encrypted("Word document")
    unpacked = sum(member.file_size for member in members)
    packed = max(1, sum(member.compress_size for member in members))
    if unpacked > UNPACKED_LIMIT or (
        unpacked > MEGABYTE * 50 and unpacked / packed > UNPACKED_RATIO
    ):
        raise UnsafeContainerError(
            "The document would unpack to far more than its size.",
            remediation="Save it again in an office program; if it stays so large, split it.",
        )


def _encrypted(kind: str) -> EncryptedFileError:
    return EncryptedFileError(
        f"The {kind} opens with a password only.",
        remediation="Remove the password and send it again.",
    )


def _corrupt(kind: str) -> CorruptFileError:
    return CorruptFileError(
        f"The {kind} is damaged or cut off and does not open.",
        remediation="Check that it opens on your side, export it anew and send it again.",
    )


_CONTAINER_CHECKS: Final[dict[str, Callable[[BinaryIO], None]]] = {
    PDF: _check_pdf,
    DOCX: _check_docx,
}
