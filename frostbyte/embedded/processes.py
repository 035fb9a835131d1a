"""Finding, starting and ending a server's process.

Nothing is remembered in pid files: a server is found by its program and the folder on its command
line, so that neither a stale file nor a pid that was given away again can mislead.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

LOG_LIMIT_BYTES: Final = 10_000_000
_LOG_TAIL_BYTES: Final = 4_000


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system account of a process; None stands for our own."""

    uid: int | None = None
    gid: int | None = None


OWN_ACCOUNT: Final = Account()


def find_process(program: str, argument: str) -> psutil.Process | None:
    """Return the running process of `program` (file name) that has `argument`, if there is one."""
    return next(iter(_processes(program, argument)), None)


def _processes(program: str, argument: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() != program:
                continue
            if argument in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def find_in_folder(program: str, folder: Path) -> list[psutil.Process]:
    """Return the processes of `program` whose working folder is `folder`."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == program and process.cwd() == str(folder):
                found.append(process)
    return found


def launch(
    command: Sequence[str],
    *,
    log: Path,
    cwd: Path,
    account: Account = OWN_ACCOUNT,
    variables: Mapping[str, str] | None = None,
) -> "subprocess.Popen[bytes]":
    """Start `command` in a session of its own, writing to `log` (rotated once past its limit).

    The new process sees PATH and the given variables only: none of our settings or secrets.
    """
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as stream:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={"PATH": os.environ.get("PATH", os.defpath), **(variables or {})},
            start_new_session=True,
            user=account.uid,
            group=account.gid,
            extra_groups=None if account.uid is None else [],
        )


def end(process: psutil.Process, *, signal: int, timeout: float) -> None:
    """Send `signal`, wait for the end, and kill the process when it takes longer than `timeout`."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal)
        if not _wait(process, timeout):
            process.kill()
            _wait(process, timeout)


def _wait(process: psutil.Process, timeout: float) -> bool:
    """Return whether the process ended in time; one that its parent has not reaped has ended."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        with suppress(psutil.TimeoutExpired):
            process.wait(0.05)
            return True
    return False


def log_tail(log: Path, *, lines: int = 15) -> str:
    """Return the last lines of a log, or an empty text when there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
        text = stream.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])
