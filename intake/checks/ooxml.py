"""Office Open XML: every part unpacked once within limits, and looked at for what it is.

XML parts must declare nothing, pictures must fit in memory, and an archive in the document may only
be an Office document of its own, such as the workbook behind a chart, one level deep.
"""

import io
import os
import zipfile
from typing import BinaryIO, Final

from intake.checks.images import check_image
from intake.checks.words import corrupt
from intake.checks.xml import PrologCheck
from intake.checks.zips import MEGABYTE, Budget, Container
from intake.errors import NestedArchiveError

NESTING_LIMIT: Final = 1
_CONTENT_TYPES: Final = "[Content_Types].xml"
_XML: Final = (".xml", ".rels", ".svg", ".vml")
_HEAD: Final = 512
_ZIP: Final = b"PK\x03\x04"
_ARCHIVES: Final = (
    b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd", b"MSCF\x00\x00\x00\x00", b"LZIP", b"\x60\xea",
)  # fmt: skip
_TAR_PLACE: Final = 257
_TAR: Final = b"ustar"
_PICTURES: Final = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"RIFF",
)  # fmt: skip
_KEPT_LIMIT: Final = 128 * MEGABYTE


def check_docx(stream: BinaryIO) -> None:
    """Raise the reason against a Word document."""
    check_package(stream, kind="Word document", needed=("word/document.xml",))


def check_package(stream: BinaryIO, *, kind: str, needed: tuple[str, ...] = ()) -> None:
    """Raise the reason against an Office document, which must have the parts `needed`."""
    size = stream.seek(0, os.SEEK_END)
    container = _check_parts(stream, kind, Budget(packed=size), depth=0)
    names = {member.filename for member in container.members}
    if not names.issuperset((_CONTENT_TYPES, *needed)):
        raise corrupt(kind)


def _check_parts(stream: BinaryIO, kind: str, budget: Budget, *, depth: int) -> Container:
    container = Container(stream, kind=kind, budget=budget)
    for member in container.members:
        _check_part(container, member, budget, kind, depth)
    return container


def _check_part(
    container: Container, member: zipfile.ZipInfo, budget: Budget, kind: str, depth: int
) -> None:
    prolog = PrologCheck() if member.filename.lower().endswith(_XML) else None
    head, kept = b"", None
    for block in container.unpack(member):
        if not head:
            head = block[:_HEAD]
            kept = io.BytesIO() if _is_looked_into(head) else None
        if prolog is not None:
            prolog.feed(block)
        if kept is not None and kept.tell() < _KEPT_LIMIT:
            kept.write(block)
    if kept is None:
        return
    kept.seek(0)
    if head.startswith(_ZIP):
        _check_nested(kept, budget, kind, depth)
    else:
        check_image(kept)


def _is_looked_into(head: bytes) -> bool:
    if head.startswith(_ARCHIVES) or head[_TAR_PLACE:].startswith(_TAR):
        raise _nested()
    return head.startswith((_ZIP, *_PICTURES))


def _check_nested(inner: BinaryIO, budget: Budget, kind: str, depth: int) -> None:
    if depth >= NESTING_LIMIT:
        raise _nested()
    container = _check_parts(inner, f"document in the {kind}", budget, depth=depth + 1)
    if _CONTENT_TYPES not in {member.filename for member in container.members}:
        raise _nested()


def _nested() -> NestedArchiveError:
    return NestedArchiveError(
        "There is an archive in the document, or a document in a document in it.",
        remediation="Take it out, and send what is in it as files of their own.",
    )
