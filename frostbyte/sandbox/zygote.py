"""The process that makes a child for each job: it has loaded what they need, and nothing secret.

Started by `calling` as `python -m frostbyte.sandbox.zygote FD`, with an empty environment and no
descriptor but its control socket. It never looks into a file: it imports the job's module once
(and calls its `preload()`, if there is one), forks, and waits. A fork costs milliseconds where a
fresh interpreter with the same libraries costs most of a second. It ends with its last caller.
"""

import gc
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Final

import msgspec

from frostbyte.sandbox import child
from frostbyte.sandbox.messages import Ending, Job, receive_job

_KILOBYTES_IN_MB: Final = 1024


@dataclass(slots=True)
class _Running:
    """A child at work: killed at `deadline`, or when its caller hangs up."""

    pid: int
    pidfd: int
    reply: socket.socket
    deadline: float
    timed_out: bool = False


class Zygote:
    """One loop over the control socket, the children and their callers."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._running: dict[int, _Running] = {}
        self._ready_modules: set[str] = set()

    def run(self) -> None:
        """Serve until every caller is gone."""
        while True:
            for key, _events in self._selector.select(self._next_deadline()):
                if key.fileobj is self._control:
                    received = receive_job(self._control)
                    if received is None:
                        return
                    self._start(*received)
                else:
                    self._look_at(key.data)
            self._kill_overdue()

    def kill_all(self) -> None:
        """End every child, as nobody waits for them any more."""
        for running in self._running.values():
            _kill(running)

    def _next_deadline(self) -> float | None:
        """Return the seconds until a child's time is up; None when there is nothing to wait for."""
        deadlines = [each.deadline for each in self._running.values() if not each.timed_out]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _start(self, job: Job, descriptors: list[int]) -> None:
        reply = socket.socket(fileno=descriptors[0])
        self._load(job.function.partition(":")[0])
        pid = os.fork()
        if pid == 0:
            child.work(job, descriptors[1:])
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        deadline = time.monotonic() + job.limits.wall_seconds
        running = _Running(pid, os.pidfd_open(pid), reply, deadline)
        self._running[pid] = running
        self._selector.register(running.pidfd, selectors.EVENT_READ, running)
        self._selector.register(reply, selectors.EVENT_READ, running)

    def _load(self, module: str) -> None:
        """Import what the child would import; one that cannot be fails there, with its reason."""
        if module in self._ready_modules:
            return
        self._ready_modules.add(module)
        try:
            preload = getattr(import_module(module), "preload", None)
            if preload is not None:
                preload()
        except Exception:  # noqa: BLE001 -- a module that does not load fails its own calls
            traceback.print_exc()
        # What is shared stays shared: the collector of a child does not write to it.
        gc.collect()
        gc.freeze()

    def _look_at(self, running: _Running) -> None:
        if running.pid not in self._running:
            return
        pid, status, usage = os.wait4(running.pid, os.WNOHANG)
        if pid == 0:
            # Not the child's end, so the caller's: nobody waits for this one.
            _kill(running)
            self._selector.unregister(running.reply)
            return
        del self._running[running.pid]
        ending = Ending(
            exit_code=os.waitstatus_to_exitcode(status),
            timed_out=running.timed_out,
            peak_mb=usage.ru_maxrss // _KILOBYTES_IN_MB,
        )
        self._finish(running, ending)

    def _finish(self, running: _Running, ending: Ending) -> None:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        with suppress(OSError):
            running.reply.send(msgspec.msgpack.encode(ending), socket.MSG_NOSIGNAL)
        self._selector.unregister(running.pidfd)
        with suppress(KeyError):
            self._selector.unregister(running.reply)
        os.close(running.pidfd)
        running.reply.close()

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for running in self._running.values():
            if running.deadline <= now and not running.timed_out:
                running.timed_out = True
                _kill(running)


def _kill(running: _Running) -> None:
    """Kill a child that has not been waited for: its number is its own until then."""
    signal.pidfd_send_signal(running.pidfd, signal.SIGKILL)


def main() -> None:
    """Serve on the control socket whose number is the first argument."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    zygote = Zygote(control)
    try:
        zygote.run()
    finally:
        zygote.kill_all()


if __name__ == "__main__":
    main()
