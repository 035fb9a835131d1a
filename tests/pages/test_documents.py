"""The list of documents: whose, how far, why not; and what it costs."""

from uuid import uuid4

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from processing.models import Run, RunState, StageRun, StageState
from processing.services import run_start
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.conftest import Receive
from tests.pages.conftest import HOSTILE


def _queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as caught:
        assert client.get(address).status_code == 200
    return len(caught)


def _receive_many(receive: Receive, tenant: Tenant, count: int) -> None:
    for number in range(count):
        receipt = receive(tenant, f"note-{number}.txt", f"A note of its own, {uuid4()}.".encode())
        with tenant_context(tenant):
            assert receipt.document is not None
            run_start(tenant=tenant, document=receipt.document)


def test_an_empty_list_says_what_to_do(acme_admin: Client, acme_user: Client) -> None:
    assert "Add the first ones above" in acme_admin.get("/").text
    assert "Once an administrator adds documents" in acme_user.get("/").text


def test_only_those_who_may_see_the_upload_form(acme_admin: Client, acme_user: Client) -> None:
    assert 'data-upload="/api/v1/documents"' in acme_admin.get("/").text
    assert "data-upload" not in acme_user.get("/").text


def test_each_tenant_sees_its_own(
    acme_admin: Client, globex_admin: Client, acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    receive(acme, "anvils.txt", b"Anvils are delivered on Tuesdays.")
    receive(globex, "serum.txt", b"The serum is kept at four degrees.")
    ours, theirs = acme_admin.get("/").text, globex_admin.get("/").text
    assert "anvils.txt" in ours
    assert "serum.txt" not in ours
    assert "serum.txt" in theirs
    assert "anvils.txt" not in theirs


def test_a_hostile_name_is_text(acme_admin: Client, acme: Tenant, receive: Receive) -> None:
    receive(acme, HOSTILE, b"Nothing to see here.")
    page = acme_admin.get("/").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


def test_the_number_of_queries_does_not_grow(
    acme_admin: Client, acme: Tenant, receive: Receive
) -> None:
    _receive_many(receive, acme, 1)
    few = _queries(acme_admin, "/")
    _receive_many(receive, acme, 12)
    assert _queries(acme_admin, "/") == few


def test_the_receipts_cost_the_same_for_one_and_many(
    acme_admin: Client, acme: Tenant, receive: Receive
) -> None:
    _receive_many(receive, acme, 1)
    few = _queries(acme_admin, "/receipts/")
    _receive_many(receive, acme, 12)
    assert _queries(acme_admin, "/receipts/") == few


def test_long_lists_come_in_pages(acme_admin: Client, acme: Tenant, receive: Receive) -> None:
    _receive_many(receive, acme, 51)
    first, second = acme_admin.get("/").text, acme_admin.get("/?page=2").text
    assert "note-50.txt" in first
    assert "note-0.txt" not in first
    assert "note-0.txt" in second
    assert "50 of 51" in first


def test_status_tells_where_each_document_is(
    acme_admin: Client, acme: Tenant, receive: Receive
) -> None:
    receipt = receive(acme, "stuck.txt", b"This one will wait.")
    with tenant_context(acme):
        assert receipt.document is not None
        run = run_start(tenant=acme, document=receipt.document)
        _let_wait(run)
    answer = acme_admin.get("/documents/status/", {"id": str(receipt.document_id)}).json()
    told = answer["documents"][str(receipt.document_id)]
    assert told["label"] == "Waiting"
    assert not told["final"]
    assert told["why"].startswith("The store does not answer. Tried once; goes on at ")
    assert [stage["state"] for stage in told["stages"]] == ["done", "waiting", *["pending"] * 4]


def _let_wait(run: Run) -> None:
    StageRun.objects.filter(run=run, stage="intake").update(state=StageState.DONE)
    StageRun.objects.filter(run=run, stage="parse").update(
        state=StageState.WAITING, attempt=1, error_message="The store does not answer."
    )
    Run.objects.filter(pk=run.pk).update(state=RunState.WAITING)


def test_a_failure_is_told_with_what_helps(
    acme_admin: Client, acme: Tenant, receive: Receive
) -> None:
    receipt = receive(acme, "broken.txt", b"This one will fail.")
    with tenant_context(acme):
        assert receipt.document is not None
        run = run_start(tenant=acme, document=receipt.document)
        Run.objects.filter(pk=run.pk).update(
            state=RunState.FAILED,
            error_code="PARSE_FAILED",
            error_message="The file cannot be read.",
            remediation="Export it again.",
        )
    page = acme_admin.get("/").text
    assert "The file cannot be read. Export it again. (PARSE_FAILED)" in page
    assert 'data-final="true"' in page


def test_status_knows_nothing_of_another_tenants_documents(
    globex_admin: Client, acme: Tenant, receive: Receive
) -> None:
    receipt = receive(acme, "anvils.txt", b"Anvils are delivered on Tuesdays.")
    wanted = [str(receipt.document_id), "nonsense", str(uuid4())]
    answer = globex_admin.get("/documents/status/", {"id": wanted})
    assert answer.json() == {"documents": {}}
