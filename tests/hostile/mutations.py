"""Sound files made unsound, the same ones for the same seed."""

import io
import random
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.hostile.cases import CASES
from tests.samples.make import QUESTIONS, files

File = tuple[str, bytes]
Mutation = Callable[[random.Random, bytes], bytes]
_NUMBER: Final = re.compile(rb"(?<![\d.])\d{1,9}(?![\d.])")
_EXTREMES: Final = (b"0", b"-1", b"1", b"65536", b"2147483647", b"4294967296", b"99999999999999")
_SIZE_LIMIT: Final = 2_000_000
_SUFFIXES: Final = (".pdf", ".docx", ".txt", ".md", ".csv", ".html")


def cut(chance: random.Random, data: bytes) -> bytes:
    """End it early."""
    return data[: chance.randrange(len(data) + 1)]


def flip(chance: random.Random, data: bytes) -> bytes:
    """Flip some bits."""
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 60)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def take_out(chance: random.Random, data: bytes) -> bytes:
    """Leave a piece out."""
    start, end = _span(chance, data)
    return data[:start] + data[end:]


def repeat(chance: random.Random, data: bytes) -> bytes:
    """Have a piece many times."""
    start, end = _span(chance, data)
    return data[:start] + data[start:end] * chance.randrange(2, 30) + data[end:]


def insert(chance: random.Random, data: bytes) -> bytes:
    """Put foreign bytes in."""
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.randbytes(chance.randrange(1, 4000)) + data[place:]


def blank(chance: random.Random, data: bytes) -> bytes:
    """Lose a piece, as a disk does: zeros."""
    start, end = _span(chance, data)
    return data[:start] + bytes(end - start) + data[end:]


def numbers(chance: random.Random, data: bytes) -> bytes:
    """Make some of the numbers that stand in it extreme: lengths, counts, references."""
    found = list(_NUMBER.finditer(data))
    for match in sorted(chance.sample(found, min(len(found), 12)), key=lambda m: -m.start()):
        data = data[: match.start()] + chance.choice(_EXTREMES) + data[match.end() :]
    return data


def inside(chance: random.Random, data: bytes) -> bytes:
    """Change what a container holds, and close it properly again."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return numbers(chance, flip(chance, data))
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w") as copy:
        chosen = chance.choice(source.namelist())
        for name in source.namelist():
            content = source.read(name)
            if name == chosen and content:
                content = chance.choice((cut, flip, take_out, repeat, numbers))(chance, content)
            # Without a date: the same file each time.
            copy.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def streams(chance: random.Random, data: bytes) -> bytes:
    """Deflate a piece once more, so that lengths and contents do not agree."""
    start, end = _span(chance, data)
    return data[:start] + zlib.compress(data[start:end]) + data[end:]


MUTATIONS: Final[tuple[Mutation, ...]] = (
    cut, flip, take_out, repeat, insert, blank, numbers, inside, streams,
)  # fmt: skip


def sound_files(corpus: Path | None = None) -> list[File]:
    """Return the project's samples, and small real files of the formats from a folder, if any."""
    own = [(path, data) for path, data in files() if path != QUESTIONS]
    if corpus is None or not corpus.is_dir():
        return own
    real = [
        (path.name, path.read_bytes())
        for path in sorted(corpus.rglob("*"))
        if path.suffix in _SUFFIXES and 0 < path.stat().st_size < _SIZE_LIMIT
    ]
    return own + real


def mutated(count: int, *, seed: int, sound: Sequence[File]) -> Iterator[File]:
    """Yield so many files, one mutation after another over the sound ones."""
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        name, data = sound[chance.randrange(len(sound))]
        mutate = MUTATIONS[number % len(MUTATIONS)]
        changed = mutate(chance, data)
        if chance.random() < 0.1:
            changed = mutate(chance, changed + chance.choice(sound)[1][:100_000])
        suffix = chance.choice(_SUFFIXES) if chance.random() < 0.1 else Path(name).suffix
        yield f"{number:04}-{mutate.__name__}{suffix}", changed


def hostile_files(count: int, *, seed: int, corpus: Path | None = None) -> Iterator[File]:
    """Yield `count` hostile files: those made by hand, then mutations of sound ones."""
    by_hand = CASES[:count]
    yield from ((case.filename, case.make()) for case in by_hand)
    yield from mutated(count - len(by_hand), seed=seed, sound=sound_files(corpus))


def _span(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.randrange(1, 5000))
