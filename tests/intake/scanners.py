"""A clamd of the test's own, with one signature: the test string that every scanner knows."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from intake.malware.clamd import Clamd, ClamdError

PROGRAM: Final = shutil.which("clamd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
SIGNATURE: Final = "Test.Eicar.NDB.UNOFFICIAL"
STREAM_LIMIT_MB: Final = 2
needs_clamd = pytest.mark.skipif(PROGRAM is None, reason="clamd is not installed")


def eicar() -> bytes:
    """Return the test string, which stands nowhere whole."""
    parts = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}", "$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!", "$H+H*")
    return "".join(parts).encode()


@contextmanager
def clamd(folder: Path, *, port: int | None = None) -> Iterator[Clamd]:
    """Run a clamd in a folder, on a socket in it or on a port of this machine."""
    address = f"127.0.0.1:{port}" if port else str(folder / "clamd.sock")
    configuration = _configure(folder, port)
    assert PROGRAM is not None
    process = subprocess.Popen(
        [PROGRAM, "--foreground", f"--config-file={configuration}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    client = Clamd(address)
    try:
        _wait_for(client, process)
        yield client
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _configure(folder: Path, port: int | None) -> Path:
    signatures = folder / "signatures"
    signatures.mkdir()
    (signatures / "test.ndb").write_text(f"Test.Eicar.NDB:0:*:{eicar().hex()}\n")
    listen = f"TCPSocket {port}\nTCPAddr 127.0.0.1" if port else f"LocalSocket {folder}/clamd.sock"
    configuration = folder / "clamd.conf"
    configuration.write_text(
        f"{listen}\nDatabaseDirectory {signatures}\nStreamMaxLength {STREAM_LIMIT_MB}M\n"
        f"MaxScanSize 1M\nMaxFileSize 1M\nAlertExceedsMax yes\nLogFile {folder}/log\nUser root\n"
    )
    return configuration


def _wait_for(client: Clamd, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.ping()
        except ClamdError:
            time.sleep(0.05)
            continue
        return
    raise RuntimeError("clamd did not start")
