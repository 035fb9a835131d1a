"""Hostile files made by hand, each with the code that it must be refused with.

`code` is empty for a file that may be taken in: then it must do no harm on its way.
"""

import stat
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.hostile import building as b
from tests.samples import hostile

UNSAFE: Final = "UNSAFE_CONTAINER"
CORRUPT: Final = "CORRUPT_FILE"
MISMATCH: Final = "TYPE_MISMATCH"
UNSUPPORTED: Final = "UNSUPPORTED_FORMAT"
ENCRYPTED: Final = "ENCRYPTED_FILE"
EMPTY: Final = "EMPTY_FILE"
MEGABYTE: Final = 1024 * 1024
LAUGHS: Final = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">'
    + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
    )
    + b"]><w:document>&j;</w:document>"
)  # fmt: skip
FETCH: Final = (
    b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><Relationships>&x;</Relationships>'
)


@dataclass(frozen=True, slots=True)
class Case:
    """A name for the test, a file name, how to make the bytes, and what must be said of them."""

    name: str
    filename: str
    make: Callable[[], bytes]
    code: str = ""
    reason: str = ""


def _document(name: str, make: Callable[[], bytes], code: str = UNSAFE, reason: str = "") -> Case:
    return Case(name, f"{name}.docx", make, code, reason)


def _pdf(name: str, make: Callable[[], bytes], code: str = "", reason: str = "") -> Case:
    return Case(name, f"{name}.pdf", make, code, reason)


def _text(name: str, suffix: str, data: bytes, code: str = "", reason: str = "") -> Case:
    return Case(name, f"{name}.{suffix}", lambda: data, code, reason)


def _named(name: str, part: str) -> Case:
    return _document(name, lambda: b.docx((part, b"x")), reason="names")


def _with_null_in_name() -> bytes:
    data = b.docx(("word/media/note.txtXbin", b"x"))
    return b.renamed(data, "note.txtXbin", "note.txt\0bin")


def _lying_size() -> bytes:
    data = b.docx(("word/media/long.txt", b" " * 40 * MEGABYTE))
    return b.in_directory(data, "word/media/long.txt", 24, (100).to_bytes(4, "little"))


def _other_name_inside() -> bytes:
    data = b.docx(("word/media/aaaa.txt", b"x"))
    return b.renamed(data, "aaaa.txt", "bbbb.txt", everywhere=False)


def _encrypted_part() -> bytes:
    data = b.docx(("word/media/a.txt", b"x"))
    return b.in_directory(data, "word/media/a.txt", 8, b"\x01\x00")


def _duplicate() -> bytes:
    data = b.docx(("word/document.xmm", b"<a/>"))
    return b.renamed(data, "word/document.xmm", "word/document.xml")


def _nested(times: int) -> bytes:
    data = b.docx()
    for _ in range(times):
        data = b.docx(("word/embeddings/inner.docx", data))
    return data


def _link(mode: int) -> bytes:
    return b.docx((b.member("word/media/link", mode=mode | 0o777), b"/etc/passwd"))


def _media(name: str, data: bytes) -> Callable[[], bytes]:
    return lambda: b.docx((f"word/media/{name}", data))


def _prefixed_zip() -> bytes:
    return b"PK\x03\x04" + b"an archive before the archive " * 4 + b.docx()


def _picture_pdf(width: int, height: int) -> bytes:
    picture = (
        b"/Type /XObject /Subtype /Image /BitsPerComponent 8 /ColorSpace /DeviceRGB "
        b"/Width %d /Height %d" % (width, height)
    )
    return b.page_pdf(
        content=b"q 100 0 0 100 0 0 cm /Im Do Q",
        resources=b"/XObject << /Im 6 0 R >>",
        more={6: b.stream(b"x", picture)},
    )


def _filters(count: int) -> bytes:
    return b"/Filter [%s]" % (b"/FlateDecode " * count)


def _tree_loop() -> bytes:
    return b.pdf({
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 1000000 >>",
    })  # fmt: skip


