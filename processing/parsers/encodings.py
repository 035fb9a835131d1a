"""Bytes to text, whatever they are encoded in, and text without what no store can hold."""

import codecs
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from charset_normalizer import from_bytes

from processing.parsers.errors import CorruptFileError

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_TEXT_CODECS: Final = re.compile(
    r"(utf|iso|latin|l\d|cp|windows|koi|mac|big5|gb|euc|shift|sjis|johab|hz|tis|ascii|us)",
    re.IGNORECASE,
)
_SAMPLE: Final = 64 * 1024
_TELLING_LINE: Final = re.compile(rb"[^\n]*[\x80-\xff][^\n]*\n?")
_BEYOND_ASCII: Final = re.compile(rb"[\x80-\xff]+")
_ASCII_LETTER: Final = re.compile(rb"[A-Za-z]")
_CONTROL: Final = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), "\ufffd")
_CLEAN: Final = _CONTROL | {
    0x09: "\t", 0x0A: "\n", 0x0B: " ", 0x0C: "\n", 0x0D: "\n", 0x85: "\n",
    0x2028: "\n", 0x2029: "\n", 0xFEFF: "",
} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")  # fmt: skip
_UNCLEAN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")

# Neighbouring Latin code pages differ in a few letters, which a general detector confuses. The
# letters that their languages use, in the order in which a tie is decided.
_WESTERN: Final = "äöüßéèêëàâáíìîïóòôúùûñçãõåæøœÿ°§©®·«»¿¡\xa0"
_EASTERN: Final = "ąćęłńóśźżáčďéěíňřšťúůýžôőűăâîäöüß°§©®·«»\xa0"
_TYPOGRAPHY: Final = "“”‘’„–—€…"  # noqa: RUF001
_LATIN: Final = {
    "cp1252": _WESTERN + _TYPOGRAPHY,
    "cp1250": _EASTERN + _TYPOGRAPHY,
    "iso8859_2": _EASTERN,
    "cp1254": "ğışçöüâîû°§©®·«»\xa0" + _TYPOGRAPHY,
    "mac_roman": _WESTERN + _TYPOGRAPHY,
    "cp850": _WESTERN,
}
_LATIN_LOOKALIKES: Final = re.compile(r"cp125[0247]|iso8859_(1|2|3|4|9|10|13|14|15|16)|latin_1")


def clean(text: str) -> str:
    """Return text with plain line ends and without control characters or halves of characters."""
    if not _UNCLEAN.search(text):
        return text
    return text.replace("\r\n", "\n").translate(_CLEAN)


def decode(data: bytes, *, declared: str | None = None) -> str:
    """Return the text of a file: by its byte order mark, its declaration, UTF-8, or by its look.

    Raises `CorruptFileError` when it is text in no encoding.
    """
    for encoding in _certain(data, declared):
        try:
            return clean(data.decode(encoding))
        except (UnicodeDecodeError, LookupError):
            continue
    guess = _guess(data)
    if guess is None:
        raise CorruptFileError("The file is not text in any known encoding.")
    return clean(data.decode(guess, errors="replace"))


def _certain(data: bytes, declared: str | None) -> Iterator[str]:
    """Yield the encodings that the bytes or the document itself name, then UTF-8."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            yield encoding
            break
    if declared and _TEXT_CODECS.match(declared):
        yield declared
    wide = _without_mark(data)
    if wide:
        yield wide
    if b"\x1b$" in data[:_SAMPLE]:
        yield "iso2022_jp"
        yield "iso2022_kr"
    yield "utf-8"


def _without_mark(data: bytes) -> str | None:
    """Tell UTF-16 without a byte order mark by its zeros: every other byte of Western text."""
    sample = data[:4096]
    if len(sample) < 4 or b"\0" not in sample:
        return None
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if odd > 0.4 * len(sample[1::2]) and even < 0.05 * len(sample):
        return "utf-16-le"
    if even > 0.4 * len(sample[::2]) and odd < 0.05 * len(sample):
        return "utf-16-be"
    return None


def _guess(data: bytes) -> str | None:
    """Return the likeliest encoding of the lines that are not ASCII; megabytes tell no more."""
    sample = bytearray()
    for match in _TELLING_LINE.finditer(data):
        sample += match.group()
        if len(sample) >= _SAMPLE:
            break
    telling = bytes(sample[:_SAMPLE])
    best = from_bytes(telling).best()
    if best is None:
        return None
    if _has_lone_accents(telling) or _LATIN_LOOKALIKES.fullmatch(best.encoding):
        return _latin(telling)
    return best.encoding


def _has_lone_accents(sample: bytes) -> bool:
    """Tell Latin text by its letters beyond ASCII: most stand alone, as in no other script."""
    runs = [len(match.group()) for match in _BEYOND_ASCII.finditer(sample)]
    letters = _ASCII_LETTER.findall(sample)
    return runs.count(1) >= 0.7 * len(runs) and len(letters) > 2 * sum(runs)


def _latin(sample: bytes) -> str:
    """Return the Latin code page in which most letters are ones that its languages use.

    Capitals after small letters do not count: no language writes them.
    """

    def usual(encoding: str) -> int:
        text = sample.decode(encoding, "replace")
        return sum(
            char.lower() in _LATIN[encoding] and not (before.islower() and char.isupper())
            for before, char in pairwise(f" {text}")
            if char > "\x7f"
        )

    return max(_LATIN, key=usual)
