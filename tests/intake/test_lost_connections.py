"""A database connection lost while a file is taken in: what was committed keeps its bytes."""

from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
from django.db import OperationalError, connection

from intake import services
from intake.models import Document
from intake.services import document_receive
from intake.signals import document_received
from processing.models import Run
from processing.receivers import start_first_run
from processing.services import run_start_first, start_missing_runs
from tenants.context import tenant_context
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import Tenant
from tenants.stores import for_tenant

RECEIVER = "processing.start_first_run"
NOTE = b"A note about cranes.\n"


@pytest.fixture
def two(committed: None) -> tuple[Tenant, Tenant]:
    """Two tenants of this test's own, outside of any transaction."""
    first, second = (tenant_provision(slug=slug, name="", actor="t") for slug in ("dock", "quay"))
    return first, second


def hang_up(**_signal: object) -> None:
    """Lose the connection, as when the server is restarted: whoever asks next learns of it."""
    connection.connection.close()


def hang_up_and_ask(**signal: object) -> None:
    hang_up(**signal)
    connection.cursor()


def receive(tenant: Tenant) -> None:
    with tenant_context(tenant):
        document_receive(tenant=tenant, filename="note.txt", stream=BytesIO(NOTE), actor="t")


def raw_keys(tenant: Tenant) -> list[str]:
    return list(for_tenant(tenant).objects.list("raw/"))


@pytest.fixture(params=[hang_up, hang_up_and_ask])
def lost_after_commit(request: pytest.FixtureRequest) -> Iterator[None]:
    """Lose the connection when the rows are committed and no run is started yet."""
    document_received.disconnect(dispatch_uid=RECEIVER)
    document_received.connect(request.param, dispatch_uid="hang up")
    document_received.connect(start_first_run, dispatch_uid=RECEIVER)
    yield
    document_received.disconnect(dispatch_uid="hang up")


@pytest.fixture
def lost_before_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    record: Callable[..., None] = services._record

    def record_and_hang_up(*args: object) -> None:
        record(*args)
        hang_up()

    monkeypatch.setattr(services, "_record", record_and_hang_up)


def test_what_was_committed_keeps_its_bytes_and_gets_its_run(
    two: tuple[Tenant, Tenant], lost_after_commit: None
) -> None:
    tenant, other = two
    with pytest.raises(OperationalError):
        receive(tenant)
    connection.close()
    with tenant_context(tenant):
        document = Document.objects.get()
        assert for_tenant(tenant).objects.get(document.raw_key) == NOTE
        assert Run.objects.count() == 0
        start_missing_runs(tenant=tenant)
        assert Run.objects.get().document_id == document.pk
    assert raw_keys(other) == []


def test_what_was_not_committed_can_be_sent_again(
    two: tuple[Tenant, Tenant], monkeypatch: pytest.MonkeyPatch, lost_before_commit: None
) -> None:
    tenant, other = two
    with pytest.raises(OperationalError):
        receive(tenant)
    connection.close()
    monkeypatch.undo()
    receive(tenant)
    with tenant_context(tenant):
        document = Document.objects.get()
        assert for_tenant(tenant).objects.get(document.raw_key) == NOTE
    # What the first try put stays until the bucket is held against the rows.
    assert len(raw_keys(tenant)) == 2
    assert raw_keys(other) == []


def test_a_document_gets_one_first_run(two: tuple[Tenant, Tenant]) -> None:
    for tenant in two:
        receive(tenant)
        with tenant_context(tenant):
            document = Document.objects.get()
            assert Run.objects.filter(document=document).count() == 1
            assert run_start_first(tenant=tenant, document_id=document.pk) is None
            assert start_missing_runs(tenant=tenant) == 0
