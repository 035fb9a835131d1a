"""Uploads over real connections, by tuspy: broken off, killed, raced; nothing lost or doubled."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from django.db import connection
from tusclient.client import TusClient

from frostbyte.embedded.stack import next_free_port
from frostbyte.kernel.hashing import sha256_hex
from intake.models import Document, Receipt, Upload
from intake.uploads.appending import PART_BYTES
from tenants.context import tenant_context
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import Tenant
from tenants.services import api_key_issue
from tenants.stores import for_tenant

PROJECT_DIR = Path(__file__).resolve().parents[2]
MEGABYTE = 1024 * 1024
PATIENCE_SECONDS = 60
LINE = b"The crane on pier %08d lifted its crates before the tide turned again.\n"


def text_of(size: int, *, seed: int = 0) -> bytes:
    """Return lines of text, no two alike."""
    lines = b"".join(LINE % (seed + number) for number in range(size // len(LINE) + 1))
    return lines[:size]


def wait_for(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing after {PATIENCE_SECONDS} s")


class Server:
    """A web server that can be killed and started again at the same port."""

    def __init__(self) -> None:
        self.port = next_free_port(18_600 + os.getpid() % 1000)
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        database = connection.settings_dict["NAME"]
        named = (str(self.port), database, settings.BUCKET_PREFIX, settings.WORK_FOLDER)
        command = [sys.executable, "-m", "tests.intake.serving", *named]
        self.process = subprocess.Popen(command, cwd=PROJECT_DIR)
        wait_for(self._answers)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def at(self, path: str) -> str:
        """Return an address."""
        return f"http://127.0.0.1:{self.port}{path}"

    def peak_megabytes(self) -> float:
        """Return the most memory that the process ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found[1]) / 1024

    def _answers(self) -> bool:
        assert self.process.poll() is None
        try:
            return httpx.get(self.at("/api/v1/health/live")).status_code == 200
        except httpx.TransportError:
            return False


class Sender:
    """A tenant's program with a key."""

    def __init__(self, server: Server, tenant: Tenant) -> None:
        scopes = ("ingest", "query")
        _key, text = api_key_issue(tenant=tenant, name="tus", scopes=scopes, actor="tester")
        self.server, self.tenant = server, tenant
        self.headers = {"Authorization": f"Bearer {text}"}
        self.client = TusClient(server.at("/api/v1/uploads"), headers=self.headers)

    def uploader(self, data: bytes, name: str = "long.txt", **options: Any) -> Any:
        """Return tuspy's uploader for the bytes."""
        given = {"chunk_size": 5 * MEGABYTE, "metadata": {"filename": name}, **options}
        return self.client.uploader(file_stream=BytesIO(data), **given)

    def head(self, url: str) -> httpx.Response:
        """Ask how far an upload is."""
        return httpx.head(url, headers={**self.headers, "Tus-Resumable": "1.0.0"})

    def receipt(self, url: str) -> dict[str, Any]:
        """Return the receipt that an upload ended with."""
        address = self.head(url).headers["Frostbyte-Receipt"]
        told: dict[str, Any] = httpx.get(address, headers=self.headers).json()
        return told

    def half_a_patch(self, url: str, offset: int, data: bytes, length: int) -> socket.socket:
        """Begin a PATCH of `length` bytes, send `data` of them, and leave the connection open."""
        parts = urlsplit(url)
        wire = socket.create_connection((parts.hostname, parts.port))
        head = (
            f"PATCH {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nTus-Resumable: 1.0.0\r\n"
            f"Authorization: {self.headers['Authorization']}\r\nUpload-Offset: {offset}\r\n"
            f"Content-Type: application/offset+octet-stream\r\nContent-Length: {length}\r\n\r\n"
        )
        wire.sendall(head.encode() + data)
        return wire


@pytest.fixture
def server(committed: None) -> Iterator[Server]:
    started = Server()
    yield started
    started.kill()


@pytest.fixture
def senders(server: Server) -> list[Sender]:
    """Two tenants of the test's own."""
    made = [tenant_provision(slug=slug, name="", actor="tester") for slug in ("north", "south")]
    return [Sender(server, tenant) for tenant in made]


def assert_one_document(sender: Sender, url: str, data: bytes) -> None:
    """Check that the upload is one document of just these bytes, with one receipt, and no parts."""
    receipt = sender.receipt(url)
    assert (receipt["outcome"], receipt["sha256"]) == ("accepted", sha256_hex(data))
    with tenant_context(sender.tenant):
        assert Receipt.objects.filter(sha256=receipt["sha256"]).count() == 1
        document = Document.objects.get(sha256=receipt["sha256"])
        assert (
            sha256_hex(for_tenant(sender.tenant).objects.get(document.raw_key))
            == (receipt["sha256"])
        )
        assert list(for_tenant(sender.tenant).objects.list("uploads/")) == []


