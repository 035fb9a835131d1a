"""Calling a function in a process of its own: the caller's side.

The first call of a process starts a zygote (see `zygote`), which forks a child for each call. The
child has an empty environment, no descriptor but the files it is given (read-only), no network, no
programs, nothing to write to, and the limits of the call. It dies with its caller: the zygote
kills it when the caller's end of the reply socket closes, and PR_SET_PDEATHSIG with the zygote.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from frostbyte.kernel.errors import FrostbyteError
from frostbyte.sandbox.errors import (
    SandboxCrashedError,
    SandboxMemoryError,
    SandboxTimeoutError,
    SandboxUnavailableError,
)
from frostbyte.sandbox.limits import DEFAULT, MEGABYTE, Limits
from frostbyte.sandbox.messages import (
    CONTROL_BYTES,
    EXIT_MEMORY,
    Ending,
    Failure,
    Job,
    Outcome,
    send_job,
)

PLACES: Final = max(2, os.cpu_count() or 1)
"""How many children one process has at a time; a further call waits."""
PATIENCE_SECONDS: Final = 60.0
_PROJECT: Final = Path(__file__).resolve().parents[2]
_COPY_BLOCK: Final = MEGABYTE
_LATE_SECONDS: Final = 30.0
_FULL_SHARE: Final = 0.8
_VARIABLES: Final = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    # Libraries that make threads when they load would have none left in a child.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def sandboxed(
    function: str,
    *args: Any,
    files: Sequence[BinaryIO] = (),
    limits: Limits = DEFAULT,
) -> Any:
    """Call `function` ("package.module:name") as `function(*files, *args)` and return its result.

    Arguments and result are what msgpack knows: None, bool, int, float, str, bytes, lists and
    dicts (tuples come back as lists). Each of `files` arrives as a read-only stream at its
    beginning, with an offset of its own. The module is imported once and for all calls, and its
    `preload()` is called then, if it has one; it must not need Django.

    Raises what the function raised, if that is a `FrostbyteError`; `SandboxTimeoutError`,
    `SandboxMemoryError`, `SandboxCrashedError` for what its limits and its faults end, and
    `SandboxUnavailableError` when no process could be had.
    """
    job = Job(function, limits)
    with ExitStack() as stack:
        arguments = stack.enter_context(_memory_file(msgspec.msgpack.encode(args)))
        given = [stack.enter_context(_read_only(stream)) for stream in files]
        with _place():
            for last in (False, True):
                result = stack.enter_context(_memory_file())
                numbers = [arguments.fileno(), result.fileno(), *(each.fileno() for each in given)]
                ending = _ZYGOTE.do(job, numbers)
                if ending is not None or last:
                    break
        return _told(ending, result, limits)


class _Zygote:
    """The zygote of this process, started when it is first needed and again when it is gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None

    def forget(self) -> None:
        """Have none: after a fork the parent's is the parent's alone, and so is its lock."""
        self._lock = threading.Lock()
        if self._control is not None:
            self._control.close()
            self._control = None

    def do(self, job: Job, descriptors: list[int]) -> Ending | None:
        """Have a job done and return how its child ended; None when the zygote went before that."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                control = self._running()
                try:
                    send_job(control, job, [theirs.fileno(), *descriptors])
                except OSError:
                    self._drop(control)
                    return None
            ours.settimeout(job.limits.wall_seconds + _LATE_SECONDS)
            with suppress(OSError):
                if answer := ours.recv(CONTROL_BYTES):
                    return msgspec.msgpack.decode(answer, type=Ending)
        self._drop(control)
        return None

    def _running(self) -> socket.socket:
        with self._lock:
            if self._control is None:
                self._control = _start_zygote()
            return self._control

    def _drop(self, control: socket.socket) -> None:
        """Leave a zygote that does not answer; closing its socket ends it."""
        with self._lock:
            if self._control is control:
                self._control = None
        control.close()


_ZYGOTE: Final = _Zygote()
_places = threading.BoundedSemaphore(PLACES)


def _after_fork() -> None:
    global _places  # noqa: PLW0603 -- locks do not survive a fork
    _places = threading.BoundedSemaphore(PLACES)
    _ZYGOTE.forget()


os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def _place() -> Iterator[None]:
    """Hold one of the process's places for children; raises `SandboxUnavailableError`."""
    places = _places
    if not places.acquire(timeout=PATIENCE_SECONDS):
        raise SandboxUnavailableError(
            "Too many files are being looked at.", remediation="Send it again in a minute."
        )
    try:
        yield
    finally:
        places.release()


