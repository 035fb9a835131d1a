"""The counting itself: each kind of fault, made on purpose, is counted as what it is."""

from collections.abc import Callable
from uuid import uuid4

import numpy as np
import pytest

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.hashing import sha256_hex
from intake.models import Document
from processing.models import Chunk, Run, RunState, StageRun
from processing.runner import payload_key, run_advance
from processing.services import run_start
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.stores import Point, for_tenant
from tests.chaos.verdict import Accepted, Verdict, verdict
from tests.conftest import Receive

NOTE = b"The crane lifts forty tonnes at a radius of eight metres.\n"


@pytest.fixture
def tenants(acme: Tenant, globex: Tenant) -> tuple[Tenant, Tenant]:
    """Both tenants with empty buckets."""
    for tenant in (acme, globex):
        objects = for_tenant(tenant).objects
        for key in list(objects.list()):
            objects.delete(key)
    return acme, globex


@pytest.fixture
def accepted(tenants: tuple[Tenant, Tenant], receive: Receive) -> Accepted:
    """A document of each tenant that went through the pipeline."""
    known = {}
    for tenant in tenants:
        document = receive(tenant, "crane.txt", NOTE).document
        assert document is not None
        with tenant_context(tenant):
            run = run_start(tenant=tenant, document=document)
            assert run_advance(tenant=tenant, run_id=run.pk).state == RunState.PUBLISHED
        known[tenant.pk] = {document.pk: sha256_hex(NOTE)}
    return known


def counts(result: Verdict) -> tuple[int, int, int]:
    return result.lost, result.doubled, result.stuck


def test_what_is_in_order_counts_as_nothing(
    tenants: tuple[Tenant, Tenant], accepted: Accepted
) -> None:
    result = verdict(tenants, accepted)
    assert counts(result) == (0, 0, 0), result.found
    assert (result.documents, result.published, result.left_over) == (2, 2, 0)


def lose_object(tenant: Tenant) -> None:
    for_tenant(tenant).objects.delete(Document.objects.get().raw_key)


def change_object(tenant: Tenant) -> None:
    for_tenant(tenant).objects.put(Document.objects.get().raw_key, b"something else")


def lose_run(tenant: Tenant) -> None:
    Run.objects.all().delete()
    for_tenant(tenant).vectors.delete_document(Document.objects.get().pk)
    for key in list(for_tenant(tenant).objects.list("derived/")):
        for_tenant(tenant).objects.delete(key)


def lose_result(tenant: Tenant) -> None:
    for_tenant(tenant).objects.delete(payload_key(Run.objects.get().pk, "parse"))


def lose_vector(tenant: Tenant) -> None:
    for_tenant(tenant).vectors.delete_run(Run.objects.get().pk)


def add_run(tenant: Tenant) -> None:
    run = run_start(tenant=tenant, document=Document.objects.get())
    assert run_advance(tenant=tenant, run_id=run.pk).state == RunState.PUBLISHED


def add_passage(tenant: Tenant) -> None:
    del tenant
    chunk = Chunk.objects.get()
    chunk.pk, chunk.ordinal = uuid4(), 9
    chunk.run = Run.objects.create(document_id=chunk.document_id, state=RunState.FAILED)
    chunk.save(force_insert=True)


def add_vector(tenant: Tenant) -> None:
    vector = np.full(384, 384**-0.5, dtype=np.float32)
    point = Point(uuid4(), Document.objects.get().pk, Run.objects.get().pk, vector)
    for_tenant(tenant).vectors.upsert([point], model_id="m")


def add_event(tenant: Tenant) -> None:
    record_event(
        tenant=tenant.slug, event_type=EventType.DOCUMENT_PARSED, actor="t",
        resource_type="document", resource_id=str(Document.objects.get().pk),
        details={"run_id": str(Run.objects.get().pk), "status": "done"},
    )  # fmt: skip


def stop_run(tenant: Tenant) -> None:
    del tenant
    Run.objects.update(state=RunState.WAITING)
    StageRun.objects.filter(stage="serve").update(state="waiting")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (lose_object, "lost"),
        (change_object, "lost"),
        (lose_run, "lost"),
        (lose_result, "lost"),
        (lose_vector, "lost"),
        (add_run, "doubled"),
        (add_passage, "doubled"),
        (add_vector, "doubled"),
        (add_event, "doubled"),
        (stop_run, "stuck"),
    ],
)
def test_a_fault_is_counted_as_what_it_is(
    tenants: tuple[Tenant, Tenant],
    accepted: Accepted,
    fault: Callable[[Tenant], None],
    kind: str,
) -> None:
    with tenant_context(tenants[0]):
        fault(tenants[0])
    found = verdict(tenants, accepted).found
    assert found
    assert found[0].startswith(f"{kind}: ")


def test_a_run_that_was_given_up_is_told_by_its_code(
    tenants: tuple[Tenant, Tenant], accepted: Accepted
) -> None:
    with tenant_context(tenants[1]):
        Run.objects.update(state=RunState.FAILED, error_code="PARSE_FAILED")
    result = verdict(tenants, accepted)
    assert result.given_up == {"PARSE_FAILED": 1}
    assert counts(result) == (0, 0, 0)
