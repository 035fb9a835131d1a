"""One worker process that is handed two tenants' tasks in turn: nothing of one is with the other.

The process is a real one with one child, of Celery's own making. What it opens for writing is
seen by Python's audit hook, together with whose task was at work.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.db import connection

from intake.models import Document
from processing.models import Chunk, Run
from processing.tasks import measure, work
from tenants.context import tenant_context
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import Tenant
from tenants.stores import for_tenant
from tenants.tasks import clear_sessions
from tenants.workload.turns import turns_ask
from tests.conftest import PROJECT_DIR, Receive
from tests.isolation.report import count

PATIENCE_SECONDS: Final = 180
QUEUE: Final = "one-worker"
SURFACE: Final = "a worker process of its own"
WORDS: Final = {"relay-one": "Marvondel", "relay-two": "Quistaper"}
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

WORKER: Final = """
import os, sys
import django
django.setup()
from django.conf import settings
from django.db import connection
import structlog
from frostbyte.celery import app
from tenants.stores import objects

name, settings.BUCKET_PREFIX, settings.WORK_FOLDER, queue, told = sys.argv[1:]
settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name
settings.PIPELINE_QUEUE = app.conf.task_default_queue = queue
# So little is kept in memory that every object that is opened has a temporary file.
objects.MEMORY_BYTES = 16
out = open(told, "a", buffering=1)

def watch(event, arguments):
    # A number is a descriptor that is open already: nothing is made.
    made = event == "open" and not isinstance(arguments[0], int)
    if made and arguments[2] & (os.O_CREAT | os.O_TMPFILE):
        at_work = structlog.contextvars.get_contextvars().get("tenant", "nobody")
        out.write(f"{at_work} {arguments[0]}\\n")

sys.addaudithook(watch)
app.worker_main(["--quiet", "worker", "--pool", "prefork", "--concurrency", "1", "--queues", queue,
                 "--without-gossip", "--without-mingle", "--loglevel", "INFO"])
