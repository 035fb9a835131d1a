"""The real thing for browser tests: `manage.py up` in a home of its own, and Chromium."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

PROJECT_DIR = Path(__file__).resolve().parents[2]
READY_SECONDS = 180
SCREENSHOTS = os.environ.get("FROSTBYTE_SCREENSHOTS", "")
"""A folder to keep pictures of the pages in; without it they go to a temporary one."""

_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
_GIVEN_SERVICES = ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL", "QDRANT_URL", "CLAMD_HOST")


@dataclass(frozen=True, slots=True)
class Site:
    """A running Frostbyte: where it answers, and the password of its demo people."""

    port: int
    password: str

    def at(self, host: str, path: str = "/") -> str:
        """Return an address on a host such as `acme`, or on the public one (``''``)."""
        return f"http://{f'{host}.' if host else ''}localhost:{self.port}{path}"


def _chromium() -> str:
    names = (os.environ.get("FROSTBYTE_CHROMIUM", ""), "chromium", "chromium-browser")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        reason = "no Chromium here: install Debian's `chromium`, or set FROSTBYTE_CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window. Closed with the module, since its loop would disturb others."""
    path = _chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def site(browser: Browser) -> Iterator[Site]:
    """Start everything with the demo tenants; stop it, and remove its home, at the end."""
    home = Path(tempfile.mkdtemp(prefix="frostbyte-e2e-"))
    log = home / "up.log"
    process = start_up(home, log)
    try:
        port = wait_until_ready(process, log)
        yield Site(port, (home / "demo-password").read_text().strip())
    finally:
        stop_up(process)
        shutil.rmtree(home, ignore_errors=True)


def start_up(home: Path, log: Path, **variables: str) -> "subprocess.Popen[bytes]":
    """Start `manage.py up` with its data in `home`, writing to `log`."""
    environment = {
        **os.environ,
        **dict.fromkeys(_GIVEN_SERVICES, ""),
        "DJANGO_SETTINGS_MODULE": "frostbyte.settings.dev",
        "FROSTBYTE_HOME": str(home),
        **variables,
    }
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", "8900"],
            cwd=PROJECT_DIR,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> int:
    """Return the port once everything answers."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        text = log.read_text(errors="replace")
        address = re.search(r"http://acme\.localhost:(\d+)/", text)
        if "Frostbyte is ready" in text and address:
            return int(address[1])
        time.sleep(0.2)
    pytest.fail(f"`manage.py up` did not become ready:\n{log.read_text(errors='replace')[-3000:]}")


def stop_up(process: "subprocess.Popen[bytes]") -> None:
    """Stop it as Ctrl-C does."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


NewPage = Callable[..., Page]


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """A function that opens a page in a browser of its own; anything in its console fails."""
    complaints: list[str] = []
    contexts = []

    def _open(**options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        return page

    yield _open
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for pictures of the pages."""
    folder = Path(SCREENSHOTS) if SCREENSHOTS else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
