"""`manage.py up` as a person runs it: ready, killed, taken over, stopped."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from frostbyte.embedded.endpoints import load_endpoints
from frostbyte.embedded.ports import free_port
from frostbyte.embedded.probe import ready_status
from frostbyte.embedded.servers import EmbeddedServers
from frostbyte.settings.env import PROJECT_DIR

PATIENCE_SECONDS = 120.0


class Up:
    """A running `manage.py up`, and what it has written."""

    def __init__(self, home: Path, port: int, *options: str, **variables: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--without-demo", f"--port={port}", *options],
            cwd=PROJECT_DIR,
            env={
                **os.environ,
                **variables,
                "FROSTBYTE_HOME": str(home),
                "DJANGO_SETTINGS_MODULE": "frostbyte.settings.dev",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def says(self, text: str) -> bool:
        return any(text in line for line in self.lines)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def wait_for(self, text: str) -> None:
        wait_until(lambda: self.says(text) or self.process.poll() is not None)
        assert self.says(text), "".join(self.lines[-40:])

    def children(self) -> dict[str, psutil.Process]:
        """Return the children by what they are."""
        found: dict[str, psutil.Process] = {}
        for process in psutil.Process(self.process.pid).children():
            command = process.cmdline()
            for name in ("uvicorn", "worker", "beat"):
                if name in command:
                    found[name] = process
        return found


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert condition()


def status_of(port: int) -> int:
    """Return the status of the readiness check, 0 without an answer."""
    return asyncio.run(ready_status(port, host="localhost"))


@pytest.fixture
def home() -> Iterator[Path]:
    """A home inside that of the test run, whose end stops what is left of it."""
    home = Path(tempfile.mkdtemp(prefix="up-", dir=os.environ["FROSTBYTE_HOME"]))
    yield home
    EmbeddedServers(home).stop()


def test_up_is_ready_survives_kill_9_and_stops_on_a_signal(home: Path) -> None:
    port = free_port()
    first = Up(home, port)
    first.wait_for("Frostbyte is ready")
    assert status_of(port) == 200
    assert first.children().keys() == {"uvicorn", "worker", "beat"}

    worker = first.children()["worker"]
    worker.kill()
    first.wait_for("worker ended (killed by SIGKILL)")
    wait_until(lambda: first.children().get("worker", worker) != worker)

    refused = Up(home, port)
    assert refused.process.wait(PATIENCE_SECONDS) == 1
    assert refused.says("ALREADY_UP")

    children = first.children().values()
    first.process.kill()
    first.process.wait()
    psutil.wait_procs(list(children), timeout=PATIENCE_SECONDS)
    assert not [child for child in children if child.is_running()]
    servers = EmbeddedServers(home)
    pids = [state.pid for state in servers.status()]
    assert None not in pids

    second = Up(home, port)
    second.wait_for("Frostbyte is ready")
    assert [state.pid for state in servers.status()] == pids
    assert second.stop() == 0
    assert status_of(port) == 0
    assert [state.pid for state in servers.status()] == [None, None, None]
    assert not second.says("Traceback")


def test_given_services_are_used_and_none_is_started(home: Path, servers: EmbeddedServers) -> None:
    servers.start()
    given = load_endpoints(servers.home)
    port = free_port()
    up = Up(
        home,
        port,
        "--no-worker",
        DATABASE_URL=given.database_url,
        REDIS_URL=given.redis_url,
        S3_ENDPOINT_URL=given.s3_endpoint_url,
        S3_ACCESS_KEY=given.s3_access_key,
        S3_SECRET_KEY=given.s3_secret_key,
        FROSTBYTE_SECRET_KEY="a long random text for one test run",
    )
    up.wait_for("Frostbyte is ready")
    assert up.children().keys() == {"uvicorn"}
    assert [state.pid for state in EmbeddedServers(home).status()] == [None, None, None]
    assert up.stop() == 0
    assert all(state.healthy for state in servers.status())


def test_a_database_that_cannot_be_upgraded_ends_the_run_with_its_code(home: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    up = Up(
        home,
        free_port(),
        DATABASE_URL=f"postgresql://frostbyte@{nowhere}/frostbyte",
        REDIS_URL=f"redis://{nowhere}/0",
        S3_ENDPOINT_URL=f"http://{nowhere}",
        FROSTBYTE_SECRET_KEY="a long random text for one test run",
    )
    assert up.process.wait(PATIENCE_SECONDS) == 1
    wait_until(lambda: up.says("UPGRADE_FAILED"))
    assert up.says("connection refused") or up.says("Connection refused")
