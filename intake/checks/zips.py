"""ZIP containers: their directory held against their members, and members unpacked within limits.

For any format that is a ZIP inside. Nothing that the directory says is believed: offsets, names and
sizes are compared with what stands before each member, and with what unpacking it really gives.
The format is APPNOTE.TXT of PKWARE.
"""

import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from intake.checks.words import corrupt, encrypted, polyglot
from intake.errors import (
    MemberLinkError,
    MemberNameError,
    OverlapError,
    UnpackedSizeError,
    UnsafeContainerError,
)

MEGABYTE: Final = 1024 * 1024
MEMBER_LIMIT: Final = 20_000
UNPACKED_LIMIT: Final = 1024 * MEGABYTE
UNPACKED_RATIO: Final = 200
RATIO_FROM: Final = 50 * MEGABYTE
"""Under this many bytes unpacked, a high ratio hurts nobody."""
_ENCRYPTED: Final = 0x1
_SIGNATURE: Final = b"PK\x03\x04"
_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_BLOCK: Final = 64 * 1024
_RAW_DEFLATE: Final = -15
_END: Final = struct.Struct("<4s4H2LH")
_UNREADABLE: Final = (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error)


@dataclass(slots=True)
class Budget:
    """What the members of a container, and of those inside it, may unpack to in all."""

    packed: int
    unpacked: int = 0

    def spend(self, size: int) -> None:
        """Count bytes that were unpacked; raises `UnpackedSizeError` when it is too much."""
        self.unpacked += size
        check_ratio(self.unpacked, self.packed)


def check_ratio(unpacked: int, packed: int) -> None:
    """Refuse what unpacks to too much, or to far more than its size."""
    if unpacked > UNPACKED_LIMIT or (
        unpacked > RATIO_FROM and unpacked / max(1, packed) > UNPACKED_RATIO
    ):
        raise UnpackedSizeError(
            "The document would unpack to far more than its size.",
            remediation="Save it again in an office program; if it stays so large, split it.",
        )


class Container:
    """A ZIP whose directory has been found to be consistent; `kind` names it in messages."""

    def __init__(self, stream: BinaryIO, *, kind: str, budget: Budget) -> None:
        self._stream = stream
        self._kind = kind
        self._budget = budget
        try:
            with zipfile.ZipFile(stream) as directory:
                self.members = directory.infolist()
                self._ends_at = directory.start_dir
        except _UNREADABLE as error:
            raise corrupt(kind) from error
        self._starts = self._check_directory()

    def unpack(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        """Yield a member's bytes, never more of them at once than 64 KB.

        Raises `UnpackedSizeError`, `CorruptFileError`, or `UnsafeContainerError` when the member is
        not as long as the directory says.
        """
        size = checksum = 0
        for block in self._inflate(member):
            size += len(block)
            self._budget.spend(len(block))
            if size > member.file_size:
                break
            checksum = zlib.crc32(block, checksum)
            yield block
        if size != member.file_size:
            raise self._unsafe("A part of it is not as long as its directory says.")
        if checksum != member.CRC:
            raise corrupt(self._kind)

    def _check_directory(self) -> dict[int, int]:
        """Return where each member's bytes start, by the place of its header."""
        members = self.members
        if len(members) > MEMBER_LIMIT:
            raise UnpackedSizeError(
                f"The {self._kind} has {len(members)} parts; no document needs so many.",
                remediation="Save it again in an office program.",
            )
        if any(member.flag_bits & _ENCRYPTED for member in members):
            raise encrypted(self._kind)
        check_ratio(sum(member.file_size for member in members), self._budget.packed)
        self._check_names()
        for member in members:
            self._check_member(member)
        return self._check_places()

    def _check_names(self) -> None:
        """Refuse names that lead out of a folder, cannot be told apart, or end in the middle."""
        folded = set()
        for member in self.members:
            name = member.orig_filename
            same = unicodedata.normalize("NFKC", name).casefold()
            if same in folded or not _is_plain(name):
                raise MemberNameError(
                    "The names of its parts are ambiguous or lead out of the document.",
                    remediation="Open it in an office program and save it again.",
                )
            folded.add(same)

    def _check_member(self, member: zipfile.ZipInfo) -> None:
        mode = member.external_attr >> 16
        if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise MemberLinkError(
                "A part of it is a link or a device.",
                remediation="Open it in an office program and save it again.",
            )
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise self._unsafe("A part of it is packed in a way that Office does not use.")

    def _check_places(self) -> dict[int, int]:
        """Hold each member's own header against the directory, and members against each other."""
        starts: dict[int, int] = {}
        free_from = 0
        for member in sorted(self.members, key=lambda each: each.header_offset):
            if member.header_offset < free_from:
                raise OverlapError(
                    "Parts of it lie over each other, as they do in a zip bomb.",
                    remediation="Open it in an office program and save it again.",
                )
            start = self._start_of(member)
            starts[member.header_offset] = start
            free_from = start + member.compress_size
        if free_from > self._ends_at:
            raise corrupt(self._kind)
        if self.members and min(starts) != 0:
            raise polyglot(self._kind)
        return starts

    def _start_of(self, member: zipfile.ZipInfo) -> int:
        self._stream.seek(member.header_offset)
        header = self._stream.read(_LOCAL.size)
        if len(header) != _LOCAL.size:
            raise corrupt(self._kind)
        signature, _needs, flags, method, *_times, name_length, extra_length = _LOCAL.unpack(header)
        name = self._stream.read(name_length)
        if signature != _SIGNATURE:
            raise corrupt(self._kind)
        encoding = "utf-8" if flags & 0x800 else "cp437"
        same = name.decode(encoding, errors="replace") == member.orig_filename
        if not same or method != member.compress_type:
            raise self._unsafe("A part of it is called otherwise than its directory says.")
        return member.header_offset + _LOCAL.size + int(name_length) + int(extra_length)

    def _inflate(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        if member.compress_type == zipfile.ZIP_STORED:
            yield from self._packed(member)
            return
        inflater = zlib.decompressobj(_RAW_DEFLATE)
        try:
            for block in self._packed(member):
                rest = block
                while rest and not inflater.eof:
                    yield inflater.decompress(rest, _BLOCK)
                    rest = inflater.unconsumed_tail
            while not inflater.eof and (more := inflater.decompress(b"", _BLOCK)):
                yield more
        except zlib.error as error:
            raise corrupt(self._kind) from error
        if not inflater.eof:
            raise corrupt(self._kind)

    def _packed(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        place, left = self._starts[member.header_offset], member.compress_size
        while left > 0:
            # Others may have moved the stream since.
            self._stream.seek(place)
            block = self._stream.read(min(_BLOCK, left))
            if not block:
                raise corrupt(self._kind)
            place += len(block)
            left -= len(block)
            yield block

    def _unsafe(self, why: str) -> UnsafeContainerError:
        return UnsafeContainerError(
            why, remediation="Open it in an office program and save it again."
        )


def _is_plain(name: str) -> bool:
    """Tell whether a member's name is a relative path that means the same everywhere."""
    path = name.replace("\\", "/").removesuffix("/")
    parts = path.split("/")
    return (
        bool(path)
        and len(name) <= 1024
        and ":" not in name
        and all(part not in {"", ".", ".."} for part in parts)
        and not any(unicodedata.category(character) in {"Cc", "Cf", "Cs"} for character in name)
    )
