"""Suspension, resumption and removal by command line, while another process's worker is at work."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from frostbyte.embedded.endpoints import load_endpoints, read_json
from tests.e2e.conftest import (
    _GIVEN_SERVICES,
    PROJECT_DIR,
    start_up,
    stop_up,
    wait_until_ready,
)
from tests.e2e.test_kill import query, sign_in, wait_for, worker_processes

FILES = 14
SWEEP_SECONDS = 5
SENTENCES = 700


class World:
    """A running Frostbyte, seen from outside: its pages and API, its database, its commands."""

    def __init__(self, home: Path, port: int, up: "subprocess.Popen[bytes]") -> None:
        self.home, self.port, self.up = home, port, up

    def command(self, *arguments: str, expect: int = 0) -> str:
        """Run `manage.py tenant ...` as a process of its own, and return what it printed."""
        environment = {
            **os.environ,
            **dict.fromkeys(_GIVEN_SERVICES, ""),
            "DJANGO_SETTINGS_MODULE": "frostbyte.settings.dev",
            "FROSTBYTE_HOME": str(self.home),
        }
        done = subprocess.run(
            [sys.executable, "manage.py", "tenant", *arguments],
            cwd=PROJECT_DIR,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout

    def new_key(self, slug: str) -> str:
        return self.command("key", "issue", slug).split("shown this once: ")[1].strip()

    def client(self, slug: str, key: str = "") -> httpx.Client:
        """Return a client of the tenant's host; not every resolver knows names under localhost."""
        headers = {"Host": f"{slug}.localhost:{self.port}"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=60)

    def hand_in(self, slug: str, key: str, name: str, count: int) -> None:
        with self.client(slug, key) as client:
            for number in range(count):
                files = {"file": (f"{name}-{number}.txt", long_text(f"{name} {number}"))}
                answer = client.post("/api/v1/documents", files=files)
                assert answer.status_code == 202, answer.text

    def runs(self, slug: str, name: str) -> dict[str, int]:
        """Return how many runs of the documents so named are in each state."""
        rows = query(
            self.home,
            f"SELECT r.state, count(*) FROM t_{slug}.processing_run r JOIN "
            f"t_{slug}.intake_document d ON d.id = r.document_id "
            f"WHERE d.filename LIKE '{name}-%' GROUP BY 1",
        )
        return dict(rows)

    def event_time(self, slug: str, kind: str) -> Any:
        """Return when the tenant's last event of a kind was recorded."""
        return query(
            self.home,
            "SELECT max(timestamp) FROM audit.audit_auditevent "
            f"WHERE tenant = '{slug}' AND event_type = '{kind}'",
        )[0][0]

    def stages(self, slug: str, condition: str) -> int:
        """Return how many stages of the tenant fit the condition."""
        rows = query(
            self.home, f"SELECT count(*) FROM t_{slug}.processing_stagerun WHERE {condition}"
        )
        return int(rows[0][0])

    def buckets(self) -> list[str]:
        """Return the names of the buckets, asked of the object store as its owner."""
        secrets, endpoints = read_json(self.home / "secrets.json"), load_endpoints(self.home)
        client = boto3.client(
            "s3",
            endpoint_url=endpoints.s3_endpoint_url,
            aws_access_key_id=secrets["s3_access_key"],
            aws_secret_access_key=secrets["s3_secret_key"],
            region_name="us-east-1",
        )
        return [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]


def long_text(name: str) -> bytes:
    """A document whose stages take a while, and that no other is the same as."""
    numbered = (
        f"{name}, paragraph {n}. Crane {n} on pier {n % 97} lifted {n * 7} crates at dawn."
        for n in range(SENTENCES)
    )
    return "\n\n".join(numbered).encode()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    home = Path(tempfile.mkdtemp(prefix="frostbyte-switch-"))
    log = home / "up.log"
    up = start_up(home, log)
    try:
        yield World(home, wait_until_ready(up, log), up)
    finally:
        stop_up(up)
        shutil.rmtree(home, ignore_errors=True)


