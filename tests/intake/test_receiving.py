"""Files at the door: what is taken in, what is refused and why, and what is kept of either."""

import io
import sys
import zipfile
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from audit.models import AuditEvent
from frostbyte.kernel.errors import ServiceUnavailableError
from frostbyte.kernel.hashing import sha256_hex
from intake.models import Document, Outcome, Receipt
from intake.services import safe_filename
from processing.models import Run
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.services import tenant_configure
from tenants.stores import for_tenant
from tests.conftest import SAMPLES, Receive
from tests.samples import hostile


def zip_bomb() -> bytes:
    """A DOCX by its parts, one of which unpacks to a thousand times its size."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as container:
        container.writestr("[Content_Types].xml", "<Types/>")
        container.writestr("word/document.xml", "<w:document>" + " " * 60_000_000)
    return packed.getvalue()


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 3]


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


DOCX = sample("acme/pump-maintenance-procedure.docx")
REFUSED = [
    ("empty.txt", hostile.empty_file(), "EMPTY_FILE", ""),
    ("blank.txt", b" \r\n\t\n", "EMPTY_FILE", ""),
    ("locked.pdf", hostile.password_pdf(), "ENCRYPTED_FILE", ""),
    ("locked.docx", hostile.password_docx(), "ENCRYPTED_FILE", ""),
    ("broken.pdf", hostile.broken_pdf(), "CORRUPT_FILE", ""),
    ("header-only.pdf", b"%PDF-1.7\n" + b"nothing of a PDF " * 50, "CORRUPT_FILE", ""),
    ("cut.docx", truncated(DOCX), "CORRUPT_FILE", ""),
    ("files.zip", hostile.zip_archive(), "UNSUPPORTED_FORMAT", "archive"),
    ("old.doc", hostile.legacy_doc(), "UNSUPPORTED_FORMAT", "legacy_office"),
    ("tool", Path(sys.executable).resolve().read_bytes(), "UNSUPPORTED_FORMAT", "executable"),
    (*hostile.misnamed_pdf(), "TYPE_MISMATCH", ""),
    ("picture.pdf", b"\x89PNG\r\n\x1a\n" + bytes(2000), "TYPE_MISMATCH", ""),
    ("zip.docx", hostile.zip_archive(), "TYPE_MISMATCH", ""),
    ("binary.txt", bytes(range(256)) * 40, "TYPE_MISMATCH", ""),
    ("bomb.docx", zip_bomb(), "UNSAFE_CONTAINER", "unpacked_size"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("filename", "data", "code", "reason"), REFUSED, ids=[each[0] for each in REFUSED]
)
def test_a_refused_file_leaves_a_receipt_with_help_and_nothing_else(
    acme: Tenant,
    globex: Tenant,
    receive: Receive,
    filename: str,
    data: bytes,
    code: str,
    reason: str,
) -> None:
    before = set(for_tenant(acme).objects.list())
    receipt = receive(acme, filename, data)
    assert (receipt.outcome, receipt.code, receipt.reason) == (Outcome.REJECTED, code, reason)
    assert receipt.message
    assert receipt.remediation
    assert 400 <= receipt.http_status < 500
    assert receipt.sha256 == sha256_hex(data)
    assert set(for_tenant(acme).objects.list()) == before
    with tenant_context(acme):
        assert Document.objects.count() == Run.objects.count() == 0
        event = AuditEvent.objects.latest("sequence")
        assert (event.event_type, event.details["code"]) == ("DOCUMENT_REJECTED", code)
    with tenant_context(globex):
        assert Receipt.objects.count() == 0


def test_every_cause_has_a_remedy_of_its_own(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    told = {receive(acme, name, data).remediation for name, data, _code, _reason in REFUSED}
    causes = {(code, reason) for _name, _data, code, reason in REFUSED}
    assert len(told) == len(causes)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("acme/*")), ids=lambda path: path.name)
def test_an_accepted_file_is_stored_unchanged_for_its_tenant_only(
    acme: Tenant, globex: Tenant, receive: Receive, path: Path
) -> None:
    data = path.read_bytes()
    receipt = receive(acme, path.name, data)
    assert receipt.outcome == Outcome.ACCEPTED, receipt.message
    document = receipt.document
    assert document is not None
    assert document.raw_key == f"raw/{document.pk}/{sha256_hex(data)}"
    assert for_tenant(acme).objects.get(document.raw_key) == data
    assert list(for_tenant(globex).objects.list(document.raw_key)) == []
    with tenant_context(globex):
        assert not Document.objects.filter(sha256=document.sha256).exists()


def test_a_receipt_cannot_be_changed_or_taken_back(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    receipt = receive(acme, "note.txt", b"A note about cranes.\n")
    with tenant_context(acme):
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
        for change in (
            lambda: Receipt.objects.filter(pk=receipt.pk).update(outcome="rejected"),
            lambda: Receipt.objects.filter(pk=receipt.pk).delete(),
            lambda: connection.cursor().execute("TRUNCATE intake_receipt CASCADE"),
        ):
            with pytest.raises(DatabaseError, match="receipts are immutable"), transaction.atomic():
                change()
        assert Receipt.objects.get(pk=receipt.pk).outcome == Outcome.ACCEPTED


def test_limits_are_the_tenants_own_and_told_in_numbers(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    tenant_configure(tenant=acme, changes={"max_file_size_mb": 1}, actor="t")
    big = b"word " * 300_000
    refused = receive(acme, "big.txt", big)
    assert refused.code == "SIZE_EXCEEDED"
    assert "the limit is 1 MB" in refused.message
    assert receive(globex, "big.txt", big).outcome == Outcome.ACCEPTED


def test_a_full_quota_refuses_with_numbers(acme: Tenant, globex: Tenant, receive: Receive) -> None:
    tenant_configure(tenant=acme, changes={"storage_quota_gb": 1}, actor="t")
    with tenant_context(acme):
        Document.objects.create(
            filename="large", media_type="text/plain", size_bytes=1024**3, sha256="0" * 64,
            raw_key="raw/large", uploaded_by="t",
        )  # fmt: skip
    refused = receive(acme, "note.txt", b"one more\n")
    assert refused.code == "QUOTA_EXCEEDED"
    assert "1 GB" in refused.message
    assert receive(globex, "note.txt", b"one more\n").outcome == Outcome.ACCEPTED


def test_a_store_that_is_away_keeps_nothing(
    acme: Tenant, globex: Tenant, receive: Receive, settings: object
) -> None:
    settings.S3_ENDPOINT_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    for tenant in (acme, globex):
        with pytest.raises(ServiceUnavailableError):
            receive(tenant, "note.txt", b"A note about cranes.\n")
        with tenant_context(tenant):
            assert Document.objects.count() == Receipt.objects.count() == 0


def test_a_database_that_refuses_leaves_no_object(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    before = set(for_tenant(acme).objects.list("raw/"))
    with tenant_context(acme), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE intake_receipt ADD CONSTRAINT no CHECK (size_bytes < 5)")
        with pytest.raises(DatabaseError), transaction.atomic():
            receive(acme, "note.txt", b"A note about cranes.\n")
        transaction.set_rollback(True)
    assert set(for_tenant(acme).objects.list("raw/")) == before


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\kim\\plan.pdf", "plan.pdf"),
        ("a\x00b\n.txt", "ab.txt"),
        ("", "unnamed"),
        ("..", "unnamed"),
        ("ü" * 300 + ".pdf", "ü" * 251 + ".pdf"),
    ],
)
def test_names_lose_folders_and_control_characters(given: str, kept: str) -> None:
    assert safe_filename(given) == kept
