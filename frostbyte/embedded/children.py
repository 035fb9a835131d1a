"""Child processes of `manage.py up`: kept running, stopped in order, gone when their parent is."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from frostbyte.embedded.merged_log import MergedLog

FIRST_DELAY_SECONDS: Final = 1.0
LONGEST_DELAY_SECONDS: Final = 30.0
STEADY_SECONDS: Final = 60.0
"""A process that ran this long starts again without a longer wait."""
LONGEST_LINE: Final = 2**20
_PR_SET_PDEATHSIG: Final = 1
_RELAY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Program:
    """A command and how to stop it: signals in order, with the seconds to wait after each."""

    name: str
    command: tuple[str, ...]
    stop_signals: tuple[tuple[int, float], ...] = ((signal.SIGTERM, 5.0),)


class Child:
    """One program, started again with growing delays whenever it ends unasked."""

    def __init__(self, program: Program, *, log: MergedLog, variables: Mapping[str, str]) -> None:
        self.program = program
        self._log = log
        self._variables = variables
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    async def keep_running(self) -> None:
        """Run the program until `stop`."""
        delay = FIRST_DELAY_SECONDS
        while not self._stopping:
            started = time.monotonic()
            code = await self.run_once()
            if self._stopping:
                return
            if time.monotonic() - started > STEADY_SECONDS:
                delay = FIRST_DELAY_SECONDS
            name = self.program.name
            self._log.warn(f"{name} ended ({_reason(code)}); it starts again in {delay:.0f} s")
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    async def run_once(self) -> int:
        """Run the program to its end, relaying what it writes; return its exit code."""
        self._process = await asyncio.create_subprocess_exec(
            *self.program.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=LONGEST_LINE,
            env={**os.environ, **self._variables, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )
        relay = asyncio.create_task(self._relay(self._process))
        code = await self._process.wait()
        # What it left running would hold the log open, and work twice beside its successor.
        self._signal_group(signal.SIGKILL)
        with suppress(TimeoutError):
            await asyncio.wait_for(relay, _RELAY_SECONDS)
        return code

    async def _relay(self, process: asyncio.subprocess.Process) -> None:
        stream = process.stdout
        while stream is not None and not stream.at_eof():
            try:
                line = await stream.readline()
            except ValueError:
                continue
            if line:
                self._log.line(self.program.name, line.decode(errors="replace").rstrip())

    async def stop(self) -> None:
        """Ask the program to end, more firmly each time, and kill it at last."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        for number, seconds in self.program.stop_signals:
            with suppress(ProcessLookupError):
                process.send_signal(number)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), seconds)
                return
        self._signal_group(signal.SIGKILL)
        await process.wait()

    def restart(self) -> None:
        """End the running program, so that it starts again with what has changed."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    def _signal_group(self, number: int) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


def die_with_parent() -> Callable[[], None] | None:
    """Return what a new process calls to get SIGTERM when its parent dies; None where unknown.

    Linux only: PR_SET_PDEATHSIG of prctl(2), which acts when the *thread* that forked ends, so
    start children from the main thread.
    """
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def arrange() -> None:
        library.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != parent:
            os._exit(1)

    return arrange


def _reason(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
