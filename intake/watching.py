"""A folder that is watched: what appears in it is taken in and filed away by its outcome.

Nothing of what is known is kept beside the files: a file that is still there has not been filed
away, and is taken in. Killed at any moment, at worst a file is taken in once more, which finds its
bytes there and leads to the first document.
"""

import fcntl
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from django.db import InterfaceError, OperationalError, connection

from frostbyte.kernel.errors import FrostbyteError
from intake.models import Outcome, Receipt
from intake.receipts import receipt_signed
from intake.services import document_receive
from tenants.context import tenant_context
from tenants.errors import TenantStoppedError, TenantSuspendedError
from tenants.lifecycle.gate import require_active
from tenants.models import Tenant
from tenants.workspace import workspace_file

DONE: Final = "done"
REJECTED: Final = "rejected"
LOCK_NAME: Final = ".frostbyte-watch.lock"
RECEIPT_SUFFIX: Final = ".receipt.json"
POLL_SECONDS: Final = 0.5
_LONGEST_WAIT: Final = 30.0
_OWN: Final = frozenset({DONE, REJECTED})

Seen = tuple[int, int, int]
"""What tells whether a file changed: inode, size in bytes, time of the last change in ns."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened: to a file (`path` is relative to the folder), or to the watching."""

    event: str
    path: str = ""
    receipt: Receipt | None = None
    filed: str = ""
    reason: str = ""


@dataclass
class Watcher:
    """Takes in what appears in `folder`; `tell` hears of everything, `is_over` ends it."""

    tenant: Tenant
    folder: Path
    collection: str
    settle_seconds: float
    actor: str
    tell: Callable[[Told], None]
    is_over: Callable[[], bool]
    _since: dict[Path, tuple[Seen, float]] = field(default_factory=dict)
    _unreadable: set[Path] = field(default_factory=set)
    _wait_seconds: float = 0.0

    def run(self, *, once: bool = False) -> None:
        """Watch until it is over, with `once` until everything that can be read is filed away.

        Raises `FolderInUseError` where another process watches the folder, `TenantStoppedError`
        when the tenant is removed, and errors that waiting does not mend.
        """
        while not self.is_over():
            try:
                with folder_held(self.folder):
                    self._watch(once=once)
                return
            except FileNotFoundError:
                self._wait("The folder is not there.")

    def _watch(self, *, once: bool) -> None:
        while not self.is_over():
            require_same_lock(self.folder)
            try:
                left = self._pass()
            except FileNotFoundError:
                raise
            except _PASSING as error:
                self._wait(_reason_of(error))
                continue
            self._wait_seconds = 0.0
            if once and not left:
                return
            time.sleep(POLL_SECONDS)

    def _pass(self) -> int:
        """Take in what is ripe; return how many files are not yet."""
        found = {path: seen for path in files_in(self.folder) if (seen := seen_of(path))}
        self._since = {path: self._since[path] for path in found if path in self._since}
        self._unreadable &= found.keys()
        left = 0
        for path, seen in found.items():
            if self.is_over():
                break
            if self._is_ripe(path, seen):
                left += not self._take(path, seen)
            else:
                left += 1
        return left - len(self._unreadable)

    def _is_ripe(self, path: Path, seen: Seen) -> bool:
        before = self._since.get(path)
        if before is None or before[0] != seen:
            self._since[path] = (seen, time.monotonic())
            return self.settle_seconds == 0
        return time.monotonic() - before[1] >= self.settle_seconds

    def _take(self, path: Path, seen: Seen) -> bool:
        """Take a file in and file it away; False where it stays for now."""
        try:
            copy = self._copied(path, seen)
        except PermissionError:
            self._tell_unreadable(path)
            return False
        if copy is None:
            return False
        with copy, tenant_context(self.tenant):
            require_active(self.tenant)
            receipt = document_receive(
                tenant=self.tenant,
                filename=os.fsdecode(path.name),
                stream=copy,
                actor=self.actor,
                collection=self.collection,
            )
        if seen_of(path) != seen:
            self.tell(Told("changed", self._name(path), receipt, reason="It is taken in again."))
            return False
        filed = file_away(self.folder, path, receipt, tenant_slug=self.tenant.slug)
        self._since.pop(path, None)
        self.tell(Told(filed.parts[0], self._name(path), receipt, _printable(filed)))
        return True

    def _copied(self, path: Path, seen: Seen) -> BinaryIO | None:
        """Return a copy of a file that nobody writes, at its beginning; else None."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as source:
            if has_writer(source) or _seen(os.fstat(source.fileno())) != seen:
                self._since.pop(path, None)
                return None
            copy = workspace_file(self.tenant.schema_name)
            shutil.copyfileobj(source, copy, 1024 * 1024)
            copy.seek(0)
            if _seen(os.fstat(source.fileno())) != seen:
                copy.close()
                self._since.pop(path, None)
                return None
        self._unreadable.discard(path)
        return copy

    def _tell_unreadable(self, path: Path) -> None:
        if path not in self._unreadable:
            self._unreadable.add(path)
            self.tell(Told("unreadable", self._name(path), reason="Let this account read it."))

    def _wait(self, reason: str) -> None:
        """Say why it waits, and wait, longer each time; the database is connected to anew."""
        self.tell(Told("waiting", reason=reason))
        connection.close()
        self._wait_seconds = min(max(1.0, self._wait_seconds * 2), _LONGEST_WAIT)
        until = time.monotonic() + self._wait_seconds
        while time.monotonic() < until and not self.is_over():
            time.sleep(POLL_SECONDS)

    def _name(self, path: Path) -> str:
        return _printable(path.relative_to(self.folder))


class FolderInUseError(FrostbyteError):
    """Another process watches the folder."""

    code = "FOLDER_IN_USE"
    http_status = 409


_PASSING: Final = (FrostbyteError, OperationalError, InterfaceError, OSError)


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the plain files under a folder in order; links, hidden names and what is filed not.

    Raises `FileNotFoundError` where the folder is gone.
    """
    with os.scandir(folder) as entries:
        known = sorted(entries, key=lambda entry: entry.name)
    for entry in known:
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _OWN:
                yield from _files_below(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _files_below(folder: Path) -> Iterator[Path]:
    for path, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(path, name)


def seen_of(path: Path) -> Seen | None:
    """Return what a plain file looks like now, None for what is gone or something else."""
    with suppress(OSError):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode):
            return _seen(found)
    return None


