"""What a large upload costs the process that serves it, measured by the kernel."""

import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.e2e.conftest import PROJECT_DIR, start_up, stop_up, wait_until_ready

MEGABYTE: Final = 1024 * 1024
UPLOAD_MB: Final = int(os.environ.get("FROSTBYTE_UPLOAD_MB", "200"))
LIMIT_MB: Final = 64
BOUNDARY: Final = "--a-boundary-4711"
BLOCK: Final = b"Cranes are looked at every ninety days.\n" * (MEGABYTE // 40 + 1)


@pytest.fixture
def home() -> Iterator[Path]:
    """A home of its own for one server, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="frostbyte-memory-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def manage(home: Path, *arguments: str) -> str:
    """Run a command in the home and return what it prints."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT_DIR,
        env={
            **os.environ,
            "FROSTBYTE_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": "frostbyte.settings.dev",
        },
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def blocks(size: int) -> Iterator[bytes]:
    """Yield so many bytes of text, a megabyte at a time."""
    while size > 0:
        yield BLOCK[: min(MEGABYTE, size)]
        size -= MEGABYTE


def send_batch(port: int, key: str, reference: str, size: int) -> Any:
    """Send one file of `size` bytes as a batch, never holding it; return status and body."""
    digest = hashlib.sha256()
    for block in blocks(size):
        digest.update(block)
    file = {
        "file_id": "f1",
        "filename": f"{reference}.txt",
        "mime_type": "text/plain",
        "size_bytes": size,
        "sha256": digest.hexdigest(),
    }
    manifest = json.dumps({"batch_id": reference, "file_count": 1, "files": [file]})
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="manifest"\r\n\r\n{manifest}\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f1"; filename="f1"\r\n\r\n'
    ).encode()
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=500)
    connection.putrequest("POST", "/api/v1/batches", skip_host=True)
    connection.putheader("Host", f"localhost:{port}")
    connection.putheader("Authorization", f"Bearer {key}")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(head) + size + len(tail)))
    connection.endheaders()
    connection.send(head)
    for block in blocks(size):
        connection.send(block)
    connection.send(tail)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def memory_mb(process: psutil.Process, name: str) -> float:
    """Return `VmRSS`, what a process holds, or `VmHWM`, the most that it held, in megabytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def web_of(up: "subprocess.Popen[bytes]") -> psutil.Process:
    """Return the process of the web server."""
    children = psutil.Process(up.pid).children(recursive=True)
    return next(each for each in children if "uvicorn" in each.cmdline())


def test_a_large_upload_does_not_grow_the_web_process(home: Path) -> None:
    log = home / "up.log"
    up = start_up(home, log)
    try:
        port = wait_until_ready(up, log)
        web = web_of(up)
        manage(home, "tenant", "config", "acme", "max_file_size_mb=5000")
        issued = manage(home, "tenant", "key", "issue", "acme", "--scope", "ingest")
        key = next(word for word in issued.split() if word.startswith("fb_acme_"))
        assert send_batch(port, key, "warm-up", 3 * MEGABYTE)[0] == 202
        before = memory_mb(web, "VmRSS")
        Path(f"/proc/{web.pid}/clear_refs").write_text("5")
        status, told = send_batch(port, key, "large", UPLOAD_MB * MEGABYTE)
        grown = memory_mb(web, "VmHWM") - before
    finally:
        stop_up(up)
    assert status == 202, told
    assert told["files"][0]["receipt"]["size_bytes"] == UPLOAD_MB * MEGABYTE
    assert grown < LIMIT_MB, f"{UPLOAD_MB} MB: {before:.0f} MB before, {grown:.1f} MB more"
