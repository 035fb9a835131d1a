"""The home folder: its subfolders, its credentials, its lock."""

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from pyrage import x25519

from frostbyte.embedded.endpoints import MASTER_KEY_NAME, read_json, socket_folder
from frostbyte.embedded.errors import HomeLockedError, MasterKeyLostError, UnsafeFolderError
from frostbyte.kernel.age import identity_lines

SECRET_NAMES: Final = (
    "database_password",
    "postgres_password",
    "redis_password",
    "s3_access_key",
    "s3_secret_key",
    "secret_key",
)
LOCK_TIMEOUT_SECONDS: Final = 60.0
_OTHERS_MAY_PASS: Final = 0o711


def home_create(home: Path) -> Path:
    """Create the home with its log and socket folders, and return its resolved path.

    Only the database's own account must pass through the home (when we run as root), so others
    may pass but not list it. Raises UnsafeFolderError.
    """
    home.mkdir(parents=True, exist_ok=True)
    home = home.resolve()
    home.chmod(_OTHERS_MAY_PASS)
    (home / "logs").mkdir(mode=0o700, exist_ok=True)
    _socket_folder_create(home)
    return home


def _socket_folder_create(home: Path) -> None:
    """Create the folder of the sockets; in a shared temporary folder its name can be guessed."""
    folder = socket_folder(home)
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = folder.stat(follow_symlinks=False).st_uid
    is_ours = folder.is_relative_to(home) or owner in _trusted_owners(home)
    if folder.is_symlink() or not is_ours:
        raise UnsafeFolderError(
            f"The socket folder {folder} belongs to another account.",
            remediation="Remove it, or set FROSTBYTE_HOME to a folder with a shorter path.",
        )
    folder.chmod(0o700)


def _trusted_owners(home: Path) -> set[int]:
    """Return our own account, and that of the database where it has made its data already."""
    data = home / "postgres"
    return {os.geteuid()} | ({data.stat().st_uid} if data.exists() else set())


def secrets_ensure(home: Path) -> Mapping[str, str]:
    """Return the credentials, making those that are missing; the file is for its owner only."""
    path = home / "secrets.json"
    known = read_json(path)
    missing = {name: secrets.token_urlsafe(32) for name in SECRET_NAMES if name not in known}
    if missing:
        known = {**known, **missing}
        write_private(path, json.dumps(known, indent=2) + "\n")
    return known


def master_key_ensure(home: Path) -> None:
    """Make the master key at the first start; raises MasterKeyLostError where one is missing.

    A key made in the place of a lost one would open nothing that there is.
    """
    path, marker = home / MASTER_KEY_NAME, home / ".master-key-made"
    if path.exists():
        return
    if marker.exists():
        raise MasterKeyLostError(
            f"The master key {path} is gone.",
            remediation="Put it back from its backup: without it no stored object can be read.",
        )
    write_private(path, identity_lines(x25519.Identity.generate()))
    marker.touch()


def write_private(path: Path, text: str) -> None:
    """Replace `path` by a file with `text` that its owner alone may read (0600), in one step."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        partial.unlink()
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def home_lock(home: Path) -> Iterator[None]:
    """Hold the home's lock, so that two starts do not meet; HomeLockedError after a minute."""
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    with (home / "lock").open("w") as stream:
        while not _lock_taken(stream.fileno()):
            if time.monotonic() > deadline:
                raise HomeLockedError(
                    f"Another process holds {home / 'lock'}.",
                    remediation="Wait for it, or end the process that starts or stops the servers.",
                )
            time.sleep(0.05)
        yield


def _lock_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def home_in_use(home: Path) -> Iterator[Callable[[], bool]]:
    """Count as a user of the home's servers; yields a function that tells whether we are the last.

    Once that has returned True nobody else can begin to use the home until the block ends.
    """
    with (home / "users.lock").open("w") as stream:
        fcntl.flock(stream.fileno(), fcntl.LOCK_SH)
        yield lambda: _lock_taken(stream.fileno())


def keep_running(home: Path, *, keep: bool) -> None:
    """Note whether the servers outlive their users: so it is after `manage.py embedded start`."""
    marker = home / "keep-running"
    if keep:
        marker.touch()
    else:
        marker.unlink(missing_ok=True)


def is_kept_running(home: Path) -> bool:
    """Return whether the servers were started by themselves, to outlive their users."""
    return (home / "keep-running").exists()
