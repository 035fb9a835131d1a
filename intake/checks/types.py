"""The type of a file: by its content, held against its name and what its sender says."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO, Final

import olefile

from intake.checks.words import corrupt, encrypted
from intake.errors import (
    ArchiveError,
    CorruptFileError,
    ExecutableError,
    FormatNotAllowedError,
    LegacyOfficeError,
    TypeMismatchError,
    UnsupportedFormatError,
)
from intake.formats import (
    ACCEPTED,
    CSV,
    DOCX,
    HTML,
    MARKDOWN,
    NAMES,
    PDF,
    TEXT,
    TEXT_FORMATS,
    by_name,
    in_words,
)

if TYPE_CHECKING:
    from magika import Magika

_BY_LABEL: Final = {"pdf": PDF, "docx": DOCX, "txt": TEXT, "markdown": MARKDOWN, "csv": CSV,
                    "html": HTML}  # fmt: skip
_ALIASES: Final = {
    "text/x-markdown": MARKDOWN, "application/csv": CSV, "text/x-csv": CSV,
    "application/xhtml+xml": HTML, "application/x-pdf": PDF,
}  # fmt: skip
_SAYS_NOTHING: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_PDF_HEADER_WITHIN: Final = 1024
_OLE_MAGIC: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_ZIP_MAGIC: Final = b"PK\x03\x04"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Content:
    """What a file's bytes say it is. `label` and `group` are Magika's words for it."""

    media_type: str
    label: str
    group: str
    is_text: bool

    @property
    def is_damaged(self) -> bool:
        """Whether it begins as a container and does not open as one."""
        return self.label == "damaged container"

    @property
    def is_ole(self) -> bool:
        """Whether it is a compound file: binary Office, Outlook, or encrypted Office."""
        return self.label == "ole"


def accepted_type(stream: BinaryIO, *, filename: str, claimed_type: str | None = None) -> str:
    """Return the media type under which a file would be accepted; raises the reason if none."""
    content = identify(stream)
    media_type = _accepted_type(stream, content, by_name(filename))
    _check_claimed_type(media_type, content, claimed_type)
    return media_type


def load_model() -> None:
    """Load what tells types apart, so that the first file does not wait for it."""
    _magika()


def _check_claimed_type(media_type: str, content: Content, claimed_type: str | None) -> None:
    """Refuse a file that its sender announced as another kind; texts are of one kind here."""
    claimed = (claimed_type or "").partition(";")[0].strip().lower()
    if claimed in _SAYS_NOTHING:
        return
    claimed = _ALIASES.get(claimed, claimed)
    both_text = media_type in TEXT_FORMATS and (
        claimed in TEXT_FORMATS or claimed.startswith("text/")
    )
    if claimed != media_type and not both_text:
        raise _mismatch("announcement", claimed[:100], content)


def check_allowed(media_type: str, *, allowlist: Sequence[str]) -> None:
    """Refuse a format that is read here and that the tenant does not want."""
    if media_type not in allowlist:
        raise FormatNotAllowedError(
            f"Your organisation's settings do not allow {NAMES[media_type]} files.",
            remediation=f"Send {in_words(allowlist)}, or ask the platform's operator to allow it.",
            extra={"found": media_type, "allowed": [str(each) for each in allowlist]},
        )


def _accepted_type(stream: BinaryIO, content: Content, claimed: str | None) -> str:
    if content.is_ole:
        _refuse_ole(stream)
    if content.is_damaged and claimed == DOCX:
        raise corrupt("Word document")
    if claimed is None:
        return _type_without_claim(content)
    is_text_claim = claimed in TEXT_FORMATS
    matches = content.is_text if is_text_claim else content.media_type == claimed
    if not matches:
        raise _mismatch("name", claimed, content)
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
            is_encrypted = ole.exists("EncryptedPackage")
    except OSError as error:
        raise CorruptFileError(
            "The file is damaged.", remediation="Save it again as DOCX or PDF and send that."
        ) from error
    if is_encrypted:
        raise encrypted("Office file")
    raise LegacyOfficeError(
        "Office files in the format of before 2007 (.doc, .xls, .ppt, .msg) are not read.",
        remediation="Open it in an office program and save it as DOCX or PDF.",
    )


def _mismatch(where: str, claimed: str, content: Content) -> TypeMismatchError:
    return TypeMismatchError(
        f"The {where} says {claimed}, the content is {content.label}.",
        remediation="Give the file the extension and type of what it is, or export it again.",
        extra={"claimed": claimed, "found": content.label},
    )


def identify(stream: BinaryIO) -> Content:
    """Tell the content of a seekable file from its bytes alone."""
    stream.seek(0)
    head = stream.read(_PDF_HEADER_WITHIN)
    stream.seek(0)
    if b"%PDF-" in head:
        return Content(PDF, "pdf", "document", is_text=False)
    if head.startswith(_OLE_MAGIC):
        return Content("application/x-ole-storage", "ole", "document", is_text=False)
    if head.startswith(_ZIP_MAGIC) and (container := _zip_content(stream)):
        return container
    output = _magika().identify_stream(stream).output
    stream.seek(0)
    # A UTF-16 text is half zeros, which a model of bytes may take for anything.
    is_text = bool(output.is_text) or head.startswith(_UTF16_MARKS)
    media_type = _BY_LABEL.get(str(output.label), str(output.mime_type))
    if media_type in {PDF, DOCX}:
        # By their looks alone: what they are told by is not there.
        return Content("application/octet-stream", "unknown", "unknown", is_text=False)
    return Content(media_type, str(output.label), str(output.group), is_text=is_text)


def members_of(stream: BinaryIO) -> list[zipfile.ZipInfo] | None:
    """Return what a zip container says it holds, or None where it is damaged or of no known kind.

    `zipfile` raises NotImplementedError for compressions and versions that it does not know.
    """
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as container:
            return container.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None
    finally:
        stream.seek(0)


def _zip_content(stream: BinaryIO) -> Content | None:
    """Tell a Word document by its parts, and a container that does not open; None: look closer."""
    members = members_of(stream)
    if members is None:
        return Content("application/zip", "damaged container", "archive", is_text=False)
    if any(member.filename == "word/document.xml" for member in members):
        return Content(DOCX, "docx", "document", is_text=False)
    return None


@lru_cache(maxsize=1)
def _magika() -> "Magika":
    from magika import Magika

    return Magika()
