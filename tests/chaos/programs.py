"""Workers and beat as processes of their own, started as `manage.py up` starts them."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from frostbyte.embedded.children import die_with_parent
from frostbyte.embedded.stack import StackOptions, programs
from frostbyte.settings.env import PROJECT_DIR

FAKETIME: Final = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
_END_SECONDS: Final = 20.0


class Running:
    """One program with its children, in a process group of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """The program's own process."""
        return self._process.pid

    def tree(self) -> list[psutil.Process]:
        """Return the program's process and everything that it has started."""
        try:
            root = psutil.Process(self.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> int:
        """SIGKILL the whole group; returns how many descendants were left and killed one by one."""
        family = self.tree()
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        _gone, left = psutil.wait_procs(family, timeout=2.0)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return len(left)

    def end(self) -> None:
        """Ask it to end as a person would, and kill it if it takes too long."""
        self._process.terminate()
        try:
            self._process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def memory(self) -> float:
        """Return the proportional set size of all its processes, in megabytes."""
        total = 0.0
        for process in self.tree():
            with suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().pss / 1024**2
        return total


def start(
    name: str,
    home: Path,
    *,
    concurrency: int = 2,
    variables: Mapping[str, str] | None = None,
    port: int = 0,
) -> Running:
    """Start `worker`, `beat` or `web` on the servers of `home`; its log is there, too."""
    options = StackOptions(port=port, host="localhost", concurrency=concurrency, log_level="INFO")
    program = next(each for each in programs(options, home=home) if each.name == name)
    with (home / "logs" / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            program.command,
            cwd=PROJECT_DIR,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - one call of prctl, as in `manage.py up`
        )
    return Running(process)


@contextmanager
def running(name: str, home: Path, *, concurrency: int = 2, port: int = 0) -> Iterator[Running]:
    """Have a program running within the block."""
    program = start(name, home, concurrency=concurrency, port=port)
    try:
        yield program
    finally:
        program.end()


def other_clock(days: int) -> dict[str, str]:
    """Return the variables that move a process's clock by some days, and not its stop-watch."""
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME": f"{days:+d}d",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def wait_until_answers(seconds: float = 120.0) -> None:
    """Return once a worker answers on the broker; raises `TimeoutError`."""
    from processing.bulk import worker_is_there

    deadline = time.monotonic() + seconds
    while not worker_is_there():
        if time.monotonic() > deadline:
            raise TimeoutError("No worker answers; see logs/worker.log with --keep.")