def test_the_kill_switch_stops_requests_and_stages_and_loses_nothing(world: World) -> None:
    key, others = world.new_key("acme"), world.new_key("globex")
    session, password = world.client("acme"), (world.home / "demo-password").read_text().strip()
    sign_in(session, password)
    assert session.get("/").status_code == 200
    world.hand_in("acme", key, "ship", FILES)
    wait_for(lambda: world.runs("acme", "ship").get("published"))

    world.command("suspend", "acme")
    suspended = world.event_time("acme", "TENANT_SUSPENDED")
    with world.client("acme", key) as client:
        assert client.get("/api/v1/documents").status_code == 401
    assert session.get("/").status_code == 403
    assert session.get("/api/v1/documents").json()["code"] == "TENANT_SUSPENDED"

    # Long enough for the sweep to come by twice, and for another tenant's work to be done.
    world.hand_in("globex", others, "train", 2)
    wait_for(lambda: world.runs("globex", "train").get("published") == 2)
    time.sleep(2 * SWEEP_SECONDS)
    assert world.stages("acme", f"started_at > '{suspended}'::timestamptz + interval '1 s'") == 0
    assert world.stages("acme", "state = 'running'") == 0
    assert world.stages("globex", f"started_at > '{suspended}'::timestamptz") > 0
    before = world.runs("acme", "ship")
    assert FILES - before["published"] > 0, "all was done before the suspension"

    printed = world.command("resume", "acme")
    again = re.findall(r"fb_acme_\w+", printed)[0]
    wait_for(lambda: world.runs("acme", "ship") == {"published": FILES})
    with world.client("acme", again) as client:
        assert client.get("/api/v1/documents").status_code == 200
    with world.client("acme", key) as client:
        assert client.get("/api/v1/documents").status_code == 401
    # Suspension ended people's sessions as well; they sign in again.
    assert session.get("/").status_code == 302
    sign_in(session, password)
    assert session.get("/").status_code == 200
    told = query(
        world.home,
        "SELECT count(*), count(DISTINCT resource_id) FROM audit.audit_auditevent e JOIN "
        "t_acme.intake_document d ON d.id::text = e.resource_id WHERE e.tenant = 'acme' "
        "AND event_type = 'DOCUMENT_PUBLISHED' AND d.filename LIKE 'ship-%'",
    )
    assert told == [(FILES, FILES)]


def test_removal_under_work_leaves_nothing_and_ends_the_worker_quietly(world: World) -> None:
    world.command("create", "leaving", "--name", "Leaving Ltd")
    world.hand_in("leaving", world.new_key("leaving"), "late", 6)
    wait_for(lambda: world.stages("leaving", "state = 'running' AND stage = 'embed'"))
    assert "frostbyte-leaving" in world.buckets()
    log = world.home / "up.log"
    logged = log.stat().st_size

    removed = world.command("deprovision", "leaving", "--confirm", "leaving")
    assert "leaving is DEPROVISIONED." in removed
    counts = {line.split()[0]: int(line.split()[1]) for line in removed.splitlines()[:-1]}
    assert counts["work"] > 0
    assert counts["bucket"] >= 6
    # The worker meets what was taken from under it; then another tenant's file is done.
    world.hand_in("globex", world.new_key("globex"), "after", 1)
    wait_for(lambda: world.runs("globex", "after").get("published") == 1)
    time.sleep(SWEEP_SECONDS)
    assert "frostbyte-leaving" not in world.buckets()
    assert query(world.home, "SELECT 1 FROM pg_namespace WHERE nspname = 't_leaving'") == []
    assert len(worker_processes(world.up.pid)) > 0
    told = log.read_bytes()[logged:].decode(errors="replace")
    for loud in ("stage fault", "task failed", "Traceback", "tenant not swept"):
        assert loud not in told, told[-4000:]
