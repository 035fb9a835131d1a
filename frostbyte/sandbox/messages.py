"""What caller, zygote and child tell each other: msgpack, never pickle.

The caller sends a `Job` with file descriptors over the zygote's control socket. The zygote
answers an `Ending` on the job's own reply socket, once the child is gone. Arguments and result
(an `Outcome`) lie in two memory files, so that neither side waits while the other writes.
"""

import socket
from typing import Any, Final

import msgspec

from frostbyte.sandbox.limits import Limits

CONTROL_BYTES: Final = 64 * 1024
MOST_FILES: Final = 32
EXIT_MEMORY: Final = 81
"""A child's exit status when memory ran out: nothing may be left to write an outcome with."""
OWN_DESCRIPTORS: Final = 3
"""The reply socket, the arguments and the result come before the files."""


class Job(msgspec.Struct, frozen=True):
    """A function, as `package.module:name`, and its limits."""

    function: str
    limits: Limits


class Ending(msgspec.Struct, frozen=True):
    """How the child ended: its exit status as `waitstatus_to_exitcode` gives it.

    `timed_out`: it was killed for the wall clock. `peak_mb` is the most memory it had in use.
    """

    exit_code: int
    timed_out: bool = False
    peak_mb: int = 0


class Failure(msgspec.Struct, frozen=True):
    """An exception: `kind` is its class as `module:name`; `expected` ones are FrostbyteErrors."""

    kind: str
    expected: bool
    message: str = ""
    remediation: str = ""
    extra: dict[str, Any] = {}
    place: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """What the function returned, or what it raised."""

    value: Any = None
    failure: Failure | None = None


def send_job(control: socket.socket, job: Job, descriptors: list[int]) -> None:
    """Send a job; raises `OSError` when the zygote is gone."""
    socket.send_fds(control, [msgspec.msgpack.encode(job)], descriptors, socket.MSG_NOSIGNAL)


def receive_job(control: socket.socket) -> tuple[Job, list[int]] | None:
    """Return the next job with its descriptors, or None when no caller is left."""
    most = OWN_DESCRIPTORS + MOST_FILES
    data, descriptors, _flags, _address = socket.recv_fds(control, CONTROL_BYTES, most)
    if not data:
        return None
    return msgspec.msgpack.decode(data, type=Job), descriptors
