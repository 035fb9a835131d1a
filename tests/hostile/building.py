"""Bricks of hostile files: containers that lie, PDFs written by hand, pictures of headers alone."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from typing import Final

from tests.conftest import SAMPLES

DOCX: Final = SAMPLES / "acme" / "pump-maintenance-procedure.docx"
Part = tuple[str | zipfile.ZipInfo, bytes]


def docx(*more: Part, without: Iterable[str] = (), compress: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a sound sample with parts added, and others taken out."""
    target = io.BytesIO()
    left_out = set(without)
    with zipfile.ZipFile(DOCX) as source, zipfile.ZipFile(target, "w", compress) as copy:
        for member in source.infolist():
            if member.filename not in left_out:
                copy.writestr(_undated(member.filename), source.read(member), compress)
        for name, data in more:
            copy.writestr(
                _undated(name), data, None if isinstance(name, zipfile.ZipInfo) else compress
            )
    return target.getvalue()


def archive(parts: Mapping[str, bytes]) -> bytes:
    """Return a plain ZIP."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as container:
        for name, data in parts.items():
            container.writestr(_undated(name), data, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _undated(name: str | zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return an entry without the date of its making: the same file each time."""
    return name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)


def member(name: str, *, mode: int = 0, flags: int = 0) -> zipfile.ZipInfo:
    """Return the directory entry of a part with a Unix mode."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.flag_bits |= flags
    return entry


def in_directory(data: bytes, name: str, offset: int, value: bytes) -> bytes:
    """Return a ZIP with bytes of one part's entry in the directory replaced, at `offset` of it."""
    place = data.index(b"PK\x01\x02")
    while data[place + 46 : place + 46 + len(name)] != name.encode():
        place = data.index(b"PK\x01\x02", place + 4)
    return data[: place + offset] + value + data[place + offset + len(value) :]


def renamed(data: bytes, old: str, new: str, *, everywhere: bool = True) -> bytes:
    """Return a ZIP with a part's name replaced by one of the same length; or in its header only."""
    assert len(old) == len(new)
    times = -1 if everywhere else 1
    return data.replace(old.encode(), new.encode(), times)


def overlapping() -> bytes:
    """A DOCX whose directory leads twice to the same packed bytes."""
    data = docx(("word/media/a.bin", b"x" * 1000), ("word/media/b.bin", b"x" * 1000))
    place = data.index(b"PK\x01\x02")
    offsets = {}
    while place >= 0:
        length = struct.unpack_from("<H", data, place + 28)[0]
        offsets[data[place + 46 : place + 46 + length]] = place
        place = data.find(b"PK\x01\x02", place + 4)
    first = data[offsets[b"word/media/a.bin"] + 42 :][:4]
    return in_directory(data, "word/media/b.bin", 42, first)


def png_header(width: int, height: int) -> bytes:
    """A PNG that states a size and has nothing to fill it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def gif_header(width: int, height: int) -> bytes:
    """A GIF that states a size."""
    frame = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + frame + b";"


def bmp_header(width: int, height: int) -> bytes:
    """A BMP that states a size."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info + bytes(16)


def pdf(objects: Mapping[int, bytes], *, root: int = 1, trailer: bytes = b"") -> bytes:
    """Return a PDF of these objects, with a cross-reference table that is right."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        out += b"%010d 00000 n \n" % places.get(number, 0)
    out += b"trailer\n<< /Size %d /Root %d 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        size, root, trailer, start,
    )  # fmt: skip
    return bytes(out)


def stream(data: bytes, dictionary: bytes = b"") -> bytes:
    """Return the body of a PDF stream object."""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), dictionary, data)


def page_pdf(
    *,
    content: bytes = b"BT /F1 12 Tf 72 700 Td (Cranes and quays) Tj ET",
    filters: bytes = b"",
    box: bytes = b"0 0 612 792",
    resources: bytes = b"",
    more: Mapping[int, bytes] | None = None,
) -> bytes:
    """Return a PDF of one page."""
    return pdf({
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [%s] /Contents 4 0 R /Resources << "
           b"/Font << /F1 5 0 R >> %s >> >>" % (box, resources),
        4: stream(content, filters),
        5: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        **(more or {}),
    })  # fmt: skip


def squeezed(size_mb: int, times: int) -> bytes:
    """Return this many megabytes of spaces, deflated again and again."""
    packer = zlib.compressobj(9)
    block = b" " * 1024 * 1024
    data = b"".join(packer.compress(block) for _ in range(size_mb)) + packer.flush()
    for _ in range(times - 1):
        data = zlib.compress(data, 9)
    return data
