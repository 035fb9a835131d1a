"""`manage.py watch` as a process: files of every kind, killed at any moment, stopped, resumed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from frostbyte.kernel.hashing import sha256_hex
from intake.models import Document
from intake.receipts import receipt_verify
from intake.watching import LOCK_NAME, folder_held
from tenants.context import tenant_context
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import Tenant

PROJECT_DIR = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 90
PROGRAM = """
import sys
from django.conf import settings
database, settings.BUCKET_PREFIX, settings.WORK_FOLDER = sys.argv[1:4]
settings.DATABASES["default"]["NAME"] = database
import django
django.setup()
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "watch", *sys.argv[4:]])
"""


class Watching:
    """A running `manage.py watch`."""

    def __init__(self, slug: str, folder: Path, log: Path, *options: str) -> None:
        database = connection.settings_dict["NAME"]
        given = (database, settings.BUCKET_PREFIX, str(settings.WORK_FOLDER))
        command = [sys.executable, "-c", PROGRAM, *given, "--tenant", slug, "--json", *options]
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, str(folder)],
                cwd=PROJECT_DIR,
                env={**os.environ, "DJANGO_SETTINGS_MODULE": "frostbyte.settings.test"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def events(self) -> list[dict[str, Any]]:
        """Return what it told so far."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns how it ended."""
        self.process.terminate()
        return self.process.wait(timeout=PATIENCE_SECONDS)


def wait_for(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing after {PATIENCE_SECONDS} s")


@pytest.fixture
def two(committed: None) -> list[Tenant]:
    """Two tenants of the test's own."""
    return [tenant_provision(slug=slug, name="", actor="tester") for slug in ("drop", "other")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "drop"
    made.mkdir()
    return made


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watching]]:
    """A function that starts to watch; whatever still runs at the end is killed."""
    started: list[Watching] = []

    def _watch(slug: str, folder: Path, *options: str) -> Watching:
        log = tmp_path / f"{len(started)}.log"
        started.append(Watching(slug, folder, log, *options))
        return started[-1]

    yield _watch
    for each in started:
        each.kill()


def waiting_in(folder: Path) -> list[Path]:
    """Return the files that are not filed away."""
    kept = {folder / "done", folder / "rejected"}
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and not kept & set(path.parents) and path.name != LOCK_NAME
    ]


def text(number: int) -> bytes:
    return f"Crane {number} on the pier is looked at every ninety days.\n".encode()


def test_files_are_filed_away_by_their_outcome_with_signed_receipts(
    two: list[Tenant], folder: Path, watch: Callable[..., Watching]
) -> None:
    tenant, other = two
    (folder / "2026" / "march").mkdir(parents=True)
    (folder / "2026" / "march" / "one.txt").write_bytes(text(1))
    (folder / "same.txt").write_bytes(text(1))
    (folder / "empty.txt").touch()
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9 \xff.txt")).write_bytes(text(2))
    (folder / ".draft.txt").write_bytes(text(3))
    (folder / "secret.txt").write_bytes(b"outside")
    (folder / "secret.txt").rename(folder.parent / "secret.txt")
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    os.mkfifo(folder / "pipe.txt")
    started = watch("drop", folder, "--settle", "0.2", "--once")
    assert started.process.wait(timeout=PATIENCE_SECONDS) == 0, started.log.read_text()
    moved = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {"done/2026/march/one.txt", "done/2026/march/one.txt.receipt.json"} <= moved
    assert {"done/same.txt", "rejected/empty.txt", ".draft.txt"} <= moved
    assert (folder / "link.txt").is_symlink()
    receipts = [json.loads(path.read_text()) for path in folder.rglob("*.receipt.json")]
    assert len(receipts) == 4
    assert all(receipt_verify(receipt).is_valid for receipt in receipts)
    refused = json.loads((folder / "rejected" / "empty.txt.receipt.json").read_text())
    assert (refused["code"], bool(refused["remediation"])) == ("EMPTY_FILE", True)
    with tenant_context(tenant):
        assert {d.sha256 for d in Document.objects.all()} == {
            sha256_hex(text(1)),
            sha256_hex(text(2)),
        }
    with tenant_context(other):
        assert not Document.objects.exists()