def has_writer(source: BinaryIO) -> bool:
    """Return whether some process holds the file open for writing, where the system tells.

    Linux gives a read lease only on a file that nobody writes. Other systems, network drives and
    files of other accounts tell nothing: then only its rest tells that a file is whole.
    """
    try:
        fcntl.fcntl(source, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except (OSError, AttributeError):
        return False
    fcntl.fcntl(source, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def file_away(folder: Path, path: Path, receipt: Receipt, *, tenant_slug: str) -> Path:
    """Move a file below `done` or `rejected`, its receipt beside it; returns the relative place.

    The receipt is written first: a file that is filed away always has one.
    """
    kind = DONE if receipt.outcome == Outcome.ACCEPTED else REJECTED
    relative = _free_place(folder, Path(kind) / path.relative_to(folder))
    target = folder / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(target.name + RECEIPT_SUFFIX)
    _write_whole(beside, receipt_signed(receipt, tenant_slug=tenant_slug))
    path.rename(target)
    _sync(target.parent)
    return relative


def _free_place(folder: Path, wanted: Path) -> Path:
    """Return the place, or one with a number where a file is there; a receipt alone is no file."""
    place, number = wanted, 1
    while os.path.lexists(folder / place):
        number += 1
        place = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
    return place


def _write_whole(path: Path, document: dict[str, object]) -> None:
    draft = path.with_name(f".{path.name}.part")
    with draft.open("w", encoding="utf-8") as target:
        json.dump(document, target, indent=2)
        target.write("\n")
        target.flush()
        os.fsync(target.fileno())
    draft.replace(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def folder_held(folder: Path) -> Iterator[None]:
    """Watch a folder alone; raises `FolderInUseError`, or `FileNotFoundError` without a folder."""
    lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUseError(
                "Another process watches this folder.",
                remediation="One is enough; stop the other, or watch another folder.",
            ) from error
        yield
    finally:
        os.close(lock)


def require_same_lock(folder: Path) -> None:
    """Raise `FileNotFoundError` where the folder, and the lock with it, went away."""
    (folder / LOCK_NAME).lstat()


def _seen(found: os.stat_result) -> Seen:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _printable(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _reason_of(error: Exception) -> str:
    """Return why it waits, or raise what waiting does not mend."""
    if isinstance(error, TenantStoppedError):
        raise error
    if isinstance(error, FrostbyteError):
        if not (error.retryable or isinstance(error, TenantSuspendedError)):
            raise error
        return f"{error.message} {error.remediation}".strip()
    if isinstance(error, OSError):
        return f"The folder cannot be read or written ({type(error).__name__})."
    return "The database does not answer."
