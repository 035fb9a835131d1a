"""What the process of one job does: takes its limits on, calls one function, writes the outcome."""

import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

import msgspec

from frostbyte.kernel.errors import FrostbyteError
from frostbyte.kernel.faults import place_of
from frostbyte.sandbox.hardening import die_with_parent, give_up_rights
from frostbyte.sandbox.limits import MEGABYTE, Limits
from frostbyte.sandbox.messages import EXIT_MEMORY, Failure, Job, Outcome

_EXIT_BROKEN: Final = 82
_FIRST_OWN_DESCRIPTOR: Final = 3
_HIGHEST_DESCRIPTOR: Final = 2**20


def work(job: Job, descriptors: list[int]) -> NoReturn:
    """Do the job and end the process; `descriptors` are the arguments, the result and the files.

    The outcome is written to the result; memory that ran out is told by the exit status, since
    nothing may be left to write with.
    """
    try:
        _separate()
        _keep_only(descriptors)
        arguments, result, *files = descriptors
        _limit(job.limits)
        give_up_rights()
        _write(result, _call(job.function, arguments, files), job.limits)
        os._exit(0)
    except MemoryError:
        os._exit(EXIT_MEMORY)
    except BaseException:  # noqa: BLE001 -- the process ends here whatever it is
        os._exit(_EXIT_BROKEN)


def _separate() -> None:
    """Lead a group of one's own, so that all of it can be killed; be the first to be sacrificed."""
    die_with_parent()
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _keep_only(descriptors: list[int]) -> None:
    """Close everything but the job's own descriptors; standard input and output lead nowhere."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(_FIRST_OWN_DESCRIPTOR):
        os.dup2(nothing, standard)
    start = _FIRST_OWN_DESCRIPTOR
    for kept in sorted(descriptors):
        os.closerange(start, kept)
        start = kept + 1
    os.closerange(start, _HIGHEST_DESCRIPTOR)


def _limit(limits: Limits) -> None:
    memory = _address_space() + limits.memory_mb * MEGABYTE
    _set_limit(resource.RLIMIT_AS, memory)
    # A second of grace: at the hard limit the signal would not say which limit it was.
    _set_limit(resource.RLIMIT_CPU, limits.cpu_seconds, hard=limits.cpu_seconds + 1)
    _set_limit(resource.RLIMIT_FSIZE, limits.result_mb * MEGABYTE)
    _set_limit(resource.RLIMIT_NOFILE, limits.open_files)
    _set_limit(resource.RLIMIT_CORE, 0)


def _set_limit(which: int, soft: int, *, hard: int | None = None) -> None:
    _soft, ceiling = resource.getrlimit(which)
    wanted = (soft, soft if hard is None else hard)
    if ceiling != resource.RLIM_INFINITY:
        wanted = (min(wanted[0], ceiling), min(wanted[1], ceiling))
    resource.setrlimit(which, wanted)


def _address_space() -> int:
    """Return the bytes of address space in use now: `man 5 proc_pid_statm`."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _call(function: str, arguments: int, files: list[int]) -> Outcome:
    with os.fdopen(arguments, "rb") as stream:
        given = msgspec.msgpack.decode(stream.read())
    try:
        streams: list[BinaryIO] = [os.fdopen(number, "rb") for number in files]
        return Outcome(value=_resolve(function)(*streams, *given))
    except FrostbyteError as error:
        return Outcome(failure=_expected(error))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 -- told to the caller, with its place
        return Outcome(failure=Failure(_kind(error), expected=False, place=place_of(error)))


def _resolve(function: str) -> Callable[..., Any]:
    module, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _expected(error: FrostbyteError) -> Failure:
    return Failure(
        _kind(error),
        expected=True,
        message=error.message,
        remediation=error.remediation,
        extra=error.extra,
    )


def _kind(error: BaseException) -> str:
    return f"{type(error).__module__}:{type(error).__qualname__}"


def _write(result: int, outcome: Outcome, limits: Limits) -> None:
    encoded = msgspec.msgpack.encode(outcome)
    if len(encoded) > limits.result_mb * MEGABYTE:
        raise MemoryError
    with os.fdopen(result, "wb") as stream:
        stream.write(encoded)
