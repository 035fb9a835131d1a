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
from frostbyte.settings.env import PROJECT_DIR

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
        self._stop_asked = asyncio.Event()

    async def keep_running(self) -> None:
        """Run the program until `stop`."""
        delay = FIRST_DELAY_SECONDS
        while not self._stop_asked.is_set():
            started = time.monotonic()
            code = await self.run_once()
            if self._stop_asked.is_set():
                return
            if time.monotonic() - started > STEADY_SECONDS:
                delay = FIRST_DELAY_SECONDS
            name = self.program.name
            self._log.warn(f"{name} ended ({_reason(code)}); it starts again in {delay:.0f} s")
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    async def run_once(self) -> int:
        """Run the program to its end, relaying what it writes; return its exit code."""
        reading, writing = os.pipe()
        try:
            self._process = await self._spawn(writing)
        finally:
            os.close(writing)
        relay = asyncio.create_task(self._relay(reading))
        code = await self._process.wait()
        # What it left running would work twice, beside its successor.
        self._signal_group(signal.SIGKILL)
        with suppress(TimeoutError):
            await asyncio.wait_for(relay, _RELAY_SECONDS)
        return code

    async def _spawn(self, output: int) -> asyncio.subprocess.Process:
        """Start the program. The pipe is ours: asyncio's own would have `wait` wait for its end."""
        return await asyncio.create_subprocess_exec(
            *self.program.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=PROJECT_DIR,
            env={**os.environ, **self._variables, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )

    async def _relay(self, reading: int) -> None:
        stream = asyncio.StreamReader(limit=LONGEST_LINE)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb")
        )
        try:
            while not stream.at_eof():
                # ValueError: a line past the limit, which is dropped.
                with suppress(ValueError):
                    line = await stream.readline()
                    if line:
                        self._log.line(self.program.name, line.decode(errors="replace").rstrip())
        finally:
            transport.close()

    async def stop(self) -> None:
        """Ask the program to end, more firmly each time, and kill it at last."""
        self._stop_asked.set()
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
