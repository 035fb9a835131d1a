"""Keys for one purpose each, derived from Django's SECRET_KEY."""

from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_BYTES: Final = 32


def derived_key(purpose: str) -> bytes:
    """Return the 256-bit key of a purpose, by HKDF-SHA256 (RFC 5869) from SECRET_KEY.

    Keys of different purposes tell nothing of each other, so that what one part of the platform
    signs or seals is worth nothing to another.
    """
    return _derived(settings.SECRET_KEY, purpose)


@lru_cache(maxsize=32)
def _derived(secret: str, purpose: str) -> bytes:
    return HKDF(SHA256(), _BYTES, salt=None, info=f"frostbyte:{purpose}".encode()).derive(
        secret.encode()
    )
