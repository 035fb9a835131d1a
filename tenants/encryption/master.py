"""The master key: age identities in a file that only the platform's own account may read.

The file holds one `AGE-SECRET-KEY-1...` a line; lines that begin with # are comments. The last
one wraps new data keys, all of them unwrap. While the master key is rotated there are two.
"""

import functools
from dataclasses import dataclass, field
from pathlib import Path

import pyrage
from django.conf import settings
from pyrage import x25519

from frostbyte.kernel.age import NotIdentitiesError, identities_of
from tenants.errors import MasterKeyError


@dataclass(frozen=True)
class MasterKey:
    """The identities of one file, the newest last."""

    identities: tuple[x25519.Identity, ...] = field(repr=False)

    @property
    def newest(self) -> x25519.Recipient:
        """The recipient that new data keys are wrapped for."""
        return self.identities[-1].to_public()

    @property
    def recipients(self) -> tuple[str, ...]:
        """The public names of the identities, `age1...`, the newest last."""
        return tuple(str(identity.to_public()) for identity in self.identities)


def master_key_path() -> Path:
    """Return where the master key is; raises `MasterKeyError` where none is named."""
    if not settings.MASTER_KEY_FILE:
        raise MasterKeyError(
            "No master key is named.",
            remediation="Set FROSTBYTE_MASTER_KEY_FILE to a file made by `age-keygen`.",
        )
    return Path(settings.MASTER_KEY_FILE)


def master_key() -> MasterKey:
    """Return the master key as the file has it now; raises `MasterKeyError`."""
    path = master_key_path()
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return _read(path, found.st_mtime_ns, found.st_ino, found.st_size)


@functools.lru_cache(maxsize=2)
def _read(path: Path, _changed: int, _file: int, _size: int) -> MasterKey:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error
    try:
        return MasterKey(identities_of(text))
    except NotIdentitiesError:
        raise MasterKeyError(
            f"The master key file {path} holds no age identity, or one that is damaged.",
            remediation="Each line is a comment (#) or AGE-SECRET-KEY-1..., as from `age-keygen`.",
        ) from None


def wrap(secret: bytes) -> tuple[bytes, str]:
    """Return the secret as an age file for the newest identity, and that identity's recipient."""
    recipient = master_key().newest
    return pyrage.encrypt(secret, [recipient]), str(recipient)


def unwrap(wrapped: bytes) -> bytes:
    """Return what was wrapped; raises `MasterKeyError` where no identity of the file opens it."""
    try:
        opened: bytes = pyrage.decrypt(wrapped, list(master_key().identities))
    except pyrage.DecryptError:
        raise MasterKeyError(
            "No identity of the master key file opens this key.",
            remediation="`manage.py keys status` names the identity that is missing: put it back.",
        ) from None
    return opened


def _unreadable(path: Path, error: Exception) -> MasterKeyError:
    return MasterKeyError(
        f"The master key file {path} cannot be read ({type(error).__name__}).",
        remediation="Put the file back, readable by the account that Frostbyte runs under (0600).",
    )
