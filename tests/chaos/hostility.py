"""A thousand hostile files, one after another over HTTP, while another tenant's work goes on."""

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx

from frostbyte.embedded.stack import next_free_port
from frostbyte.kernel.hashing import sha256_hex
from frostbyte.settings.env import PROJECT_DIR
from tenants.models import Tenant
from tenants.services import api_key_issue, tenant_configure
from tests.chaos import programs
from tests.chaos.documents import File, small_documents
from tests.chaos.experiments import FINAL_SECONDS, Finding
from tests.chaos.world import ACTOR, World
from tests.hostile.mutations import hostile_files

SOUND_EVERY: Final = 20
READY_SECONDS: Final = 120.0
SECONDS_A_FILE: Final = 2
"""What a worker may need for a file beside all the others: repeated pieces make long documents."""
_WORKER_DIED: Final = "Worker exited prematurely"


@dataclass
class Answers:
    """What the API answered: how often each status and code, and what it must never answer."""

    counted: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    without_receipt: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def hand_in_hostile(world: World, *, count: int, seed: int) -> Finding:
    """Hand `count` hostile files of one tenant in, and sound ones of the other among them."""
    answers = Answers()
    port = next_free_port(8950)
    with (
        programs.running("beat", world.home),
        programs.running("worker", world.home),
        programs.running("web", world.home, port=port) as web,
    ):
        programs.wait_until_answers()
        _wait_until_ready(port)
        web_before = web.pid
        _hand_in_all(world, port, answers, count, seed)
        recovery = world.wait_until_final(seconds=FINAL_SECONDS + SECONDS_A_FILE * count)
        web_lives = any(each.pid == web_before and each.is_running() for each in web.tree())
    return _finding(world, answers, recovery, count, web_lives=web_lives)


def _hand_in_all(world: World, port: int, answers: Answers, count: int, seed: int) -> None:
    named = os.environ.get("FROSTBYTE_CORPUS")
    corpus = Path(named) if named else PROJECT_DIR.parent / "shared" / "corpus"
    sound = iter(small_documents("sound", count // SOUND_EVERY + 1))
    hostile_tenant, sound_tenant = world.tenants
    with _client(hostile_tenant, port) as hostile, _client(sound_tenant, port) as other:
        for number, file in enumerate(hostile_files(count, seed=seed, corpus=corpus)):
            _hand_in(world, hostile_tenant, hostile, file, answers)
            if number % SOUND_EVERY == 0:
                for each in islice(sound, 1):
                    _hand_in(world, sound_tenant, other, each, Answers())


def _client(tenant: Tenant, port: int) -> httpx.Client:
    tenant_configure(tenant=tenant, changes={"rate_intake_per_minute": 100_000}, actor=ACTOR)
    _key, text = api_key_issue(tenant=tenant, name="chaos", scopes=["ingest"], actor=ACTOR)
    return httpx.Client(
        base_url=f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {text}"},
        timeout=180,
    )


def _hand_in(
    world: World, tenant: Tenant, client: httpx.Client, file: File, answers: Answers
) -> None:
    filename, data = file
    started = time.monotonic()
    response = client.post("/api/v1/documents", files={"file": (filename, data)})
    answers.seconds.append(time.monotonic() - started)
    told: dict[str, Any] = response.json()
    answers.counted[f"{response.status_code} {told.get('code', '')}".strip()] += 1
    if response.status_code >= 500:
        answers.faults.append(f"{filename!a}: {response.status_code}")
    elif not (told.get("receipt_id") or told.get("outcome") == "accepted"):
        answers.without_receipt.append(f"{filename!a}: {response.status_code} {told.get('code')}")
    if told.get("outcome") == "accepted" and not told.get("is_duplicate"):
        accepted = world.accepted.setdefault(tenant.pk, {})
        accepted[UUID(told["document_id"])] = sha256_hex(data)
        world.handed_over += 1


def _wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/api/v1/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError("The web server does not answer; see logs/web.log with --keep.")


def _finding(
    world: World, answers: Answers, recovery: float, count: int, *, web_lives: bool
) -> Finding:
    deaths = (world.home / "logs" / "worker.log").read_text(errors="replace").count(_WORKER_DIED)
    verdict = world.verdict()
    missed = [f"answered {fault}" for fault in answers.faults]
    missed += [f"no receipt: {name}" for name in answers.without_receipt]
    if not web_lives:
        missed.append("the web server died")
    sound = world.accepted.get(world.tenants[1].pk, {})
    if unpublished := _unpublished(world.tenants[1], list(sound)):
        missed.append(f"{unpublished} sound documents of the other tenant were not published")
    ordered = sorted(answers.seconds)
    figures = {
        "answers": dict(answers.counted.most_common()),
        "deaths_of_workers": deaths,
        "sound_documents_among_them": len(sound),
        "seconds_an_answer_median": ordered[len(ordered) // 2],
        "seconds_an_answer_longest": ordered[-1],
    }
    return Finding(f"{count} hostile files", count, verdict, recovery, figures, missed)


def _unpublished(tenant: Tenant, documents: list[UUID]) -> int:
    from intake.models import Document
    from tenants.context import tenant_context

    with tenant_context(tenant):
        published = Document.objects.filter(pk__in=documents, published_run_id__isnull=False)
        return len(documents) - published.count()
