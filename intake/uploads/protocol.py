"""The headers of tus 1.0, read and written."""

import hashlib
from base64 import b64decode
from binascii import Error as NotBase64Error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from frostbyte.kernel.errors import ValidationError

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,checksum,termination,expiration"
ALGORITHMS: Final[Mapping[str, str]] = {"sha1": "sha1", "sha256": "sha256"}
"""The names of checksums in headers, and in hashlib. SHA-1 is what the protocol requires."""
HEADER_LIMIT: Final = 8192
_LENGTH_LIMIT: Final = 2**53


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of a request have to add up to."""

    algorithm: str
    digest: bytes

    def hasher(self) -> Any:
        """Return an object of hashlib for the algorithm."""
        return hashlib.new(ALGORITHMS[self.algorithm], usedforsecurity=False)


def read_number(name: str, text: str | None) -> int:
    """Return the whole number of a header; raises `ValidationError`."""
    if text is None or not (text.isascii() and text.isdecimal()) or len(text) > 16:
        _refuse(name, "A whole number of bytes.")
    number = int(text)
    if number > _LENGTH_LIMIT:
        _refuse(name, "A number of bytes that a file can have.")
    return number


def read_checksum(text: str | None) -> Checksum | None:
    """Return the checksum of `Upload-Checksum`, None without; raises `ValidationError`."""
    if text is None:
        return None
    name, _, value = text.partition(" ")
    if name not in ALGORITHMS:
        _refuse("Upload-Checksum", f"One of {', '.join(ALGORITHMS)}, a space, and base64.")
    return Checksum(name, _decoded("Upload-Checksum", value))


def read_metadata(text: str) -> dict[str, str]:
    """Return the pairs of `Upload-Metadata`; raises `ValidationError`.

    Names and base64 of UTF-8, separated by commas; a name without a value has an empty one.
    """
    if len(text) > HEADER_LIMIT:
        _refuse("Upload-Metadata", f"At most {HEADER_LIMIT} characters.")
    pairs = [part.strip().partition(" ") for part in text.split(",") if part.strip()]
    found = {name: _text(value) for name, _, value in pairs}
    if len(found) != len(pairs):
        _refuse("Upload-Metadata", "Each name once.")
    return found


def _text(value: str) -> str:
    try:
        return _decoded("Upload-Metadata", value).decode()
    except UnicodeDecodeError:
        _refuse("Upload-Metadata", "Values are UTF-8.")


def _decoded(header: str, value: str) -> bytes:
    try:
        return b64decode(value.strip(), validate=True)
    except (NotBase64Error, ValueError):
        _refuse(header, "Values are base64.")


def _refuse(field: str, constraint: str) -> NoReturn:
    raise ValidationError(
        f"The header {field} cannot be read.",
        remediation=constraint,
        extra={"errors": [{"field": field, "constraint": constraint}]},
    )