@pytest.mark.parametrize("with_checksum", [False, True])
def test_tuspy_sends_breaks_off_and_goes_on(senders: list[Sender], with_checksum: bool) -> None:
    for sender in senders:
        data = text_of(12 * MEGABYTE)
        first = sender.uploader(data, upload_checksum=with_checksum)
        first.upload(stop_at=7 * MEGABYTE)
        assert first.offset == 7 * MEGABYTE
        again = sender.uploader(data, url=first.url, upload_checksum=with_checksum)
        assert again.offset == 7 * MEGABYTE
        again.upload()
        assert_one_document(sender, first.url, data)
    north, south = senders
    upload = north.uploader(data)
    upload.set_url(upload.create_url())
    assert south.head(upload.url).status_code == 404


def test_a_broken_connection_keeps_what_came(senders: list[Sender]) -> None:
    for sender in senders:
        data = text_of(9 * MEGABYTE)
        upload = sender.uploader(data)
        upload.set_url(upload.create_url())
        came = PART_BYTES + 12_345
        sender.half_a_patch(upload.url, 0, data[:came], len(data)).close()
        wait_for(lambda: int(sender.head(upload.url).headers["Upload-Offset"]) == came)  # noqa: B023
        again = sender.uploader(data, url=upload.url)
        assert again.offset == came
        again.upload()
        assert_one_document(sender, upload.url, data)


def test_kill_9_in_the_middle_loses_the_part_in_hand_at_most(
    server: Server, senders: list[Sender]
) -> None:
    for sender in senders:
        data = text_of(12 * MEGABYTE)
        upload = sender.uploader(data)
        upload.set_url(upload.create_url())
        offset = 0
        for came in (3 * MEGABYTE, 5 * MEGABYTE):
            sent = data[offset : offset + came]
            wire = sender.half_a_patch(upload.url, offset, sent, len(data) - offset)
            least = (offset + came) // PART_BYTES * PART_BYTES
            wait_for(lambda: int(sender.head(upload.url).headers["Upload-Offset"]) >= least)  # noqa: B023
            server.kill()
            wire.close()
            server.start()
            kept = int(sender.head(upload.url).headers["Upload-Offset"])
            assert offset + came - PART_BYTES < kept <= offset + came
            offset = kept
        again = sender.uploader(data, url=upload.url)
        assert again.offset == offset
        again.upload()
        assert_one_document(sender, upload.url, data)


def test_kill_9_while_the_document_is_made_gives_one_receipt(
    server: Server, senders: list[Sender]
) -> None:
    """Killed at several moments after the last byte; HEAD takes over what was begun."""
    for sender in senders:
        for turn, delay in enumerate((0.0, 0.2, 0.5)):
            data = text_of(8 * MEGABYTE, seed=turn * 10_000_000)
            upload = sender.uploader(data, name=f"{turn}.txt")
            upload.upload(stop_at=5 * MEGABYTE)
            rest = data[upload.offset :]
            wire = sender.half_a_patch(upload.url, upload.offset, rest, len(rest))
            time.sleep(delay)
            server.kill()
            wire.close()
            server.start()
            sender.uploader(data, url=upload.url).upload()
            wait_for(lambda: "Frostbyte-Receipt" in sender.head(upload.url).headers)  # noqa: B023
            assert_one_document(sender, upload.url, data)


def test_last_bytes_that_race_give_one_receipt(senders: list[Sender]) -> None:
    for sender in senders:
        data = text_of(3 * MEGABYTE)
        upload = sender.uploader(data)
        upload.set_url(upload.create_url())
        headers = {
            **sender.headers,
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": "0",
            "Content-Type": "application/offset+octet-stream",
        }
        answers: list[int] = []

        def send() -> None:
            answer = httpx.patch(upload.url, content=data, headers=headers, timeout=60)  # noqa: B023
            answers.append(answer.status_code)  # noqa: B023

        threads = [threading.Thread(target=send) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers.count(204) == 1
        assert set(answers) <= {204, 409, 423}
        assert_one_document(sender, upload.url, data)
        with tenant_context(sender.tenant):
            assert Upload.objects.get().finished_at is not None


def test_a_large_file_takes_little_memory(server: Server, senders: list[Sender]) -> None:
    for number, sender in enumerate(senders):
        small = sender.uploader(text_of(100_000, seed=number), name="small.txt")
        small.upload()
        before = server.peak_megabytes()
        data = text_of(200 * MEGABYTE, seed=1_000_000 + number)
        upload = sender.uploader(data, chunk_size=len(data))
        upload.upload()
        assert server.peak_megabytes() - before < 64
        assert_one_document(sender, upload.url, data)
