"""Work in a process of its own: what comes back, what it cannot do, and how it ends."""

import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from frostbyte.sandbox import (
    Limits,
    SandboxCrashedError,
    SandboxMemoryError,
    SandboxTimeoutError,
    calling,
    sandboxed,
)
from frostbyte.sandbox.hardening import landlock_version
from intake.errors import UnsafeContainerError

PROJECT = Path(__file__).resolve().parents[2]


def job(name: str, *args: Any, **options: Any) -> Any:
    return sandboxed(f"tests.sandbox.jobs:{name}", *args, **options)


def zygotes() -> list[psutil.Process]:
    found = psutil.Process().children()
    return [each for each in found if "frostbyte.sandbox.zygote" in each.cmdline()]


def gone(process: psutil.Process) -> bool:
    try:
        process.wait(10)
    except psutil.TimeoutExpired:
        return False
    return True


def test_arguments_and_results_come_through_as_they_are() -> None:
    values = [None, True, -3, 2.5, "text é", b"\x00\xff", [1, [2]], {"a": {"b": [1]}}]
    assert job("echo", *values) == values
    assert len(job("talk", 5)) == 5 * 1024 * 1024


def test_each_call_has_a_process_of_its_own_and_the_module_is_loaded_once() -> None:
    first, second = job("loaded"), job("loaded")
    assert first[0] == second[0] == ["once", "here"]
    assert len({first[1], second[1], os.getpid()}) == 3


@pytest.mark.parametrize("kind", ["memory", "file", "spooled", "written"])
def test_a_file_is_read_from_its_beginning_and_stays_where_it_was(kind: str) -> None:
    with tempfile.TemporaryFile() as file, tempfile.SpooledTemporaryFile(10_000) as spooled:
        stream: Any = {"memory": io.BytesIO(), "spooled": spooled}.get(kind, file)
        stream.write(b"0123456789")
        if kind != "written":
            stream.seek(4)
        place = stream.tell()
        assert job("read", 2, files=[stream]) == b"23456789"
        assert stream.tell() == place
        assert job("write_into", files=[stream]) in {"OSError", "PermissionError"}
        stream.seek(0)
        assert stream.read() == b"0123456789"


def test_errors_of_our_own_come_back_as_they_were_raised() -> None:
    with pytest.raises(UnsafeContainerError) as raised:
        job("refuse")
    error = raised.value
    assert (error.message, error.remediation, error.extra) == (
        "It is unsafe.", "Do not.", {"size": 3},
    )  # fmt: skip


def test_other_errors_tell_their_place_and_no_content() -> None:
    with pytest.raises(SandboxCrashedError) as raised:
        job("stumble")
    assert raised.value.extra["kind"] == "KeyError"
    assert "tests/sandbox/jobs.py" in raised.value.extra["place"]
    assert "content" not in f"{raised.value.extra} {raised.value}"


def test_a_crash_ends_the_call_alone() -> None:
    before = job("echo", 1)
    for _ in range(3):
        with pytest.raises(SandboxCrashedError) as raised:
            job("die", signal.SIGSEGV)
        assert raised.value.extra["exit_code"] == -signal.SIGSEGV
    with pytest.raises(SandboxCrashedError):
        job("leave")
    assert job("echo", 1) == before
    assert len(zygotes()) == 1


def test_what_takes_too_long_is_ended() -> None:
    with pytest.raises(SandboxTimeoutError):
        job("wait", limits=Limits(wall_seconds=0.3))
    with pytest.raises(SandboxTimeoutError):
        job("spin", limits=Limits(cpu_seconds=1))


def test_memory_and_results_are_bounded() -> None:
    with pytest.raises(SandboxMemoryError):
        job("eat", 200, limits=Limits(memory_mb=100))
    assert job("eat", 50, limits=Limits(memory_mb=200)) == 50 * 1024 * 1024
    with pytest.raises(SandboxMemoryError):
        job("talk", 3, limits=Limits(result_mb=2))


def test_a_child_sees_neither_environment_nor_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROSTBYTE_SECRET_KEY", "very secret")
    seen = job("environment")
    assert "PATH" in seen
    assert not {name for name in seen if name.startswith(("FROSTBYTE", "DJANGO", "S3_"))}
    with socket.socket() as ours:
        os.set_inheritable(ours.fileno(), True)
        # The arguments have been read and closed: only the result is left.
        assert len(job("descriptors")) == 1


def test_threads_work_in_a_child() -> None:
    assert job("run_thread") == "done"


@pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")
@pytest.mark.parametrize(
    "what",
    ["network", "unix socket", "program", "fork", "environment of the parent",
     "signal to the parent", "raise the limit"],
)  # fmt: skip
def test_a_child_reaches_nothing_outside(what: str) -> None:
    assert job("attempt", what) in {"PermissionError", "FileNotFoundError", "ValueError"}


@pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")
def test_a_child_reads_libraries_only_and_writes_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    assert job("attempt", "write", str(tmp_path)) == "PermissionError"
    assert job("attempt", "read", str(secret)) == "PermissionError"
    assert job("attempt", "read", str(PROJECT / "pyproject.toml")) == "PermissionError"
    assert job("attempt", "read", str(PROJECT / "frostbyte" / "__init__.py")) == "done"


def test_calls_of_several_threads_at_once() -> None:
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda n=n: results.extend(job("echo", n))) for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(12))
    assert len(zygotes()) == 1


def test_a_zygote_that_was_killed_is_replaced_and_the_work_done() -> None:
    job("echo", 1)
    (first,) = zygotes()
    first.kill()
    assert gone(first)
    assert job("echo", 2) == [2]
    (second,) = zygotes()
    assert second.pid != first.pid


CALLER = """
import sys, threading
from frostbyte.sandbox import sandboxed
sandboxed("tests.sandbox.jobs:echo")
threading.Thread(target=sandboxed, args=["tests.sandbox.jobs:wait"], daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""


def test_everything_ends_with_a_caller_that_is_killed() -> None:
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT
    )
    with caller:
        assert caller.stdout is not None
        assert caller.stdout.readline() == b"ready\n"
        family: list[psutil.Process] = []
        deadline = time.monotonic() + 10
        while len(family) < 2 and time.monotonic() < deadline:
            family = psutil.Process(caller.pid).children(recursive=True)
        assert len(family) == 2
        caller.kill()
    assert all(gone(process) for process in family)


def test_a_forked_process_has_a_zygote_of_its_own() -> None:
    job("echo", 1)
    (ours,) = zygotes()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = job("echo", 5)
            (own,) = zygotes()
            os.write(writing, f"{answer[0]} {own.pid != ours.pid}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"5 True"
    os.waitpid(pid, 0)
    assert job("echo", 2) == [2]
    assert calling.PLACES >= 2
