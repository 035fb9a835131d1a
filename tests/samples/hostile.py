"""Files that must be refused, made when a test asks for them; none is kept."""

import io
import struct
import zipfile
from collections.abc import Mapping
from typing import Final

from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

PASSWORD: Final = "open sesame"
_SECTOR: Final = 512
_END: Final = 0xFFFFFFFE
_FAT: Final = 0xFFFFFFFD
_FREE: Final = 0xFFFFFFFF
_OLE_MAGIC: Final = bytes.fromhex("d0cf11e0a1b11ae1")


def plain_pdf(text: str = "Quarterly figures") -> bytes:
    """A sound PDF of one line."""
    target = io.BytesIO()
    canvas = Canvas(target, invariant=1)
    canvas.drawString(72, 720, text)
    canvas.save()
    return target.getvalue()


def password_pdf() -> bytes:
    """A PDF that opens only with `PASSWORD`."""
    target = io.BytesIO()
    canvas = Canvas(target, encrypt=StandardEncryption(PASSWORD, "owner", strength=128))
    canvas.drawString(72, 720, "Nobody reads this without the password")
    canvas.save()
    return target.getvalue()


def broken_pdf() -> bytes:
    """A file that starts as a PDF and goes on with nothing that is one."""
    return b"%PDF-1.7\n" + bytes(range(256)) * 8 + b"\n%%EOF\n"


def zip_archive() -> bytes:
    """An archive with a document in it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("report.txt", "hidden in an archive")
    return target.getvalue()


def legacy_doc() -> bytes:
    """A binary Word document, as far as its container goes."""
    return compound_file({"WordDocument": b"\xec\xa5\xc1\x00" + bytes(4096)})


def password_docx() -> bytes:
    """A DOCX with a password: a compound file around the encrypted package."""
    return compound_file({"EncryptedPackage": bytes(range(256)) * 16})


def empty_file() -> bytes:
    """No bytes at all."""
    return b""


def misnamed_pdf() -> tuple[str, bytes]:
    """A PDF under the name of a Word document."""
    return "report.docx", plain_pdf()


def compound_file(streams: Mapping[str, bytes]) -> bytes:
    """Return a compound file (MS-CFB, version 3) with these streams of at least 4,096 bytes."""
    contents = [data + bytes(-len(data) % _SECTOR) for data in streams.values()]
    starts, fat = [], [_FAT, _END]
    for data in contents:
        starts.append(len(fat))
        sectors = len(data) // _SECTOR
        fat += [*range(len(fat) + 1, len(fat) + sectors), _END]
    entries = [_entry("Root Entry", 5, _END, 0, child=1)] + [
        _entry(name, 2, start, len(data))
        for (name, data), start in zip(streams.items(), starts, strict=True)
    ]
    directory = b"".join(entries).ljust(_SECTOR, b"\0")
    table = struct.pack(f"<{_SECTOR // 4}I", *fat, *[_FREE] * (_SECTOR // 4 - len(fat)))
    return _header() + table + directory + b"".join(contents)


def _header() -> bytes:
    fields = struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6,
                         0, 1, 1, 0, 4096, _END, 0, _END, 0)  # fmt: skip
    return _OLE_MAGIC + bytes(16) + fields + struct.pack("<109I", 0, *[_FREE] * 108)


def _entry(name: str, kind: int, start: int, size: int, child: int = _FREE) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    return struct.pack("<64sHBBIII16xI8x8xIQ", encoded, len(encoded), kind, 1,
                       _FREE, _FREE, child, 0, start, size)  # fmt: skip
