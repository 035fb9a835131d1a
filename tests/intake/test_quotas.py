"""Quotas: counted by the database, held under a lock, told in numbers before and when they bite."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from frostbyte.kernel.hashing import sha256_hex
from intake.errors import StorageQuotaError
from intake.models import Document, DocumentTotals, Outcome, Receipt
from intake.quotas import quota_check_and_hold, quota_usage
from intake.services import document_receive
from tenants.context import tenant_context
from tenants.lifecycle.provisioning import tenant_provision
from tenants.limits.quotas import Level, Usage
from tenants.models import Tenant
from tenants.services import tenant_configure
from tenants.stores import for_tenant
from tests.conftest import Receive

GIGABYTE = 1024**3


def store_rows(*sizes: int) -> None:
    """Put documents of the given sizes into the rows of the tenant in force."""
    Document.objects.bulk_create(
        Document(
            filename=f"{number}.txt", media_type="text/plain", size_bytes=size,
            sha256=sha256_hex(f"{number} {size}".encode()), raw_key=f"raw/{number}",
            uploaded_by="t",
        )
        for number, size in enumerate(sizes)
    )  # fmt: skip


def totals() -> tuple[int, int]:
    found = DocumentTotals.objects.get()
    return found.documents, found.size_bytes


def test_the_totals_follow_whatever_changes_the_documents(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        assert totals() == (0, 0)
        store_rows(10, 20, 30)
        assert totals() == (3, 60)
        Document.objects.filter(size_bytes=20).delete()
        assert totals() == (2, 40)
        Document.objects.filter(size_bytes=99).delete()
        assert totals() == (2, 40)
        with transaction.atomic():
            store_rows(5)
            assert totals() == (3, 45)
            transaction.set_rollback(True)
        assert totals() == (2, 40)
    with tenant_context(globex):
        assert totals() == (0, 0)


def test_a_tenant_with_too_many_documents_is_told_so(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    tenant_configure(tenant=acme, changes={"document_quota": 2}, actor="t")
    first = receive(acme, "1.txt", b"the first of them\n")
    assert receive(acme, "2.txt", b"the second of them\n").outcome == Outcome.ACCEPTED
    refused = receive(acme, "3.txt", b"the third of them\n")
    assert (refused.code, refused.reason) == ("QUOTA_EXCEEDED", "documents")
    assert "quota of 2 documents" in refused.message
    assert refused.remediation
    assert refused.details == {
        "quota": "documents", "unit": "documents", "used": 2, "limit": 2, "adds": 1,
    }  # fmt: skip
    assert receive(acme, "again.txt", b"the first of them\n").document_id == first.document_id
    assert receive(globex, "3.txt", b"the third of them\n").outcome == Outcome.ACCEPTED


def test_a_full_store_is_told_in_bytes_and_takes_what_still_fits(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    tenant_configure(tenant=acme, changes={"storage_quota_gb": 1}, actor="t")
    with tenant_context(acme):
        store_rows(GIGABYTE - 20)
    before = set(for_tenant(acme).objects.list())
    refused = receive(acme, "long.txt", b"one more, of over twenty bytes\n")
    assert (refused.code, refused.reason) == ("QUOTA_EXCEEDED", "storage")
    assert refused.details == {
        "quota": "storage", "unit": "bytes", "used": GIGABYTE - 20, "limit": GIGABYTE, "adds": 31,
    }  # fmt: skip
    assert "1 GB" in refused.message
    assert "31 bytes" in refused.message
    assert set(for_tenant(acme).objects.list()) == before
    assert receive(acme, "short.txt", b"a line of 20 bytes.\n").outcome == Outcome.ACCEPTED
    with tenant_context(acme):
        assert quota_usage(tenant=acme).storage == Usage(GIGABYTE, GIGABYTE, "bytes")
        assert quota_usage(tenant=acme).level == Level.OVER
    with tenant_context(globex):
        assert quota_usage(tenant=globex).level == Level.OK


@pytest.mark.parametrize(
    ("used", "level"),
    [(0, Level.OK), (79, Level.OK), (80, Level.NEAR), (99, Level.NEAR), (100, Level.OVER),
     (130, Level.OVER)],
)  # fmt: skip
def test_the_level_tells_of_a_limit_before_it_bites(used: int, level: Level) -> None:
    assert Usage(used, 100, "bytes").level == level
    assert Usage(used, 100, "bytes").share == used / 100


def test_files_that_come_at_once_cannot_slip_over_a_quota_together(committed: None) -> None:
    tenants = [tenant_provision(slug=slug, name="", actor="t") for slug in ("narrow", "wide")]
    tenant_configure(tenant=tenants[0], changes={"document_quota": 3}, actor="t")
    together = threading.Barrier(8)

    def hand_in(number: int) -> tuple[str, str]:
        tenant = tenants[number % 2]
        together.wait()
        try:
            with tenant_context(tenant):
                stream = io.BytesIO(f"file number {number} of them\n".encode())
                receipt = document_receive(
                    tenant=tenant, filename=f"{number}.txt", stream=stream, actor="t"
                )
                return tenant.slug, receipt.code or receipt.outcome
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(hand_in, range(16)))
    assert sorted(told) == [
        *[("narrow", "QUOTA_EXCEEDED")] * 5, *[("narrow", "accepted")] * 3,
        *[("wide", "accepted")] * 8,
    ]  # fmt: skip
    with tenant_context(tenants[0]):
        assert totals()[0] == Document.objects.count() == 3
        assert len(list(for_tenant(tenants[0]).objects.list("raw/"))) == 3
        assert Receipt.objects.count() == 8


def test_a_check_that_holds_counts_what_came_before_it(acme: Tenant, globex: Tenant) -> None:
    tenant_configure(tenant=acme, changes={"storage_quota_gb": 1}, actor="t")
    with tenant_context(acme), transaction.atomic():
        quota_check_and_hold(tenant=acme, adds_bytes=GIGABYTE)
        store_rows(GIGABYTE)
        with pytest.raises(StorageQuotaError):
            quota_check_and_hold(tenant=acme, adds_bytes=1)
    with tenant_context(globex), transaction.atomic():
        quota_check_and_hold(tenant=globex, adds_bytes=1)
    assert connection.schema_name == "public"  # type: ignore[attr-defined]


def test_a_format_that_a_tenant_leaves_out_is_refused_with_those_it_takes(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    allowed = ["application/pdf", "text/csv"]
    tenant_configure(tenant=acme, changes={"mime_allowlist": allowed}, actor="t")
    refused = receive(acme, "note.txt", b"words of a note\n")
    assert (refused.code, refused.reason) == ("UNSUPPORTED_FORMAT", "not_allowed")
    assert "TXT" in refused.message
    assert "PDF and CSV" in refused.remediation
    assert refused.details == {"found": "text/plain", "allowed": allowed}
    assert receive(acme, "list.csv", b"a,b\n1,2\n").outcome == Outcome.ACCEPTED
    assert receive(globex, "note.txt", b"words of a note\n").outcome == Outcome.ACCEPTED
