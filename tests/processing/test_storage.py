"""Storage: counted in the stores, held against the rows, repaired where no row is concerned."""

from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit.models import AuditEvent
from intake.models import Document, DocumentTotals
from processing.runner import run_advance
from processing.services import run_start
from processing.storage import DifferenceKind, Reconciliation, storage_measure, storage_reconcile
from tenants.context import tenant_context
from tenants.models import StorageUsage, Tenant
from tenants.stores import for_tenant
from tests.conftest import Receive

AT_ONCE = timedelta(0)
TEXT = b"The crane lifts forty tonnes at a radius of eight metres.\n"


@pytest.fixture
def stored(acme: Tenant, globex: Tenant, receive: Receive) -> Document:
    """A document of acme that went through the whole pipeline; buckets begin empty."""
    for tenant in (acme, globex):
        objects = for_tenant(tenant).objects
        for key in list(objects.list()):
            objects.delete(key)
    document = receive(acme, "crane.txt", TEXT).document
    assert document is not None
    receive(globex, "crane.txt", TEXT)
    with tenant_context(acme):
        run = run_start(tenant=acme, document=document)
        assert run_advance(tenant=acme, run_id=run.pk).state == "published"
    return document


def reconcile(
    tenant: Tenant, *, repair: bool = False, patience: timedelta = AT_ONCE
) -> Reconciliation:
    return storage_reconcile(tenant=tenant, actor="t", repair=repair, patience=patience)


def test_a_tenant_in_order_agrees_and_its_figures_are_kept(
    acme: Tenant, globex: Tenant, stored: Document
) -> None:
    result = reconcile(acme)
    assert result.agrees
    assert (result.documents, result.objects) == (1, 7)
    assert not result.differences
    usage = StorageUsage.objects.get(tenant=acme)
    assert (usage.documents, usage.document_bytes) == (1, len(TEXT))
    assert usage.objects_stored == 7
    assert usage.object_bytes == result.object_bytes > len(TEXT)
    assert usage.database_bytes > 100_000
    assert usage.vectors == 1
    assert not StorageUsage.objects.filter(tenant=globex).exists()
    assert reconcile(globex).objects == 1


def test_what_no_row_names_is_an_orphan_and_goes_when_it_is_told_to(
    acme: Tenant, globex: Tenant, stored: Document
) -> None:
    objects = for_tenant(acme).objects
    left = [f"raw/{uuid4()}/{'0' * 64}", f"derived/{uuid4()}/parse.json", "derived/nonsense"]
    for key in left:
        objects.put(key, b"left over from an intake that was cut off")
    before = set(objects.list())
    told = reconcile(acme)
    assert {found.key for found in told.differences} == set(left)
    assert told.counts == {DifferenceKind.ORPHAN: 3}
    assert not told.agrees
    assert set(objects.list()) == before
    repaired = reconcile(acme, repair=True)
    assert (repaired.removed, repaired.agrees) == (3, True)
    assert set(objects.list()) == before - set(left)
    assert reconcile(acme).agrees
    assert reconcile(globex).objects == 1


def test_what_is_young_may_be_on_its_way_in_and_stays(
    acme: Tenant, globex: Tenant, stored: Document
) -> None:
    key = f"raw/{uuid4()}/{'0' * 64}"
    for_tenant(acme).objects.put(key, TEXT)
    result = reconcile(acme, repair=True, patience=timedelta(minutes=30))
    assert (result.young, result.removed, result.agrees) == (1, 0, True)
    assert key in set(for_tenant(acme).objects.list())
    assert reconcile(globex).young == 0


def test_a_row_without_its_object_is_told_and_never_repaired_away(
    acme: Tenant, globex: Tenant, stored: Document
) -> None:
    objects = for_tenant(acme).objects
    derived = next(objects.list("derived/"))
    objects.delete(stored.raw_key)
    objects.delete(derived)
    result = reconcile(acme, repair=True)
    assert {found.key for found in result.differences} == {stored.raw_key, derived}
    assert result.counts == {DifferenceKind.MISSING: 2}
    assert not result.agrees
    with tenant_context(acme):
        assert Document.objects.filter(pk=stored.pk).exists()
    assert reconcile(globex).agrees


