"""How bytes are sealed under a data key: objects as a stream of chunks, small values in one piece.

An object is a header and then chunks of 256 KiB, each encrypted by AES-256-GCM:

    magic 4 · format 1 · key version 4 (big endian) · salt 32 | chunk + tag 16 | ... | last + tag 16

The key of an object is HKDF-SHA256 (RFC 5869) of the tenant's data key and the salt, so each key
encrypts one object. Nonces follow STREAM (Hoang, Reyhanitabar, Rogaway, Vizar: "Online
Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015): a counter of 11 bytes and
a byte that marks the last chunk, so chunks that are missing, repeated, moved or cut off are
refused. Header, bucket and object key are authenticated with every chunk, so an object under
another name is refused as well.
"""

import io
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK_BYTES: Final = 256 * 1024
SECRET_BYTES: Final = 32
_MAGIC: Final = b"FBOB"
_FORMAT: Final = 1
_SALT_BYTES: Final = 32
_TAG_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_PREFIX: Final = struct.Struct(">4sBI")
HEADER_BYTES: Final = _PREFIX.size + _SALT_BYTES
_SEALED_CHUNK: Final = CHUNK_BYTES + _TAG_BYTES
_OBJECT_INFO: Final = b"frostbyte object"
_VALUE_INFO: Final = b"frostbyte value"

Read = Callable[[int], bytes]
"""Returns up to so many bytes, fewer only as the source gives them, none at its end."""


class NotAuthenticError(Exception):
    """The bytes are not what was sealed, or not under this key, or not for this place."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A tenant's data key, unwrapped: 32 bytes, with the version that headers name."""

    version: int
    secret: bytes = field(repr=False)

    def derived(self, salt: bytes, info: bytes) -> AESGCM:
        """Return a cipher whose key is HKDF-SHA256 of this key."""
        derivation = HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=salt, info=info)
        return AESGCM(derivation.derive(self.secret))


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object is stored; it can be opened there only."""

    bucket: str
    key: str

    def bound(self, header: bytes) -> bytes:
        """Return what every chunk authenticates beside itself."""
        bucket = self.bucket.encode()
        return header + len(bucket).to_bytes(2) + bucket + self.key.encode()


def sealed_chunks(read: Read, *, key: DataKey, place: Place) -> Iterator[bytes]:
    """Yield the sealed object piece by piece, the header first; two chunks are in memory."""
    header = _PREFIX.pack(_MAGIC, _FORMAT, key.version) + os.urandom(_SALT_BYTES)
    cipher, bound = _opened_with(header, key), place.bound(header)
    yield header
    for nonce, chunk in _numbered(read, CHUNK_BYTES):
        yield cipher.encrypt(nonce, chunk, bound)


def opened_chunks(read: Read, *, header: bytes, key: DataKey, place: Place) -> Iterator[bytes]:
    """Yield the plain object chunk by chunk from what follows `header`.

    Each chunk is authenticated before it is given, the end with the last one. Raises
    `NotAuthenticError`.
    """
    cipher, bound = _opened_with(header, key), place.bound(header)
    for nonce, chunk in _numbered(read, _SEALED_CHUNK):
        try:
            yield cipher.decrypt(nonce, chunk, bound)
        except (InvalidTag, ValueError):
            raise NotAuthenticError from None


def key_version(header: bytes) -> int:
    """Return the version of the data key that an object was sealed with.

    Raises `NotAuthenticError` for what is no header.
    """
    if len(header) != HEADER_BYTES:
        raise NotAuthenticError
    magic, form, version = _PREFIX.unpack_from(header)
    if (magic, form) != (_MAGIC, _FORMAT):
        raise NotAuthenticError
    return int(version)


def plain_size(stored: int) -> int:
    """Return the size of an object in bytes from the size that it has in the store.

    Raises `NotAuthenticError` for a size that no object has.
    """
    full, rest = divmod(stored - HEADER_BYTES, _SEALED_CHUNK)
    is_only = full == 0 and rest == _TAG_BYTES
    if full < 0 or (full == 0 and rest == 0) or (0 < rest <= _TAG_BYTES and not is_only):
        raise NotAuthenticError
    return full * CHUNK_BYTES + max(0, rest - _TAG_BYTES)


def value_seal(value: bytes, *, key: DataKey, purpose: str) -> bytes:
    """Return a small value sealed for one purpose: salt, then ciphertext and tag."""
    salt = os.urandom(_SALT_BYTES)
    cipher = key.derived(salt, _VALUE_INFO)
    return salt + cipher.encrypt(bytes(_NONCE_BYTES), value, purpose.encode())


def value_open(sealed: bytes, *, key: DataKey, purpose: str) -> bytes:
    """Return the value that `value_seal` was given; raises `NotAuthenticError`."""
    salt, ciphertext = sealed[:_SALT_BYTES], sealed[_SALT_BYTES:]
    try:
        cipher = key.derived(salt, _VALUE_INFO)
        return cipher.decrypt(bytes(_NONCE_BYTES), ciphertext, purpose.encode())
    except (InvalidTag, ValueError):
        raise NotAuthenticError from None


class SealedReader(io.RawIOBase):
    """A readable stream over `sealed_chunks`, for libraries that want a file; it cannot seek."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = bytearray()

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return exactly `size` bytes, fewer at the end only; all that is left when negative."""
        while size < 0 or len(self._rest) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._rest += chunk
        end = len(self._rest) if size < 0 else size
        with memoryview(self._rest) as view:
            taken = bytes(view[:end])
        del self._rest[:end]
        return taken


def read_exactly(read: Read, size: int) -> bytes:
    """Return `size` bytes, or what there is before the end."""
    block = read(size)
    if not block or len(block) == size:
        return block
    parts = [block]
    missing = size - len(block)
    while missing and (block := read(missing)):
        parts.append(block)
        missing -= len(block)
    return b"".join(parts)


def _opened_with(header: bytes, key: DataKey) -> AESGCM:
    return key.derived(header[_PREFIX.size :], _OBJECT_INFO)


def _numbered(read: Read, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield nonce and block; the last one is known by reading ahead, and may be the only one."""
    number, block = 0, read_exactly(read, size)
    while True:
        following = read_exactly(read, size) if len(block) == size else b""
        yield number.to_bytes(_NONCE_BYTES - 1) + bytes([not following]), block
        if not following:
            return
        number, block = number + 1, following
