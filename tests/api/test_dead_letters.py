"""Dead letters over the API: who sees them, who decides, and what is answered."""

from uuid import UUID, uuid4

import pytest

from processing.models import Run
from processing.runner import run_advance
from processing.services import run_start
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.stores import for_tenant
from tests.api.conftest import KeyCaller
from tests.conftest import Receive


@pytest.fixture
def dead(acme: Tenant, globex: Tenant, receive: Receive) -> Run:
    document = receive(acme, "note.txt", b"Crane four is closed.\n").document
    assert document is not None
    with tenant_context(acme):
        for_tenant(acme).objects.put(document.raw_key, b"changed")
        run = run_start(tenant=acme, document=document)
        return run_advance(tenant=acme, run_id=run.pk)


def address(run_id: UUID, what: str) -> str:
    return f"/api/v1/dead-letters/{run_id}/{what}"


def test_a_dead_letter_says_where_and_why_and_what_to_do(
    acme: Tenant, globex: Tenant, dead: Run, by_key: KeyCaller
) -> None:
    answer = by_key(acme).get("/api/v1/dead-letters").json()
    (letter,) = answer["results"]
    assert letter["id"] == str(dead.pk)
    assert (letter["stage"], letter["outcome"], letter["code"]) == (
        "intake",
        "rejected",
        "CHECKSUM_MISMATCH",
    )
    assert letter["attempts"] == 1
    assert letter["message"]
    assert letter["remediation"]
    assert letter["resolution"] == "open"
    assert by_key(globex).get("/api/v1/dead-letters").json()["results"] == []


def test_it_is_set_aside_tried_again_and_closed(
    acme: Tenant, globex: Tenant, dead: Run, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    skipped = caller.post_json(address(dead.pk, "skip"), {"reason": "asked the sender"})
    assert (skipped.status_code, skipped.json()["resolution"]) == (200, "skipped")
    assert caller.get("/api/v1/dead-letters").json()["results"] == []
    again = caller.post_json(address(dead.pk, "skip"), {})
    assert (again.status_code, again.json()["code"]) == (409, "INVALID_STATE_TRANSITION")
    closed = caller.post_json(address(dead.pk, "abandon"), {})
    assert (closed.status_code, closed.json()["resolution"]) == (200, "abandoned")
    assert caller.post_json(address(dead.pk, "retry"), {}).status_code == 409


def test_a_retry_queues_the_document(
    acme: Tenant, globex: Tenant, dead: Run, by_key: KeyCaller
) -> None:
    answer = by_key(acme).post_json(address(dead.pk, "retry"), {})
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")


def test_who_may_not_hand_in_or_reads_elsewhere_decides_nothing(
    acme: Tenant, globex: Tenant, dead: Run, by_key: KeyCaller
) -> None:
    reader = by_key(acme, "query")
    assert len(reader.get("/api/v1/dead-letters").json()["results"]) == 1
    for what in ("retry", "skip", "abandon"):
        assert reader.post_json(address(dead.pk, what), {}).status_code == 403
        assert by_key(globex).post_json(address(dead.pk, what), {}).status_code == 404
        assert by_key(acme).post_json(address(uuid4(), what), {}).status_code == 404
    wrong = by_key(acme).post_json(address(dead.pk, "skip"), {"because": "typo"})
    assert wrong.status_code == 400
