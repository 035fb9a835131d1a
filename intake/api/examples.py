"""Examples of receipts for the description of the API."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

_BASE: Final = "http://acme.localhost:8000/api/v1"
_DOCUMENT: Final = "0199c1f0-6a3e-7c1b-9d52-3f0c2b7a4e11"
_RECEIPT: Final = "0199c1f0-6a41-73d8-8a5e-b1f6c90d2e77"

RECEIPT: Final[dict[str, Any]] = {
    "type": "frostbyte-receipt-1",
    "tenant": "acme",
    "id": _RECEIPT,
    "batch_id": None,
    "batch_reference": "",
    "file_id": "",
    "filename": "policy.pdf",
    "outcome": "accepted",
    "scan": "skipped",
    "code": "",
    "reason": "",
    "message": "",
    "remediation": "",
    "details": {},
    "media_type": "application/pdf",
    "size_bytes": 48213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "document_id": _DOCUMENT,
    "version": 1,
    "is_duplicate": False,
    "received_from": "key:4c1f9a7be02d5836",
    "created_at": "2026-01-31T12:00:00.000000Z",
    "signature": "m4mN2O9X0m1kqW6yM1x3oA5p8t1dE7Jw0c9vYx7nW0y5Tq3lH2bKfRz6sUe4gVh1i"
    "DpLxZcQa8BoJk3MwN5rCA==",
    "signing_key": "9c56cc51b374c3ba",
    "links": {
        "self": f"{_BASE}/receipts/{_RECEIPT}",
        "document": f"{_BASE}/documents/{_DOCUMENT}",
    },
}

ACCEPTED: Final = OpenApiExample(
    "An accepted file", RECEIPT, response_only=True, status_codes=["202"]
)
DUPLICATE: Final = OpenApiExample(
    "Bytes that were here already",
    {
        **RECEIPT,
        "is_duplicate": True,
        "message": "The same bytes are here already; this receipt points at the first.",
    },
    response_only=True,
    status_codes=["200"],
)
