"""Signed receipts: what is signed, who can check it, and that nothing of it can be changed."""

import json
from base64 import b64decode, urlsafe_b64decode
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from pyrage import x25519
from pytest_django import Settings

from audit.models import AuditEvent
from frostbyte.kernel.age import identity_lines
from intake.models import Batch, Receipt
from intake.receipts import receipt_document, receipt_issue, receipt_signed, receipt_verify
from tenants.context import tenant_context
from tenants.encryption import signatures
from tenants.encryption.master import master_key
from tenants.encryption.rotation import master_key_rotate
from tenants.encryption.signatures import Signature, Verdict, sign, signing_key_rotate, verify
from tenants.errors import MasterKeyError
from tenants.models import SigningKey, Tenant
from tenants.naming import PLATFORM
from tests.api.conftest import Caller, host_of, new_key
from tests.conftest import Receive

TEXT = b"Purchases above 5,000 euros are approved by the head of finance.\n"


def shown(tenant: Tenant, receipt: Receipt, *, scopes: tuple[str, ...] = ("ingest",)) -> Any:
    """The receipt as the API tells it to a key of the tenant."""
    caller = Caller(host_of(tenant), new_key(tenant, scopes))
    response = caller.get(f"/api/v1/receipts/{receipt.pk}")
    assert response.status_code == 200, response.content
    return response.json()


def outsider_checks(receipt: dict[str, Any], keys: dict[str, Any]) -> None:
    """Check a receipt as docs/api.md tells outsiders to; raises `InvalidSignature`."""
    signature = b64decode(receipt["signature"])
    key = next(each for each in keys["keys"] if each["kid"] == receipt["signing_key"])
    left_out = {"signature", "signing_key", "links"}
    signed = {name: value for name, value in receipt.items() if name not in left_out}
    public = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(key["x"] + "="))
    public.verify(signature, rfc8785.dumps(signed))