"""


@pytest.fixture
def pair(committed: None, receive: Receive) -> dict[str, Tenant]:
    """Two tenants with documents that go well and one whose file is lost."""
    made = {}
    for slug, word in WORDS.items():
        tenant = tenant_provision(slug=slug, name=word, actor="tester")
        for number in range(3):
            text = f"The {word} crane on pier {number} lifts {number + 2} crates."
            receive(tenant, f"{word}-{number}.txt", text.encode())
        lost = receive(tenant, f"{word}-lost.txt", f"The {word} letter is lost.".encode()).document
        assert lost is not None
        for_tenant(tenant).objects.delete(lost.raw_key)
        made[slug] = tenant
    return made


@pytest.fixture
def worker(pair: dict[str, Tenant], tmp_path: Path) -> Iterator[Path]:
    """A worker of the test's own queue; its log and what it opened lie in the folder."""
    names = (connection.settings_dict["NAME"], settings.BUCKET_PREFIX, settings.WORK_FOLDER)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, *map(str, names), QUEUE, str(tmp_path / "opened")],
            cwd=PROJECT_DIR,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "frostbyte.settings.test",
                "FROSTBYTE_LOG_FORMAT": "json",
                "FROSTBYTE_LOG_LEVEL": "INFO",
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    yield tmp_path
    process.terminate()
    try:
        process.wait(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()


def runs_of(tenant: Tenant) -> list[str]:
    """Return the ids of the tenant's runs."""
    with tenant_context(tenant):
        return [str(pk) for pk in Run.objects.order_by("pk").values_list("pk", flat=True)]


def send_in_turn(pair: dict[str, Tenant]) -> None:
    """Ask for work, each tenant in turn, with counts between and tasks that fail in their names."""
    one, two = pair.values()
    for tenant, other in ((one, two), (two, one)) * 4:
        turns_ask([tenant])
        work.apply_async(queue=QUEUE)
        measure.apply_async((tenant.slug,), queue=QUEUE)
        # By name, since Celery would find the argument too many before it sent the task.
        work.app.send_task(measure.name, (tenant.slug, runs_of(other)[0]), queue=QUEUE)
        measure.apply_async((f"{tenant.slug}-none",), queue=QUEUE)
        clear_sessions.apply_async(queue=QUEUE)


def is_done(pair: dict[str, Tenant]) -> bool:
    """Return whether every run is final and the last task has been taken."""
    for tenant in pair.values():
        with tenant_context(tenant):
            if not all(run.is_final for run in Run.objects.all()):
                return False
    with work.app.connection_for_read() as broker:
        channel: Any = broker.default_channel
        return bool(channel._size(QUEUE) == 0)


def test_one_worker_of_two_tenants_mixes_nothing(pair: dict[str, Tenant], worker: Path) -> None:
    send_in_turn(pair)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_done(pair):
        assert time.monotonic() < deadline, (worker / "log").read_text()[-3000:]
        time.sleep(0.1)
    for tenant in pair.values():
        others = next(word for slug, word in WORDS.items() if slug != tenant.slug)
        assert_own_rows(tenant, others)
        assert_own_objects(tenant, others)
    assert_own_lines(pair, (worker / "log").read_text())
    assert_own_folders(pair, (worker / "opened").read_text())


def assert_own_rows(tenant: Tenant, others: str) -> None:
    """Every chunk is of the tenant's words and of a run of its own; three documents are out."""
    with tenant_context(tenant):
        chunks = list(Chunk.objects.values_list("text", "run__document__filename"))
        states = sorted(Run.objects.values_list("state", flat=True))
        assert for_tenant(tenant).vectors.count() == len(chunks)
    assert states == ["failed", "published", "published", "published"]
    assert len(chunks) == 3
    for text, filename in chunks:
        leaks = others in text or WORDS[tenant.slug] not in text or others in filename
        count(SURFACE, leaks=leaks)
        assert not leaks


def assert_own_objects(tenant: Tenant, others: str) -> None:
    """Every object opens with the tenant's own key, is of its own runs, and of its own words."""
    objects = for_tenant(tenant).objects
    with tenant_context(tenant):
        rows = (model.objects.values_list("pk", flat=True) for model in (Run, Document))
        own = set(map(str, chain(*rows)))
    keys = list(objects.list())
    assert len(keys) > 4
    for key in keys:
        leaks = others.encode() in objects.get(key) or not set(_UUID.findall(key)) <= own
        count(SURFACE, leaks=leaks)
        assert not leaks, key


def assert_own_lines(pair: dict[str, Tenant], log: str) -> None:
    """Every line that names a run names its tenant too, and no line has anybody's words."""
    owner = {run: slug for slug, tenant in pair.items() for run in runs_of(tenant)}
    told = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    advanced = [line["tenant"] for line in told if line["event"] == "run advanced"]
    assert set(advanced) == set(pair)
    assert sum(a != b for a, b in pairwise(advanced)) > 2, "the tenants were not in turn"
    failed = [line for line in told if line["event"] == "task failed"]
    assert len(failed) == 16
    assert "found its process unclean" not in log
    assert not any(word in log for word in WORDS.values())
    for line in told:
        named = {owner[run] for run in _UUID.findall(json.dumps(line)) if run in owner}
        leaks = bool(named - {line.get("tenant")})
        count(SURFACE, leaks=leaks)
        assert not leaks, line


def assert_own_folders(pair: dict[str, Tenant], opened: str) -> None:
    """Every file that was made for a tenant is in that tenant's folder, and gone by now."""
    lines = [line.split(" ", 1) for line in opened.splitlines()]
    assert {slug for slug, _path in lines} >= set(pair)
    folders = {slug: Path(settings.WORK_FOLDER) / t.schema_name for slug, t in pair.items()}
    for slug, path in lines:
        within = {name for name, folder in folders.items() if Path(path).is_relative_to(folder)}
        leaks = within != ({slug} & set(pair))
        count(SURFACE, leaks=leaks)
        assert not leaks, (slug, path)
    for folder in folders.values():
        assert list(folder.iterdir()) == []
