"""The acceptance report: as it was stored, as a page, as PDF; of few files and of a thousand."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pypdfium2
import pytest
from django.contrib.auth.models import Group
from django.test import Client

from frostbyte.kernel.hashing import sha256_hex
from intake.models import Batch, BatchFile, BatchState, Collection, Document, Outcome, Receipt
from processing.batches.building import report_build
from processing.batches.figure import WIDTH, bar
from processing.batches.fonts import ARABIC, KOREAN, TEXT, runs_of
from processing.batches.pdf import report_pdf
from processing.batches.report import OutcomeCount, decode_report
from processing.batches.selectors import batch_with_report, report_get
from processing.batches.settling import batch_settle, report_key
from processing.models import Run, RunState, StageRun, StageState
from processing.pipeline import STAGE_NAMES
from tenants.access.people import staff_create
from tenants.access.roles import TENANT_ADMIN
from tenants.context import tenant_context
from tenants.encryption.signatures import Signature, Verdict, verify
from tenants.errors import ObjectDamagedError
from tenants.models import Scope, Tenant
from tenants.services import api_key_issue
from tenants.stores import for_tenant
from tests.batches.making import announce, received, work_off

FILES = {
    "harbour.txt": b"Minutes of the harbour board. Ask clerk@harbour.example about crane four.\n",
    "empty.txt": b"",
    "\ud68c\uc758\ub85d.txt": "\ud68c\uc758 \uae30\ub85d\n".encode(),
    "\u062a\u0642\u0631\u064a\u0631 2026.txt": "\u062a\u0642\u0631\u064a\u0631\n".encode(),
    "R\u00e9sum\u00e9 \u2013 \u0417\u0438\u043c\u0430.txt": b"A word more.\n",
}


@pytest.fixture
def done(acme: Tenant, globex: Tenant) -> Batch:
    """A batch of acme that is over."""
    batch = received(acme, FILES, reference="harbour papers")
    work_off(acme, batch)
    with tenant_context(acme):
        assert batch_settle(acme, batch.pk)
        return batch_with_report(batch_id=batch.pk)


def key_client(tenant: Tenant, *scopes: Scope, groups: tuple[str, ...] = ()) -> Client:
    _key, presented = api_key_issue(
        tenant=tenant, name="a key", scopes=list(scopes), actor="tester", groups=list(groups)
    )
    return Client(headers={"Authorization": f"Bearer {presented}"})


def address(batch: Batch, form: str = "json") -> str:
    return f"/api/v1/batches/{batch.pk}/report?format={form}"


def text_of(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(io.BytesIO(pdf)) as document:
        return "\n".join(page.get_textpage().get_text_range() for page in document)


def test_the_api_gives_the_bytes_that_were_signed(
    acme: Tenant, globex: Tenant, done: Batch
) -> None:
    answer = key_client(acme, Scope.QUERY).get(address(done))
    assert answer.status_code == 200, answer.content
    assert sha256_hex(answer.content) == answer.headers["Report-SHA256"] == done.report.sha256
    signature = Signature(answer.headers["Report-Signature"], answer.headers["Report-Signing-Key"])
    document = json.loads(answer.content)
    assert verify(document, signature) == Verdict.VALID
    assert verify({**document, "tenant": "globex"}, signature) == Verdict.INVALID
    assert (document["type"], document["tenant"]) == ("frostbyte-report-1", "acme")
    assert "clerk@harbour" not in answer.content.decode()
    assert document["totals"]["redactions"] == 1
    other = key_client(globex, Scope.QUERY).get(address(done))
    assert (other.status_code, other.json()["code"]) == (404, "RESOURCE_NOT_FOUND")


def test_before_the_end_there_is_progress_and_no_report(acme: Tenant, globex: Tenant) -> None:
    batch = announce(acme, FILES)
    answer = key_client(acme, Scope.INGEST).get(address(batch))
    assert (answer.status_code, answer.json()["code"]) == (409, "BATCH_NOT_FINAL")
    assert answer.json()["progress"]["outcomes"] == {"awaited": 5}


def test_the_page_says_what_to_do_and_needs_no_inline_style(
    acme: Tenant, globex: Tenant, done: Batch
) -> None:
    staff_create(tenant=acme, username="ann", password="correct-horse-9", role=TENANT_ADMIN)
    client = Client(headers={"host": "acme.localhost"})
    client.post("/login/", {"username": "ann", "password": "correct-horse-9"})
    for where in (f"/batches/{done.pk}/report/", address(done, "html")):
        page = client.get(where)
        assert page.status_code == 200
        html = page.content.decode()
        assert "Check the export that made it and send it again." in html
        assert done.report.sha256 in html
        assert all(name in html for name in FILES)
        assert " style=" not in html
        assert "<script>" not in html
        assert "style-src 'self'" in page.headers["Content-Security-Policy"]


def test_the_pdf_has_every_file_and_is_the_same_each_time(
    acme: Tenant, globex: Tenant, done: Batch
) -> None:
    client = key_client(acme, Scope.QUERY)
    first, second = client.get(address(done, "pdf")), client.get(address(done, "pdf"))
    assert first.headers["Content-Type"] == "application/pdf"
    assert first.content == second.content
    told = text_of(first.content)
    assert "harbour.txt" in told
    assert "\ud68c\uc758\ub85d" in told
    assert "R\u00e9sum\u00e9" in told
    assert "\u0417\u0438\u043c\u0430" in told
    assert done.report.sha256 in told
    assert "EMPTY_FILE" in told


def test_each_letter_is_drawn_by_a_font_that_has_it() -> None:
    assert list(runs_of("R\u00e9sum\u00e9.pdf")) == [(TEXT, "R\u00e9sum\u00e9.pdf")]
    assert [font for font, _ in runs_of("\ud68c\uc758.pdf")] == [KOREAN, TEXT]
    [(font, word), (_, rest)] = list(runs_of("\u0628\u0627\u0628 \u0628\u0627\u0628.pdf"))
    assert (font, rest) == (ARABIC, ".pdf")
    # Joined forms, turned round: the first letter stands at the right.
    assert word[-1] == "\ufe91"
    assert " " in word
    assert list(runs_of("\u05d0")) == [(TEXT, "?")]


def test_the_bar_is_filled_and_shows_the_least_part() -> None:
    parts = bar(
        [
            OutcomeCount(outcome="published", title="Searchable", files=9_999),
            OutcomeCount(outcome="failed", title="Failed", files=1),
        ]
    )
    assert sum(part.width for part in parts) == pytest.approx(WIDTH, abs=0.1)
    assert parts[1].width > 5


def test_a_stored_report_that_was_changed_is_not_shown(
    acme: Tenant, globex: Tenant, done: Batch
) -> None:
    with tenant_context(acme):
        objects = for_tenant(acme).objects
        objects.put(report_key(done.pk), objects.get(report_key(done.pk)) + b" ")
        with pytest.raises(ObjectDamagedError):
            report_get(tenant=acme, batch=done)


def test_a_report_of_a_restricted_collection_is_for_its_readers(
    acme: Tenant, globex: Tenant
) -> None:
    with tenant_context(acme):
        shelf = Collection.objects.create(name="closed-shelf", restricted=True)
        shelf.groups.add(Group.objects.create(name="shelf-readers"))
    batch = received(acme, {"a.txt": b"A word.\n"}, collection="closed-shelf")
    work_off(acme, batch)
    with tenant_context(acme):
        assert batch_settle(acme, batch.pk)
    assert key_client(acme, Scope.QUERY).get(address(batch)).status_code == 404
    reader = key_client(acme, Scope.QUERY, groups=("shelf-readers",))
    assert reader.get(address(batch)).status_code == 200


def thousand(tenant: Tenant) -> Batch:
    """A batch of a thousand files that are over, by rows: half refused, the rest with losses."""
    batch = announce(tenant, {f"{n}.txt": b"" for n in range(1000)}, reference="thousand")
    with tenant_context(tenant):
        rows = list(batch.files.all())
        documents = [
            Document(
                filename=row.filename,
                media_type="text/plain",
                size_bytes=9,
                sha256=sha256_hex(row.file_id.encode()),
                raw_key=f"raw/{row.file_id}",
                uploaded_by="tester",
            )
            for row in rows[500:]
        ]
        Document.objects.bulk_create(documents)
        refused = {
            "outcome": Outcome.REJECTED,
            "code": "SIZE_EXCEEDED",
            "remediation": "Split it.",
        }
        receipts = [
            Receipt(
                filename=row.filename,
                size_bytes=9,
                sha256=row.sha256,
                received_from="tester",
                message=f"The file has {row.position} MB." if at < 500 else "",
                document=documents[at - 500] if at >= 500 else None,
                **(refused if at < 500 else {"outcome": Outcome.ACCEPTED}),
            )
            for at, row in enumerate(rows)
        ]
        Receipt.objects.bulk_create(receipts)
        for row, receipt in zip(rows, receipts, strict=True):
            row.receipt = receipt
        BatchFile.objects.bulk_update(rows, ["receipt"])
        runs = [
            Run(document=document, state=RunState.PUBLISHED, batch_id=batch.pk)
            for document in documents
        ]
        Run.objects.bulk_create(runs)
        StageRun.objects.bulk_create(
            StageRun(
                run=run,
                stage=name,
                position=at,
                state=StageState.DONE,
                summary={"pages": 2, "chunks": 3, "dropped_kinds": [LOSS]},
            )
            for run in runs
            for at, name in enumerate(STAGE_NAMES)
        )
        Batch.objects.filter(pk=batch.pk).update(state=BatchState.RECEIVED)
        batch.refresh_from_db()
        return batch


LOSS = {
    "element": "picture",
    "reason": "A picture without text.",
    "remediation": "Describe it.",
    "count": 2,
    "pages": [1, 2],
}


def test_a_thousand_files_are_told_in_three_queries_and_equal_troubles_as_one(
    acme: Tenant, globex: Tenant, django_assert_num_queries: Any
) -> None:
    batch = thousand(acme)
    with tenant_context(acme):
        batch = batch_with_report(batch_id=batch.pk)
        with django_assert_num_queries(3):
            report = report_build(
                tenant=acme, batch=batch, completed_at=datetime(2026, 11, 24, tzinfo=UTC)
            )
        assert [(each.outcome, each.files) for each in report.outcomes] == [
            ("partial", 500),
            ("rejected", 500),
        ]
        told = [(each.code, each.files, each.occurrences) for each in report.troubles]
        assert told == [("picture", 500, 1000), ("SIZE_EXCEEDED", 500, 500)]
        assert report.troubles[1].message == "Size exceeded."
        assert batch_settle(acme, batch.pk)
        stored = report_get(tenant=acme, batch=batch_with_report(batch_id=batch.pk))
        assert decode_report(stored.data).totals.pages == 1000
        pdf = report_pdf(stored.report, sha256=stored.row.sha256, signing_key="a key")
        assert "Split it." in text_of(pdf)