def test_the_api_tells_what_is_signed_and_an_outsider_can_check_it(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    for tenant, data in ((acme, TEXT), (globex, TEXT), (acme, b"")):
        receipt = receive(tenant, "policy.txt", data)
        told = shown(tenant, receipt)
        assert told["tenant"] == tenant.slug
        with tenant_context(tenant):
            stored = Receipt.objects.get(pk=receipt.pk)
            assert {**receipt_signed(stored, tenant_slug=tenant.slug), "links": told["links"]} == (
                told
            )
        keys = Caller(host_of(tenant), new_key(tenant, ("audit",))).get("/api/v1/receipts/keys")
        outsider_checks(told, keys.json())
        assert receipt_verify(told).is_valid


def test_every_change_of_a_receipt_is_told(
    acme: Tenant, globex: Tenant, receive: Receive, tmp_path: Path
) -> None:
    told = shown(acme, receive(acme, "policy.txt", TEXT))
    other = shown(globex, receive(globex, "other.txt", TEXT + b"more\n"))
    for name in set(told) - {"links", "signature", "signing_key"}:
        value = told[name]
        changed = not value if isinstance(value, bool) else f"{value}x"
        check = receipt_verify({**told, name: changed})
        assert check.verdict == Verdict.INVALID, name
        without = {each: told[each] for each in told if each != name}
        check = receipt_verify(without)
        assert (check.verdict, check.missing) == (Verdict.INVALID, (name,)), name
    check = receipt_verify({**told, "approved_by": "the auditor"})
    assert (check.verdict, check.unsigned) == (Verdict.INVALID, ("approved_by",))
    assert not receipt_verify({**told, "signature": other["signature"]}).is_valid
    assert not receipt_verify({**told, "signature": "no base64"}).is_valid
    assert receipt_verify({**told, "signing_key": "0" * 16}).verdict == Verdict.UNKNOWN_KEY
    assert receipt_verify({}).verdict == Verdict.UNKNOWN_KEY


def test_a_signature_over_something_else_is_no_receipts(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        receipt = Receipt(filename="a.txt", size_bytes=1, outcome="accepted")
        document = receipt_document(receipt, tenant_slug=tenant.slug) | {"type": "report"}
        signature = sign(document)
        assert verify(document, signature) == Verdict.VALID
        claimed = document | {"signature": signature.value, "signing_key": signature.key_id}
        assert not receipt_verify(claimed).is_valid
    with pytest.raises(ValueError, match="type"):
        sign({"tenant": "acme"})


def run(*arguments: str) -> str:
    """Run `manage.py receipt` and return what it says."""
    said = StringIO()
    call_command("receipt", *arguments, stdout=said)
    return said.getvalue()


def test_the_command_verifies_a_saved_receipt(
    acme: Tenant, globex: Tenant, receive: Receive, tmp_path: Path
) -> None:
    told = shown(acme, receive(acme, "policy.txt", TEXT))
    saved = tmp_path / "receipt.json"
    saved.write_text(json.dumps(told, indent=2))
    assert f"Valid: 'policy.txt' of acme, accepted at {told['created_at']}" in run(
        "verify", str(saved)
    )
    assert json.loads(run("verify", "--json", str(saved)))["valid"] is True
    saved.write_text(json.dumps(told | {"outcome": "rejected"}))
    with pytest.raises(CommandError, match="NOT valid") as caught:
        run("verify", str(saved))
    assert caught.value.returncode == 1
    saved.write_text(json.dumps(told | {"tenant": globex.slug}))
    with pytest.raises(CommandError, match="NOT valid"):
        run("verify", str(saved))
    repeated = json.dumps(told)[:-1] + ', "outcome": "rejected"}'
    for nonsense in (repeated, "[]", "no JSON", "[" * 100_000, "x" * 2_000_000):
        saved.write_text(nonsense)
        with pytest.raises(CommandError, match=r"No receipt|JSON object"):
            run("verify", str(saved))
    with pytest.raises(CommandError, match="No receipt"):
        run("verify", str(tmp_path / "nothing.json"))
    saved.write_text(json.dumps(told | {"signature": "", "signing_key": ""}))
    with pytest.raises(CommandError, match="no signature"):
        run("verify", str(saved))


def test_a_receipt_of_a_batch_bears_its_reference_and_odd_numbers_are_signed_as_text(
    acme: Tenant, globex: Tenant
) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            batch = Batch.objects.create(
                reference="March 2026", file_count=1, manifest_sha256="0" * 64
            )
            receipt = receipt_issue(
                tenant=tenant,
                filename="a.docx",
                size_bytes=10,
                outcome="rejected",
                code="UNSAFE_CONTAINER",
                details={"unpacked": 2**64, "ratio": float("inf"), "limit": 5, "of": [True, 0.5]},
                batch=batch,
                file_id="f-1",
            )
        told = shown(tenant, receipt)
        assert (told["batch_id"], told["batch_reference"]) == (str(batch.pk), "March 2026")
        assert told["file_id"] == "f-1"
        assert told["details"] == {
            "unpacked": str(2**64),
            "ratio": "inf",
            "limit": 5,
            "of": [True, 0.5],
        }
        assert receipt_verify(told).is_valid


def test_a_new_key_signs_and_the_old_one_still_verifies(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    first = shown(acme, receive(acme, "a.txt", b"the first of them\n"))
    said = StringIO()
    call_command("keys", "rotate", "--signing", stdout=said)
    second = shown(globex, receive(globex, "b.txt", b"the second of them\n"))
    assert second["signing_key"] != first["signing_key"]
    assert second["signing_key"] in said.getvalue()
    for each in (first, second):
        assert receipt_verify(each).is_valid
    old, new = SigningKey.objects.get(pk=first["signing_key"]), second["signing_key"]
    assert (bytes(old.wrapped), old.retired_at is None) == (b"", False)
    event = AuditEvent.objects.filter(tenant=PLATFORM).latest("sequence")
    assert (event.event_type, event.details["to"]) == ("SIGNING_KEY_ROTATED", new)
    said = StringIO()
    call_command("keys", "status", stdout=said)
    lines = {line.split()[0]: line for line in said.getvalue().splitlines()}
    assert "verifies only" in lines[old.pk]
    assert "current" in lines[new]


def test_the_first_need_makes_a_key_in_the_tenants_name_or_nobodys(
    acme: Tenant, globex: Tenant
) -> None:
    SigningKey.objects.all().delete()
    for tenant in (acme, globex):
        with tenant_context(tenant):
            signature = sign({"type": "test", "tenant": tenant.slug})
            with connection.cursor() as cursor:
                cursor.execute("SELECT current_schema()")
                assert cursor.fetchone() == (tenant.schema_name,)
        assert verify({"type": "test", "tenant": tenant.slug}, signature) == Verdict.VALID
    assert SigningKey.objects.count() == 1


def test_a_tenants_role_reads_no_signing_key(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        for statement in ("SELECT id FROM {}", "INSERT INTO {} DEFAULT VALUES", "DELETE FROM {}"):
            with tenant_context(tenant), connection.cursor() as cursor:
                with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                    cursor.execute(statement.format("public.tenants_signingkey"))


def test_a_new_master_key_wraps_the_signing_key_anew(
    acme: Tenant, globex: Tenant, tmp_path: Path, settings: Settings
) -> None:
    document = {"type": "test", "tenants": [acme.slug, globex.slug]}
    before = sign(document)
    path = tmp_path / "master-key.txt"
    path.write_text("".join(identity_lines(each) for each in master_key().identities))
    settings.MASTER_KEY_FILE = str(path)
    done = master_key_rotate(actor="tester")
    signatures._opened.cache_clear()
    assert SigningKey.objects.get(retired_at=None).recipient == done.recipient
    assert sign(document) == before
    assert verify(document, Signature(before.value, before.key_id)) == Verdict.VALID


def test_without_the_master_key_no_receipt_is_given_and_nothing_is_kept(
    acme: Tenant, globex: Tenant, tmp_path: Path, settings: Settings
) -> None:
    path = tmp_path / "another.txt"
    path.write_text(identity_lines(x25519.Identity.generate()))
    settings.MASTER_KEY_FILE = str(path)
    signatures._opened.cache_clear()
    for tenant in (acme, globex):
        with tenant_context(tenant):
            with pytest.raises(MasterKeyError):
                receipt_issue(tenant=tenant, filename="a", size_bytes=1, outcome="rejected")
            assert Receipt.objects.count() == 0


def test_a_key_in_the_place_of_another_signs_nothing(acme: Tenant, globex: Tenant) -> None:
    sign({"type": "test", "tenants": [acme.slug, globex.slug]})
    old = SigningKey.objects.get(retired_at=None)
    stolen = bytes(old.wrapped)
    new = signing_key_rotate(actor="tester")
    SigningKey.objects.filter(pk=new.pk).update(wrapped=stolen)
    with pytest.raises(MasterKeyError, match="another"):
        sign({"type": "test"})


def test_a_changed_signature_is_no_signature(acme: Tenant, globex: Tenant) -> None:
    document = {"type": "test", "tenants": [acme.slug, globex.slug]}
    signature = sign(document)
    told = dict(document, signature=signature.value, signing_key=signature.key_id)
    outsider_checks(told, {"keys": signatures.public_keys()})
    with pytest.raises(InvalidSignature):
        outsider_checks(told | {"tenants": []}, {"keys": signatures.public_keys()})