def test_kill_9_at_any_moment_loses_and_doubles_nothing(
    two: list[Tenant], folder: Path, watch: Callable[..., Watching]
) -> None:
    tenant, other = two
    for number in range(30):
        (folder / f"{number}.txt").write_bytes(text(number))
    for turn in range(4):
        started = watch("drop", folder, "--settle", "0")
        left = 28 - turn * 6
        wait_for(lambda: len(waiting_in(folder)) <= left)  # noqa: B023
        started.kill()
    last = watch("drop", folder, "--settle", "0", "--once")
    assert last.process.wait(timeout=PATIENCE_SECONDS) == 0, last.log.read_text()
    assert waiting_in(folder) == []
    filed = {path.name for path in (folder / "done").glob("*.txt")}
    assert filed == {f"{number}.txt" for number in range(30)}
    for name in filed:
        receipt = json.loads((folder / "done" / f"{name}.receipt.json").read_text())
        assert receipt["sha256"] == sha256_hex((folder / "done" / name).read_bytes())
        assert receipt_verify(receipt).is_valid
    with tenant_context(tenant):
        assert Document.objects.count() == 30
    with tenant_context(other):
        assert not Document.objects.exists()


def test_a_file_that_is_being_written_waits_and_sigterm_ends_cleanly(
    two: list[Tenant], folder: Path, watch: Callable[..., Watching]
) -> None:
    tenant, other = two
    started = watch("drop", folder, "--settle", "0")
    with (folder / "slow.txt").open("wb") as writer:
        writer.write(text(1))
        writer.flush()
        (folder / "quick.txt").write_bytes(text(2))
        wait_for((folder / "done" / "quick.txt").exists)
        assert (folder / "slow.txt").exists()
        writer.write(text(3))
    wait_for((folder / "done" / "slow.txt").exists)
    assert started.stop() == 0
    assert started.events()[-1]["event"] == "ended"
    with tenant_context(tenant):
        assert Document.objects.filter(sha256=sha256_hex(text(1) + text(3))).count() == 1
        assert Document.objects.count() == 2
    with tenant_context(other):
        assert not Document.objects.exists()


def test_a_suspended_tenant_and_a_folder_that_went_away_are_waited_for(
    two: list[Tenant], folder: Path, watch: Callable[..., Watching]
) -> None:
    tenant, other = two
    started = watch("drop", folder, "--settle", "0")
    wait_for(started.events)
    Tenant.objects.filter(pk=tenant.pk).update(state="SUSPENDED")
    (folder / "a.txt").write_bytes(text(1))
    wait_for(lambda: [e for e in started.events() if "SUSPENDED" in e.get("reason", "")])
    assert (folder / "a.txt").exists()
    Tenant.objects.filter(pk=tenant.pk).update(state="ACTIVE")
    wait_for((folder / "done" / "a.txt").exists)
    away = folder.with_name("away")
    folder.rename(away)
    wait_for(lambda: [e for e in started.events() if "not there" in e.get("reason", "")])
    (away / "b.txt").write_bytes(text(2))
    away.rename(folder)
    wait_for((folder / "done" / "b.txt").exists)
    with tenant_context(other):
        assert not Document.objects.exists()


def test_one_process_watches_a_folder_and_names_are_not_taken_twice(
    two: list[Tenant], folder: Path
) -> None:
    def once() -> None:
        options = {"settle": 0.0, "once": True, "stdout": StringIO()}
        call_command("watch", str(folder), tenant="drop", **options)

    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        with folder_held(folder), pytest.raises(CommandError, match="FOLDER_IN_USE"):
            once()
        for number in (1, 2):
            (folder / "a.txt").write_bytes(text(number))
            once()
        with pytest.raises(CommandError, match="RESOURCE_NOT_FOUND"):
            call_command("watch", str(folder), tenant="drop", collection="no-such")
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
    assert (folder / "done" / "a.txt").read_bytes() == text(1)
    assert (folder / "done" / "a-2.txt").read_bytes() == text(2)
    assert len(two) == 2


def test_the_store_of_the_tests_is_set_up(acme: Tenant, globex: Tenant) -> None:
    """A test with a database of its own, without which none is made when this file runs alone."""
    assert acme.pk != globex.pk
