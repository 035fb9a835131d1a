"""The page of dead letters: what it shows to whom, and one form for one or many."""

import pytest
from django.test import Client

from processing.models import Resolution, Run, RunState
from processing.runner import run_advance
from processing.services import run_start
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.stores import for_tenant
from tests.conftest import Receive

PAGE = "/dead-letters/"
DECIDE = "/dead-letters/decide/"


@pytest.fixture
def dead(acme: Tenant, globex: Tenant, receive: Receive) -> list[Run]:
    runs = []
    for number in range(2):
        name = f"broken-{number}.txt"
        document = receive(acme, name, f"Crane {number} is closed.\n".encode()).document
        assert document is not None
        with tenant_context(acme):
            for_tenant(acme).objects.put(document.raw_key, b"changed")
            run = run_start(tenant=acme, document=document)
            runs.append(run_advance(tenant=acme, run_id=run.pk))
    return runs


def test_the_list_says_which_why_and_what_can_be_done(
    acme: Tenant, globex: Tenant, dead: list[Run], acme_admin: Client, acme_user: Client
) -> None:
    page = acme_admin.get(PAGE).text
    for text in ("broken-0.txt", "broken-1.txt", "CHECKSUM_MISMATCH", "rejected", "Try again"):
        assert text in page
    seen = acme_user.get(PAGE).text
    assert "broken-0.txt" in seen
    assert "Try again" not in seen
    assert acme_user.post(DECIDE, {"run": dead[0].pk, "decision": "skip"}).status_code == 403


def test_one_and_many_are_decided_over(
    acme: Tenant, globex: Tenant, dead: list[Run], acme_admin: Client
) -> None:
    ids = [str(run.pk) for run in dead]
    told = acme_admin.post(
        DECIDE, {"run": ids, "decision": "skip", "reason": "asked the sender"}, follow=True
    ).text
    assert "2 documents are set aside." in told
    assert "Nothing to decide" in told
    aside = acme_admin.get(f"{PAGE}?state=skipped").text
    assert "asked the sender" in aside
    again = {"run": ids[:1], "decision": "retry", "state": "skipped"}
    assert "1 document is tried again." in acme_admin.post(DECIDE, again, follow=True).text
    closed = {"run": ids[1:], "decision": "abandon", "state": "skipped"}
    assert "1 document is closed for good." in acme_admin.post(DECIDE, closed, follow=True).text
    with tenant_context(acme):
        assert Run.objects.get(pk=ids[0]).state == RunState.QUEUED
        assert Run.objects.get(pk=ids[1]).resolution == Resolution.ABANDONED


@pytest.mark.parametrize("given", [{}, {"decision": "skip"}, {"run": "x", "decision": "skip"}])
def test_nothing_chosen_changes_nothing(
    acme: Tenant, globex: Tenant, dead: list[Run], acme_admin: Client, given: dict[str, str]
) -> None:
    assert "Choose documents" in acme_admin.post(DECIDE, given, follow=True).text
    with tenant_context(acme):
        assert set(Run.objects.values_list("resolution", flat=True)) == {Resolution.OPEN}
