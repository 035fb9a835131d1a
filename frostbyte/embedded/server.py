"""What every embedded server can do, and the one procedure that brings any of them up."""

import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Final

import psutil

from frostbyte.embedded import processes
from frostbyte.embedded.errors import EmbeddedServerError

START_TIMEOUT_SECONDS: Final = 60.0
ADOPT_TIMEOUT_SECONDS: Final = 15.0
STOP_TIMEOUT_SECONDS: Final = 10.0
ATTEMPTS: Final = 3
_POLL_SECONDS: Final = 0.02


class Server(ABC):
    """One server program with its data in `home`; `home` must exist (`home_create`)."""

    name: ClassVar[str]
    stop_signal: ClassVar[int]

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "logs" / f"{self.name}.log"

    @abstractmethod
    def process(self) -> psutil.Process | None:
        """Return the running process that serves this home, if there is one."""

    @abstractmethod
    def launch(self) -> "subprocess.Popen[bytes]":
        """Prepare files and start the program, without waiting for it."""

    @abstractmethod
    def is_healthy(self) -> bool:
        """Return whether the server does real work for the application's own credentials."""

    @abstractmethod
    def address(self) -> str:
        """Return where it listens, without credentials."""

    def start(self) -> bool:
        """Bring the server up and wait until it is healthy; False when it ran already.

        A process that runs but never answers is ended and replaced. Raises EmbeddedServerError.
        """
        running = self.process()
        if running is not None:
            if self._becomes_healthy(running, timeout=ADOPT_TIMEOUT_SECONDS):
                return False
            processes.end(running, signal=self.stop_signal, timeout=STOP_TIMEOUT_SECONDS)
        for _ in range(ATTEMPTS):
            if self._launch_and_wait():
                return True
        raise self._failure()

    def stop(self) -> bool:
        """End the server; False when none ran."""
        running = self.process()
        if running is not None:
            processes.end(running, signal=self.stop_signal, timeout=STOP_TIMEOUT_SECONDS)
        return running is not None

    def _launch_and_wait(self) -> bool:
        child = self.launch()
        if self._becomes_healthy(psutil.Process(child.pid), timeout=START_TIMEOUT_SECONDS):
            return True
        if child.poll() is None:
            processes.end(
                psutil.Process(child.pid), signal=self.stop_signal, timeout=STOP_TIMEOUT_SECONDS
            )
        return False

    def _becomes_healthy(self, process: psutil.Process, *, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and _is_alive(process):
            if self.is_healthy():
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _failure(self) -> EmbeddedServerError:
        return EmbeddedServerError(
            f"{self.name} did not become healthy. The end of its log:\n"
            f"{processes.log_tail(self.log)}",
            remediation=f'Read {self.log}; see "Troubleshooting" in docs/operations.md.',
            extra={"server": self.name},
        )


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