def _deep_tree(depth: int) -> bytes:
    objects = {1: b"<< /Type /Catalog /Pages 2 0 R >>"}
    for number in range(2, depth + 2):
        objects[number] = b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % (number + 1)
    objects[depth + 2] = b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 100 100] >>" % (depth + 1)
    return b.pdf(objects)


def _xref_loop() -> bytes:
    data = b.page_pdf()
    start = int(data.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    return data.replace(b"/Size", b"/Prev %d /Size" % start, 1)


def _form_loop() -> bytes:
    form = (
        b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /Im 6 0 R >> >>"
    )
    return b.page_pdf(
        content=b"/Im Do",
        resources=b"/XObject << /Im 6 0 R >>",
        more={6: b.stream(b"/Im Do /Im Do", form)},
    )


def _object_stream_in_itself() -> bytes:
    inner = b"6 0 << /Type /ObjStm >>"
    return b.page_pdf(more={6: b.stream(inner, b"/Type /ObjStm /N 1 /First 4 /Extends 6 0 R")})


CONTAINERS: Final = (
    _document("a-ratio-of-a-thousand",
              lambda: b.docx(("word/media/long.txt", b" " * 60 * MEGABYTE)),
              reason="unpacked_size"),
    _document("a-size-that-is-a-lie", _lying_size),
    _document("parts-over-each-other", b.overlapping, reason="overlap"),
    _document("thirty-thousand-parts",
              lambda: b.docx(*((f"word/media/{n}", b"") for n in range(30_000))),
              reason="unpacked_size"),
    _document("an-archive-inside", _media("a.bin", b.archive({"a.txt": b"x"})), reason="nesting"),
    _document("three-deep", lambda: _nested(2), reason="nesting"),
    _document("one-deep", lambda: _nested(1), code=""),
    _document("rar-inside", _media("a.bin", b"Rar!\x1a\x07\x01\x00" + bytes(80)), reason="nesting"),
    _document("gzip-inside", _media("a.bin", b"\x1f\x8b\x08" + bytes(80)), reason="nesting"),
    _document("tar-inside", _media("a.bin", bytes(257) + b"ustar" + bytes(300)), reason="nesting"),
    _named("up-and-out", "../../etc/passwd"),
    _named("absolute", "/etc/passwd"),
    _named("drive", "C:/windows/win.ini"),
    _named("stream-of-a-file", "word/a.txt:stream"),
    _named("backslashes", "word\\..\\..\\x"),
    _named("turned-around", "word/\u202efdp.exe"),
    _named("other-case", "WORD/Document.xml"),
    _named("compatible-letters", "word/\uff44ocument.xml"),
    _document("null-in-a-name", _with_null_in_name, reason="names"),
    _document("twice-the-same-name", _duplicate, reason="names"),
    _document("another-name-inside", _other_name_inside),
    _document("symlink", lambda: _link(stat.S_IFLNK), reason="links"),
    _document("device", lambda: _link(stat.S_IFCHR), reason="links"),
    _document("a-locked-part", _encrypted_part, ENCRYPTED),
    _document("lzma", lambda: b.docx(("word/a.txt", b"x"), compress=zipfile.ZIP_LZMA)),
    _document("bzip2", lambda: b.docx(("word/a.txt", b"x"), compress=zipfile.ZIP_BZIP2)),
    _document("archive-before-archive", _prefixed_zip, reason="polyglot"),
    _document("no-document", lambda: b.archive({"[Content_Types].xml": b"<a/>"}), MISMATCH),
    _document("no-content-types", lambda: b.docx(without=["[Content_Types].xml"]), CORRUPT),
    _document("cut-in-the-middle", lambda: b.docx()[:2000], CORRUPT),
    _document("end-alone", lambda: b.docx()[-22:], MISMATCH),
)  # fmt: skip
XML: Final = (
    _document("billion-laughs",
              lambda: b.docx(("word/document.xml", LAUGHS), without=["word/document.xml"]),
              reason="entities"),
    _document("a-file-fetched", lambda: b.docx(("word/_rels/a.rels", FETCH)), reason="entities"),
    _document("entities-in-utf-16",
              lambda: b.docx(("word/a.xml", FETCH.decode().encode("utf-16"))), reason="entities"),
    _document("a-type-from-outside",
              lambda: b.docx(("word/a.xml", b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a"><a/>')),
              reason="entities"),
    _document("an-unknown-encoding",
              lambda: b.docx(("word/a.xml", b'<?xml version="1.0" encoding="klingon"?><a/>')),
              code=""),
    _document("a-prolog-without-end",
              lambda: b.docx(("word/a.xml", b"<!--" + b"a" * 200_000 + b"--><a/>")),
              reason="entities"),
    _document("entities-in-a-drawing", lambda: b.docx(("word/media/a.svg", LAUGHS)),
              reason="entities"),
    _document("deep-elements",
              lambda: b.docx(("word/document.xml", b"<a>" * 200_000),
                             without=["word/document.xml"]),
              code=""),
)  # fmt: skip
PIXELS: Final = (
    _document("png-flood", _media("a.png", b.png_header(60_000, 60_000)), reason="pixels"),
    _document("png-flood-of-the-largest", _media("a.png", b.png_header(2**31 - 1, 2**31 - 1)),
              reason="pixels"),
    _document("png-one-line", _media("a.png", b.png_header(2_000_000, 1)), reason="pixels"),
    _document("gif-flood", _media("a.gif", b.gif_header(65_535, 65_535)), reason="pixels"),
    _document("bmp-flood", _media("a.jpg", b.bmp_header(50_000, 50_000)), reason="pixels"),
    _document("png-of-a-page", _media("a.png", b.png_header(5_000, 7_000)), code=""),
    _document("png-of-nothing", _media("a.png", b"\x89PNG\r\n\x1a\n"), code=""),
    _pdf("a-page-of-kilometres", lambda: b.page_pdf(box=b"0 0 9000000 9000000"), UNSAFE, "pixels"),
    _pdf("a-picture-of-gigabytes", lambda: _picture_pdf(200_000, 200_000), UNSAFE, "pixels"),
    _pdf("a-wide-picture", lambda: _picture_pdf(60_000, 60_000), UNSAFE, "pixels"),
    _pdf("a-page-of-no-size", lambda: b.page_pdf(box=b"0 0 0 0")),
    _pdf("a-page-inside-out", lambda: b.page_pdf(box=b"600 800 -9999 nan")),
)  # fmt: skip
PDFS: Final = (
    _pdf("half-a-gigabyte-of-spaces",
         lambda: b.page_pdf(content=b.squeezed(500, 2), filters=_filters(2))),
    _pdf("a-hundred-filters", lambda: b.page_pdf(content=b.squeezed(1, 1), filters=_filters(100))),
    _pdf("a-tree-in-itself", _tree_loop, UNSAFE, "unpacked_size"),
    _pdf("a-deep-tree", lambda: _deep_tree(5_000)),
    _pdf("a-table-before-itself", _xref_loop),
    _pdf("a-form-in-itself", _form_loop),
    _pdf("an-object-stream-in-itself", _object_stream_in_itself),
    _pdf("brackets", lambda: b.page_pdf(more={6: b"[" * 500_000})),
    _pdf("a-length-without-end",
         lambda: b.page_pdf().replace(b"/Length", b"/Length 99999999999 /L", 1)),
    _pdf("an-archive-behind", lambda: b.page_pdf() + b.archive({"a": b"x"}), UNSAFE, "polyglot"),
    _pdf("a-page-of-the-web-before", lambda: b"<html><script>1</script>" + b.page_pdf(), UNSAFE,
         "polyglot"),
    _pdf("a-picture-before", lambda: b.gif_header(1, 1) + b.page_pdf(), UNSAFE, "polyglot"),
    _pdf("a-program-before", lambda: b"MZ" + bytes(100) + b.page_pdf(), UNSAFE, "polyglot"),
    _pdf("half", lambda: b.page_pdf()[:300], CORRUPT),
    _pdf("a-header-alone", lambda: b"%PDF-1.7", CORRUPT),
    _pdf("locked", hostile.password_pdf, ENCRYPTED),
    Case("pdf-as-zip", "both.zip", lambda: b.page_pdf() + b.archive({"a": b"x"}), UNSAFE,
         "polyglot"),
)  # fmt: skip
TEXTS: Final = (
    _text("a-line-of-forty-megabytes", "csv", b"crane,quay,load," * 3 * MEGABYTE, UNSAFE, "lines"),
    _text("a-page-of-one-line", "html", b"<p>" + b"word " * 7 * MEGABYTE, UNSAFE, "lines"),
    _text("ten-thousand-columns", "csv", b"a," * 10_000 + b"\n" + b"1," * 10_000),
    _text("an-open-quotation", "csv", b'a,b\n"' + b"never closed\n" * 20_000),
    _text("deep-divisions", "html", b"<html>" + b"<div>" * 100_000 + b"end"),
    _text("deep-tables", "html", b"<table><tr><td>" * 5_000 + b"end"),
    _text("an-attribute-of-megabytes", "html", b'<html><p a="' + b"x" * 3 * MEGABYTE + b'">a</p>'),
    _text("entities-without-end", "html", b"<p>" + b"&amp;" * 20_000 + b"&#x110000;&#xD800;"),
    _text("deep-quotations", "md", b">" * 50_000 + b" end\n"),
    _text("open-brackets", "md", b"[" * 50_000 + b"\n"),
    _text("stars", "md", b"*a **b " * 20_000),
    _text("deep-lists", "md", b"".join(b" " * n + b"- a\n" for n in range(1_500))),
    _text("no-encoding-at-all", "txt", b"Cranes \xff\xfe\xfd\x80 and \xc3\x28 quays. " * 50),
    _text("escapes", "txt", b"\x1b[2J\x1b]0;title\x07 plain words after it\n" * 20),
    _text("zeros", "txt", bytes(5000), MISMATCH),
    _text("marks-alone", "txt", b"\xef\xbb\xbf\r\n \t", EMPTY),
    _text("one-byte", "txt", b"a"),
    _text("nothing", "pdf", b"", EMPTY),
)
NAMES: Final = tuple(
    Case(f"name-{number}", name, lambda: b"A note about cranes and quays.\n")
    for number, name in enumerate(
        ("CON.txt", "nul.txt", "aux.csv", "LPT1.md", "a/../../b.txt", "..\\..\\win.ini.txt",
         "\u202etxt.fdp.txt", "name" * 200 + ".txt", ".htaccess.txt",
         "<script>alert(1)</script>.txt",
         "' OR 1=1 --.txt", "   .txt", "-rf.txt", "%2e%2e%2fa.txt", "a\r\nX-Injected: 1.txt",
         "\u0000.txt", "file:///etc/passwd.txt", "\U0001f3d7\ufe0f\u200d.txt", "e\u0301.txt",
         "$(id).txt", "{{7*7}}.txt")
    )
)  # fmt: skip
OTHERS: Final = (
    Case("a-program", "tool.exe", lambda: Path(sys.executable).resolve().read_bytes(), UNSUPPORTED,
         "executable"),
    Case("a-program-as-text", "tool.txt", lambda: Path(sys.executable).resolve().read_bytes(),
         MISMATCH),
    Case("an-archive", "files.zip", hostile.zip_archive, UNSUPPORTED, "archive"),
    Case("old-word", "old.doc", hostile.legacy_doc, UNSUPPORTED, "legacy_office"),
    Case("locked-word", "locked.docx", hostile.password_docx, ENCRYPTED),
    Case("half-a-compound-file", "old.doc", lambda: hostile.legacy_doc()[:700]),
    Case("pdf-as-word", "report.docx", b.page_pdf, MISMATCH),
    Case("word-as-pdf", "report.pdf", b.docx, MISMATCH),
    Case("picture-as-pdf", "picture.pdf", lambda: b.png_header(10, 10), MISMATCH),
    Case("picture", "picture.png", lambda: b.png_header(10, 10), UNSUPPORTED),
    Case("drawing-as-text", "a.txt", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
)  # fmt: skip
CASES: Final = (*CONTAINERS, *XML, *PIXELS, *PDFS, *TEXTS, *NAMES, *OTHERS)
