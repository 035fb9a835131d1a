"""The page of a batch: what waits and why, each file, without a script and for many files."""

from typing import Any

import pytest
from django.test import Client

from intake.models import Batch
from processing.batches.settling import batch_settle
from processing.models import Run, RunState, StageRun, StageState
from tenants.access.people import staff_create
from tenants.access.roles import TENANT_ADMIN, TENANT_USER
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.batches.making import announce, received, work_off

PASSWORD = "correct-horse-9"
FILES = {"harbour.txt": b"Minutes of the harbour board.\n", "empty.txt": b""}


def signed_in(tenant: Tenant, role: str = TENANT_ADMIN) -> Client:
    staff_create(tenant=tenant, username=f"ann-{role}", password=PASSWORD, role=role)
    client = Client(headers={"host": f"{tenant.slug}.localhost"})
    client.post("/login/", {"username": f"ann-{role}", "password": PASSWORD})
    return client


def page(client: Client, batch: Batch, rest: str = "") -> Any:
    return client.get(f"/batches/{batch.pk}/{rest}")


def test_it_names_the_reason_and_what_to_do(acme: Tenant, globex: Tenant) -> None:
    batch = received(acme, FILES, reference="delivery 7")
    with tenant_context(acme):
        run = Run.objects.get(batch_id=batch.pk)
        Run.objects.filter(pk=run.pk).update(state=RunState.WAITING)
        StageRun.objects.filter(run=run, stage="intake").update(
            state=StageState.WAITING, attempt=1, error_message="The object store does not answer."
        )
    client = signed_in(acme)
    html = page(client, batch).content.decode()
    assert "Batch delivery 7" in html
    assert "The object store does not answer." in html
    assert "Check the export that made it and send it again." in html
    assert "1 waiting" in html
    assert "Acceptance report" not in html
    assert " style=" not in html
    status = page(client, batch, "status/").json()
    assert status["outcomes"] == {"rejected": 1, "waiting": 1}
    assert page(client, batch, "report/").status_code == 302


def test_it_leads_to_the_report_at_the_end(acme: Tenant, globex: Tenant) -> None:
    batch = received(acme, FILES)
    work_off(acme, batch)
    with tenant_context(acme):
        assert batch_settle(acme, batch.pk)
    client = signed_in(acme, TENANT_USER)
    html = page(client, batch).content.decode()
    assert f"/batches/{batch.pk}/report/" in html
    assert "batch.js" not in html


@pytest.mark.parametrize("rest", ["", "status/", "report/"])
def test_another_tenant_finds_nothing(acme: Tenant, globex: Tenant, rest: str) -> None:
    batch = received(acme, FILES)
    assert page(signed_in(globex), batch, rest).status_code == 404


def test_many_files_come_in_pages_with_as_many_queries(
    acme: Tenant, globex: Tenant, django_assert_max_num_queries: Any
) -> None:
    few = received(acme, {f"{n}.txt": b"Word %d.\n" % n for n in range(2)}, reference="few")
    many = announce(acme, {f"{n}.txt": b"" for n in range(120)}, reference="many")
    client = signed_in(acme)
    with django_assert_max_num_queries(25) as few_queries:
        page(client, few)
    with django_assert_max_num_queries(len(few_queries)):
        html = page(client, many).content.decode()
    assert "1–50 of 120" in html
    assert "?page=2" in html
