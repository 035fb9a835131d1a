"""Proofs: they hold as given, and each kind of tampering is named."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from frostbyte.kernel.ids import new_id
from intake.models import Document
from processing.models import Chunk, Redaction
from processing.runner import payload_key, run_advance
from processing.services import run_start
from search.proofs import proof_verify
from search.results import Proof
from search.services import search
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.stores import for_tenant
from tenants.stores.objects import S3Objects
from tests.conftest import Receive
from tests.search.conftest import ACME_TEXT


@pytest.fixture
def proof(acme: Tenant, globex: Tenant, published: dict[str, Document]) -> Proof:
    """The proof of acme's best hit, a passage with something redacted in it."""
    with tenant_context(acme):
        return search(tenant=acme, query_text="crane reports", actor="t").hits[0].proof


def broken(tenant: Tenant, proof: Proof) -> set[str]:
    """Return the names of the links that do not hold."""
    with tenant_context(tenant):
        report = proof_verify(tenant=tenant, proof=proof)
    assert report.valid == (not [check for check in report.checks if not check.valid])
    return {check.name for check in report.checks if not check.valid}


def test_a_proof_holds_at_home_and_nowhere_else(acme: Tenant, globex: Tenant, proof: Proof) -> None:
    assert broken(acme, proof) == set()
    with tenant_context(acme):
        assert Redaction.objects.filter(run_id=proof.run_id).exists()
    assert broken(globex, proof) == {
        "raw_object", "canonical_document", "span", "passage", "audit_events",
    }  # fmt: skip


def change_raw(tenant: Tenant, proof: Proof) -> None:
    document = Document.objects.get(pk=proof.document_id)
    for_tenant(tenant).objects.put(document.raw_key, b"something else")


def change_canonical(tenant: Tenant, proof: Proof) -> None:
    objects, key = for_tenant(tenant).objects, payload_key(proof.run_id, "parse")
    objects.put(key, objects.get(key).replace(b"ninety", b"twenty"))


def garble_canonical(tenant: Tenant, proof: Proof) -> None:
    for_tenant(tenant).objects.put(payload_key(proof.run_id, "parse"), b"\xff no JSON")


def change_passage(_tenant: Tenant, proof: Proof) -> None:
    chunk = Chunk.objects.get(run_id=proof.run_id, chunk_id=proof.chunk_id)
    chunk.text = chunk.text.replace("ninety", "twenty")
    chunk.save()


def move_passage(_tenant: Tenant, proof: Proof) -> None:
    Chunk.objects.filter(run_id=proof.run_id).update(start_char=1)


def remove_passage(_tenant: Tenant, proof: Proof) -> None:
    Chunk.objects.filter(run_id=proof.run_id).delete()


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (change_raw, {"raw_object"}),
        (change_canonical, {"canonical_document", "span"}),
        (garble_canonical, {"canonical_document", "span"}),
        (change_passage, {"span", "passage"}),
        (move_passage, {"passage"}),
        (remove_passage, {"span", "passage"}),
    ],
)
def test_tampering_in_the_stores_is_named(
    acme: Tenant,
    globex: Tenant,
    proof: Proof,
    tamper: Callable[[Tenant, Proof], None],
    named: set[str],
) -> None:
    with tenant_context(acme):
        tamper(acme, proof)
    assert broken(acme, proof) == named


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("raw_sha256", "0" * 64, {"raw_object", "audit_events"}),
        ("canonical_sha256", "0" * 64, {"canonical_document", "audit_events"}),
        ("chunk_sha256", "0" * 64, {"passage"}),
        ("end_char", 20, {"span", "passage"}),
        ("page", 3, {"span", "passage"}),
        ("audit_event_ids", (), {"audit_events"}),
    ],
)
def test_a_forged_member_of_the_proof_is_named(
    acme: Tenant, globex: Tenant, proof: Proof, field: str, value: object, named: set[str]
) -> None:
    assert broken(acme, replace(proof, **{field: value})) == named  # type: ignore[arg-type]


def test_an_event_that_does_not_exist_is_named(acme: Tenant, globex: Tenant, proof: Proof) -> None:
    forged = replace(proof, audit_event_ids=(*proof.audit_event_ids, new_id()))
    assert broken(acme, forged) == {"audit_events"}


def test_a_proof_stays_short_however_often_the_file_comes_and_is_worked_on(
    acme: Tenant, globex: Tenant, proof: Proof, receive: Receive
) -> None:
    for tenant in (acme, globex):
        receive(tenant, "crane-again.txt", ACME_TEXT)
    with tenant_context(acme):
        document = Document.objects.get(pk=proof.document_id)
        again = run_start(tenant=acme, document=document)
        assert run_advance(tenant=acme, run_id=again.pk).state == "published"
        newer = search(tenant=acme, query_text="crane reports", actor="t").hits[0].proof
    assert newer.run_id == again.pk
    assert len(newer.audit_event_ids) == len(proof.audit_event_ids) == 7
    assert broken(acme, newer) == set()


def test_a_file_is_hashed_in_blocks_and_the_canonical_document_read_once(
    acme: Tenant, globex: Tenant, proof: Proof, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole: list[str] = []
    get = S3Objects.get

    def counted(self: S3Objects, key: str) -> bytes:
        whole.append(key)
        return get(self, key)

    monkeypatch.setattr(S3Objects, "get", counted)
    assert broken(acme, proof) == set()
    with tenant_context(acme):
        assert whole == [payload_key(proof.run_id, "parse")]
