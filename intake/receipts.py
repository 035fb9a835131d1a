"""Receipts: issued once, signed before they are stored, and verified wherever they turn up."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from intake.models import Receipt
from tenants.encryption.signatures import Signature, Verdict, sign, verify
from tenants.models import Tenant

RECEIPT_TYPE: Final = "frostbyte-receipt-1"
"""The `type` of a signed receipt: its number changes when the signed members do."""
UNSIGNED: Final = frozenset({"links", "signature", "signing_key"})
"""What the API adds to a receipt, and no signature covers."""
SIGNED_TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
"""The form of a time that is signed: UTC, with microseconds and Z."""
_EXACT: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class ReceiptCheck:
    """What a receipt is worth that somebody shows: the verdict, and what it rests on.

    `missing` are signed members that are not there, `unsigned` are members that nothing vouches
    for. Either of them makes a receipt invalid.
    """

    verdict: Verdict
    key_id: str
    missing: tuple[str, ...] = ()
    unsigned: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether every member that is not merely an address is as it was signed."""
        return self.verdict == Verdict.VALID


def receipt_issue(*, tenant: Tenant, **fields: Any) -> Receipt:
    """Sign and store a receipt of the tenant, inside its context; nothing changes it after this.

    Raises `MasterKeyError` when the signing key cannot be opened: nothing is stored then.
    """
    receipt = Receipt(**{**fields, "details": _exact(fields.get("details", {}))})
    receipt.batch_reference = receipt.batch.reference if receipt.batch else ""
    signature = sign(receipt_document(receipt, tenant_slug=tenant.slug))
    receipt.signature, receipt.signing_key = signature.value, signature.key_id
    receipt.save(force_insert=True)
    return receipt


def receipt_document(receipt: Receipt, *, tenant_slug: str) -> dict[str, Any]:
    """Return the members of a receipt that are signed, as the API tells them."""
    return {
        "type": RECEIPT_TYPE,
        "tenant": tenant_slug,
        "id": str(receipt.pk),
        "batch_id": str(receipt.batch_id) if receipt.batch_id else None,
        "batch_reference": receipt.batch_reference,
        "file_id": receipt.file_id,
        "filename": receipt.filename,
        "size_bytes": receipt.size_bytes,
        "sha256": receipt.sha256,
        "media_type": receipt.media_type,
        "outcome": receipt.outcome,
        "scan": receipt.scan,
        "code": receipt.code,
        "reason": receipt.reason,
        "message": receipt.message,
        "remediation": receipt.remediation,
        "details": receipt.details,
        "document_id": str(receipt.document_id) if receipt.document_id else None,
        "version": receipt.version,
        "is_duplicate": receipt.is_duplicate,
        "received_from": receipt.received_from,
        "created_at": receipt.created_at.astimezone(UTC).strftime(SIGNED_TIME),
    }


def receipt_signed(receipt: Receipt, *, tenant_slug: str) -> dict[str, Any]:
    """Return a receipt to be kept as JSON: its signed members, the signature, the key's id."""
    document = receipt_document(receipt, tenant_slug=tenant_slug)
    return {**document, "signature": receipt.signature, "signing_key": receipt.signing_key}


def receipt_verify(shown: Mapping[str, Any]) -> ReceiptCheck:
    """Tell whether a receipt, as it was saved from the API, is just as it was issued."""
    key_id = str(shown.get("signing_key", ""))
    missing = tuple(sorted(_MEMBERS - shown.keys()))
    unsigned = tuple(sorted(shown.keys() - _MEMBERS - UNSIGNED))
    document = {name: value for name, value in shown.items() if name not in UNSIGNED}
    verdict = verify(document, Signature(str(shown.get("signature", "")), key_id))
    if verdict == Verdict.VALID and document.get("type") != RECEIPT_TYPE:
        verdict = Verdict.INVALID
    return ReceiptCheck(verdict, key_id, missing, unsigned)


def _exact(value: Any) -> Any:
    """Return JSON values of which each has one canonical form: other numbers become text.

    A container may claim sizes that no JSON number holds exactly.
    """
    if isinstance(value, Mapping):
        return {str(name): _exact(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(each) for each in value]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and not (math.isfinite(value) and abs(value) <= _EXACT):
        return str(value)
    return value


_MEMBERS: Final = frozenset(receipt_document(Receipt(size_bytes=0), tenant_slug=""))
