"""Small secrets that rest in the database: sealed under a key of the platform."""

from base64 import urlsafe_b64encode
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from tenants.encryption.signing import derived_key
from tenants.errors import SecretUnreadableError

_PREFIX: Final = "sealed: "


def seal(text: str, *, purpose: str) -> str:
    """Return `text` encrypted and authenticated (Fernet) under the key of `purpose`."""
    return _fernet(purpose).encrypt(text.encode()).decode()


def unseal(sealed: str, *, purpose: str) -> str:
    """Return what was sealed; raises `SecretUnreadableError` when the key is another now."""
    try:
        return _fernet(purpose).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise SecretUnreadableError(
            "A stored secret was sealed under another FROSTBYTE_SECRET_KEY.",
            remediation="Restore the key, or set the secret again.",
        ) from error


def _fernet(purpose: str) -> Fernet:
    return Fernet(urlsafe_b64encode(derived_key(f"{_PREFIX}{purpose}")))
