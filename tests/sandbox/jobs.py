"""What the tests have done in a sandbox: each function is called there by its name."""

import ctypes
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from intake.errors import UnsafeContainerError

LOADED: list[str] = []


def preload() -> None:
    """Note that the zygote has loaded this module."""
    LOADED.append("once")


def loaded() -> tuple[list[str], int]:
    """Return what `preload` noted, and the process's own number."""
    LOADED.append("here")
    return LOADED, os.getpid()


def echo(*values: Any) -> list[Any]:
    """Return the arguments."""
    return list(values)


def read(stream: BinaryIO, start: int) -> bytes:
    """Return a file from a place on."""
    stream.seek(start)
    return stream.read()


def write_into(stream: BinaryIO) -> str:
    """Try to write into a file that was given to be read."""
    try:
        os.write(stream.fileno(), b"changed")
    except OSError as error:
        return type(error).__name__
    return "written"


def refuse() -> None:
    """Raise an error of the application's own."""
    raise UnsafeContainerError("It is unsafe.", remediation="Do not.", extra={"size": 3})


def stumble() -> None:
    """Raise what nobody expects, with content in its message."""
    raise KeyError("the content of the file")


def die(number: int) -> None:
    """End by a signal, as a library that crashes does."""
    signal.signal(number, signal.SIG_DFL)
    ctypes.string_at(0)


def leave() -> None:
    """End the process without a word."""
    os._exit(0)


def spin() -> None:
    """Use the processor for ever."""
    while True:
        pass


def wait() -> None:
    """Do nothing for ever."""
    time.sleep(3600)


def eat(megabytes: int) -> int:
    """Take memory and touch all of it."""
    return len(bytearray(b"x") * (megabytes * 1024 * 1024))


def talk(megabytes: int) -> bytes:
    """Return much."""
    return bytes(megabytes * 1024 * 1024)


def environment() -> dict[str, str]:
    """Return the process's environment."""
    return dict(os.environ)


def descriptors() -> list[int]:
    """Return the open descriptors past standard input and output."""
    found = []
    for number in range(3, 1024):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.append(number)
    return found


def run_thread() -> str:
    """Do something in a thread, as libraries do."""
    done: list[str] = []
    thread = threading.Thread(target=lambda: done.append("done"))
    thread.start()
    thread.join()
    return done[0]


def _reach_network() -> object:
    return socket.create_connection(("127.0.0.1", 9), timeout=1)


def _reach_unix_socket() -> object:
    return socket.socket(socket.AF_UNIX)


def _run_program() -> object:
    return subprocess.run(["/bin/true"], check=True)


def _fork() -> object:
    pid = os.fork()
    return os._exit(0) if pid == 0 else pid


def _read_parent() -> object:
    return Path(f"/proc/{os.getppid()}/environ").read_bytes()


def _signal_parent() -> object:
    os.kill(os.getppid(), 0)
    return "sent"


def _write_file(folder: str) -> object:
    return Path(folder, "left-behind").write_text("x")


def _read_file(path: str) -> object:
    return Path(path).read_bytes()


def _raise_limit() -> object:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return "raised"


ATTEMPTS: dict[str, Callable[..., object]] = {
    "network": _reach_network,
    "unix socket": _reach_unix_socket,
    "program": _run_program,
    "fork": _fork,
    "environment of the parent": _read_parent,
    "signal to the parent": _signal_parent,
    "write": _write_file,
    "read": _read_file,
    "raise the limit": _raise_limit,
}


def attempt(name: str, *args: str) -> str:
    """Try what a child must not do; return the kind of error that it met."""
    try:
        ATTEMPTS[name](*args)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return type(error).__name__
    return "done"