def test_another_size_and_a_strangers_object_are_told_and_stay(
    acme: Tenant, globex: Tenant, stored: Document
) -> None:
    objects = for_tenant(acme).objects
    objects.put(stored.raw_key, TEXT + b"and more")
    objects.put("notes/of-somebody.txt", b"hello")
    result = reconcile(acme, repair=True)
    assert result.counts == {DifferenceKind.SIZE: 1, DifferenceKind.UNKNOWN: 1}
    size = next(found for found in result.differences if found.kind == DifferenceKind.SIZE)
    assert (size.in_rows, size.in_bucket) == (len(TEXT), len(TEXT) + 8)
    assert {stored.raw_key, "notes/of-somebody.txt"} <= set(objects.list())
    objects.delete("notes/of-somebody.txt")
    assert reconcile(globex).agrees


def test_totals_that_went_wrong_are_found_and_counted_anew(
    acme: Tenant, globex: Tenant, stored: Document
) -> None:
    with tenant_context(acme):
        DocumentTotals.objects.update(documents=9, size_bytes=9)
    assert not reconcile(acme).agrees
    repaired = reconcile(acme, repair=True)
    assert (repaired.totals_wrong, repaired.agrees) == (True, True)
    with tenant_context(acme):
        totals = DocumentTotals.objects.get()
    assert (totals.documents, totals.size_bytes) == (1, len(TEXT))
    assert StorageUsage.objects.get(tenant=acme).documents == 1
    assert not reconcile(globex).totals_wrong


def test_the_record_has_counts_and_no_names(acme: Tenant, globex: Tenant, stored: Document) -> None:
    reconcile(acme)
    event = AuditEvent.objects.filter(tenant="acme").latest("sequence")
    assert event.event_type == "STORAGE_RECONCILED"
    assert event.details == {
        "component": "storage",
        "objects": 7,
        "documents": 1,
        "differences": {"missing": 0, "orphan": 0, "size": 0, "unknown": 0},
        "removed": 0,
        "totals_wrong": False,
        "repair": False,
    }
    assert not AuditEvent.objects.filter(tenant="globex", event_type="STORAGE_RECONCILED").exists()


def test_measuring_leaves_the_connection_where_it_was(
    acme: Tenant, globex: Tenant, stored: Document
) -> None:
    storage_measure(tenant=acme)
    assert connection.schema_name == "public"  # type: ignore[attr-defined]
    with tenant_context(globex):
        assert storage_measure(tenant=globex).documents == 1
        assert connection.schema_name == globex.schema_name  # type: ignore[attr-defined]


def test_the_command_prints_a_table_and_its_exit_code_tells(
    acme: Tenant, globex: Tenant, stored: Document
) -> None:
    out = StringIO()
    call_command("quota", "reconcile", "--all", stdout=out)
    assert "acme" in out.getvalue()
    assert "globex" in out.getvalue()
    key = f"raw/{uuid4()}/{'0' * 64}"
    for_tenant(acme).objects.delete(stored.raw_key)
    for_tenant(acme).objects.put(key, TEXT)
    with pytest.raises(CommandError, match="differ") as raised:
        call_command("quota", "reconcile", "--tenant", "acme", "--keys", stdout=out)
    assert raised.value.returncode == 1
    assert f"acme missing {stored.raw_key}" in out.getvalue()
    call_command("quota", "reconcile", "--tenant", "globex", "--repair", stdout=out)
    with pytest.raises(CommandError, match="There is no tenant"):
        call_command("quota", "show", "--tenant", "nobody", stdout=out)


def test_the_command_shows_use_and_limits(acme: Tenant, globex: Tenant, stored: Document) -> None:
    out = StringIO()
    call_command("quota", "show", "--all", stdout=out)
    assert "1000000" in out.getvalue()
    assert StorageUsage.objects.filter(tenant__in=(acme, globex)).count() == 2


def test_a_tenant_that_fails_is_told_and_does_not_hold_up_the_others(
    acme: Tenant, globex: Tenant, stored: Document
) -> None:
    out = StringIO()
    for_tenant(acme).objects.destroy()
    try:
        with pytest.raises(CommandError, match="acme: ") as raised:
            call_command("quota", "show", "--all", stdout=out)
    finally:
        for_tenant(acme).objects.create()
    assert raised.value.returncode == 2
    assert "globex" in out.getvalue()
