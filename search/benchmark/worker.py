"""A Celery worker of our own, started as `manage.py up` starts it, and watched."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Final

import psutil

from frostbyte.embedded.children import die_with_parent
from frostbyte.embedded.stack import StackOptions, programs
from frostbyte.kernel.errors import ServiceUnavailableError
from frostbyte.settings.env import PROJECT_DIR
from processing.bulk import worker_is_there

START_SECONDS: Final = 120
_SAMPLE_SECONDS: Final = 0.1
_MEGABYTE: Final = 1024 * 1024


class Watch:
    """The memory of a process and its children at its highest, in megabytes, and their time."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._ended = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self.process_peak = 0.0
        """Of the largest process; `total_peak` is of all of them at one time."""
        self.total_peak = 0.0
        self._thread.start()

    def reset(self) -> None:
        """Begin anew from what is held now."""
        self.process_peak = self.total_peak = 0.0

    def cpu_seconds(self) -> float:
        """Return the processor time that the processes have taken so far."""
        times = [process.cpu_times() for process in self._processes()]
        return sum(each.user + each.system for each in times)

    def end(self) -> None:
        """Stop watching."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            sizes = list(self._sizes())
            self.process_peak = max([self.process_peak, *sizes])
            self.total_peak = max(self.total_peak, sum(sizes))

    def _sizes(self) -> Iterator[float]:
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                yield process.memory_info().rss / _MEGABYTE

    def _processes(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


@contextmanager
def worker_running(home: Path) -> Iterator[Watch]:
    """Have a worker running within the block; raises `ServiceUnavailableError` if it won't.

    Its log is `worker.log` in the home.
    """
    options = StackOptions(port=0, host="localhost", concurrency=1, log_level="INFO")
    program = next(each for each in programs(options, home=home) if each.name == "worker")
    with (home / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            program.command,
            cwd=PROJECT_DIR,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - one call of prctl, as for `manage.py up`
        )
    watch = Watch(process.pid)
    try:
        _wait_until_ready(process)
        yield watch
    finally:
        watch.end()
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while not worker_is_there():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServiceUnavailableError(
                "The worker did not start.", remediation="Look at worker.log with --keep."
            )
        time.sleep(0.2)
