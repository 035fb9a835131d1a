"""kill -9 in mid-document: the run goes on by itself, and leaves one of everything."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from frostbyte.embedded.endpoints import load_endpoints, read_json, socket_folder
from tests.e2e.conftest import start_up, stop_up, wait_until_ready

PATIENCE_SECONDS = 180
SENTENCES = 2500


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="frostbyte-kill-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def long_text() -> bytes:
    """A document whose embedding takes some seconds."""
    numbered = (
        f"Paragraph {n}. Crane {n} on pier {n % 97} lifted {n * 7} crates before the tide turned."
        for n in range(SENTENCES)
    )
    return "\n\n".join(numbered).encode()


def wait_for(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing after {PATIENCE_SECONDS} s")


def worker_processes(up: int) -> list[psutil.Process]:
    """Return the worker and its own children."""
    for child in psutil.Process(up).children():
        if "worker" in child.cmdline():
            return [child, *child.children(recursive=True)]
    return []


def query(home: Path, statement: str) -> list[tuple[Any, ...]]:
    """Look at the database past every policy, as its superuser."""
    with psycopg.connect(
        host=str(socket_folder(home)),
        user="postgres",
        password=read_json(home / "secrets.json")["postgres_password"],
        dbname="frostbyte",
    ) as connection:
        return connection.execute(statement).fetchall()


def stage_is_running(home: Path, stage: str) -> bool:
    rows = query(
        home,
        f"SELECT 1 FROM t_acme.processing_stagerun s "
        f"JOIN t_acme.processing_run r ON r.id = s.run_id "
        f"JOIN t_acme.intake_document d ON d.id = r.document_id "
        f"WHERE d.filename = 'long.txt' AND s.stage = '{stage}' AND s.state = 'running'",
    )
    return bool(rows)


def sign_in(client: httpx.Client, password: str) -> None:
    client.get("/login/")
    form = {"username": "demo", "password": password}
    token = {"csrfmiddlewaretoken": client.cookies["csrftoken"]}
    answer = client.post("/login/", data={**form, **token})
    assert answer.status_code == 302


def test_a_killed_workers_document_is_completed_once(home: Path) -> None:
    log = home / "up.log"
    up = start_up(home, log, FROSTBYTE_LEASE_SECONDS="4")
    try:
        port = wait_until_ready(up, log)
        assert load_endpoints(home).s3_endpoint_url.startswith("http://127.0.0.1:")
        # Not every resolver knows names under localhost, as browsers do.
        host = {"Host": f"acme.localhost:{port}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=host, timeout=60) as client:
            sign_in(client, (home / "demo-password").read_text().strip())
            answer = client.post(
                "/api/v1/documents",
                files={"file": ("long.txt", long_text())},
                headers={"X-CSRFToken": client.cookies["csrftoken"]},
            )
            assert answer.status_code == 202, answer.text
        wait_for(lambda: stage_is_running(home, "embed"))
        for process in worker_processes(up.pid):
            process.kill()
        wait_for(lambda: is_published(home))
    finally:
        stop_up(up)


def is_published(home: Path) -> bool:
    """Return whether the document is published; by then there must be one of everything."""
    state = query(
        home,
        "SELECT r.state, r.id FROM t_acme.processing_run r JOIN t_acme.intake_document d "
        "ON d.id = r.document_id WHERE d.filename = 'long.txt'",
    )
    assert len(state) == 1
    assert state[0][0] in {"queued", "running", "published"}
    if state[0][0] != "published":
        return False
    run = state[0][1]
    chunks, distinct = query(
        home,
        f"SELECT count(*), count(DISTINCT chunk_id) FROM t_acme.processing_chunk "
        f"WHERE run_id = '{run}'",
    )[0]
    points, visible = query(
        home,
        f"SELECT count(*), count(*) FILTER (WHERE visible) FROM t_acme.vector_point "
        f"WHERE run_id = '{run}'",
    )[0]
    assert chunks == distinct == points == visible > 0
    lost, attempts = query(
        home,
        f"SELECT sum(lost_leases), max(attempt) FROM t_acme.processing_stagerun "
        f"WHERE run_id = '{run}'",
    )[0]
    assert lost == 1
    assert attempts == 2
    told = query(
        home,
        "SELECT count(*) FROM audit.audit_auditevent WHERE tenant = 'acme' "
        f"AND event_type = 'DOCUMENT_EMBEDDED' AND details ->> 'run_id' = '{run}'",
    )
    assert told == [(1,)]
    return True