def _start_zygote() -> socket.socket:
    """Start a zygote that knows nothing of our environment, and return our end of its socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "frostbyte.sandbox.zygote", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=_PROJECT,
                env=_VARIABLES,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise _unavailable() from error
    # It ends by itself when our end closes; somebody has to take note of that.
    threading.Thread(target=process.wait, name="sandbox", daemon=True).start()
    return ours


def _memory_file(content: bytes = b"") -> BinaryIO:
    """Return a file without a name or a folder, at its beginning."""
    file = os.fdopen(os.memfd_create("sandbox"), "w+b")
    file.write(content)
    file.seek(0)
    return file


def _read_only(stream: BinaryIO) -> BinaryIO:
    """Return the stream's file opened anew: for reading alone, with an offset of its own."""
    try:
        stream.flush()
        number = stream.fileno()
    except (OSError, ValueError):
        with _copied(stream) as copy:
            return _read_only(copy)
    return os.fdopen(os.open(f"/proc/self/fd/{number}", os.O_RDONLY), "rb")


def _copied(stream: BinaryIO) -> BinaryIO:
    """Return a memory file with what a stream that is no file holds, and put the stream back."""
    copy, place = _memory_file(), stream.tell()
    stream.seek(0)
    shutil.copyfileobj(stream, copy, _COPY_BLOCK)
    stream.seek(place)
    return copy


def _told(ending: Ending | None, result: BinaryIO, limits: Limits) -> Any:
    """Return the value that the child wrote, or raise what its end means."""
    if ending is None:
        raise _unavailable()
    if ending.exit_code != 0:
        raise _broken(ending, limits)
    result.seek(0)
    try:
        outcome = msgspec.msgpack.decode(result.read(), type=Outcome)
    except msgspec.DecodeError as error:
        raise SandboxCrashedError("The work on the file left no result.") from error
    if outcome.failure is not None:
        raise _raised(outcome.failure)
    return outcome.value


def _broken(ending: Ending, limits: Limits) -> FrostbyteError:
    extra = {"exit_code": ending.exit_code, "peak_mb": ending.peak_mb}
    if ending.timed_out or ending.exit_code == -signal.SIGXCPU:
        return SandboxTimeoutError("The work on the file took too long.", extra=extra)
    if ending.exit_code == EXIT_MEMORY or ending.peak_mb > _FULL_SHARE * limits.memory_mb:
        return SandboxMemoryError("The work on the file took too much memory.", extra=extra)
    return SandboxCrashedError("The work on the file broke off.", extra=extra)


def _raised(failure: Failure) -> FrostbyteError:
    """Return the exception that the function raised; only our own classes are made again."""
    if failure.expected and (kind := _error_class(failure.kind)):
        # Subclasses have constructors of their own; what they made is all here.
        error = kind.__new__(kind)
        FrostbyteError.__init__(
            error,
            failure.message,
            remediation=failure.remediation,
            extra=failure.extra,
        )
        return error
    return SandboxCrashedError(
        "The work on the file failed.",
        extra={"kind": failure.kind.rpartition(":")[2], "place": failure.place},
    )


def _error_class(kind: str) -> type[FrostbyteError] | None:
    """Return the class of one of our errors by "module:name"; nothing is imported for it."""
    module, _, name = kind.partition(":")
    found = getattr(sys.modules.get(module), name, None)
    is_error = isinstance(found, type) and issubclass(found, FrostbyteError)
    return found if is_error else None


def _unavailable() -> SandboxUnavailableError:
    return SandboxUnavailableError(
        "Files cannot be looked at just now.", remediation="Send it again in a minute."
    )
