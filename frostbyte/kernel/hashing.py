"""Hashes, and the one JSON form that is hashed."""

import hashlib
from collections.abc import Iterable
from typing import Any, BinaryIO, Final

import rfc8785

_BLOCK: Final = 1024 * 1024


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_chunks(chunks: Iterable[bytes]) -> str:
    """Return the SHA-256 of a stream of byte blocks as 64 lower-case hex digits."""
    digest = hashlib.sha256()
    for block in chunks:
        digest.update(block)
    return digest.hexdigest()


def sha256_of_file(stream: BinaryIO) -> str:
    """Return the SHA-256 of the rest of an open file, read in blocks."""
    return sha256_of_chunks(iter(lambda: stream.read(_BLOCK), b""))


def canonical_json(value: Any) -> bytes:
    """Serialise `value` by RFC 8785 (JSON Canonicalization Scheme), ready to be hashed."""
    return rfc8785.dumps(value)
