"""Examples of questions, answers and checks for the description of the API."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

_BASE: Final = "http://acme.localhost:8000/api/v1"
_DOCUMENT: Final = "0199c1f0-6a3e-7c1b-9d52-3f0c2b7a4e11"
_CHUNK: Final = "0199c1f1-02b7-7d44-b3ab-5a0e6c1d9f20"
_PASSAGE: Final = "5f1c3f0a-8f1e-5c0e-a6a4-0e7d5a1b2c3d"
_SPAN: Final = {"page": 4, "start_char": 1180, "end_char": 1275}

PROOF: Final[dict[str, Any]] = {
    "document_id": _DOCUMENT,
    "run_id": "0199c1f0-7b02-7e6a-9c1d-2b3a4c5d6e7f",
    "chunk_id": _PASSAGE,
    "raw_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "canonical_sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "chunk_sha256": "fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
    **_SPAN,
    "audit_event_ids": ["0199c1f0-6a55-7b3e-8d0f-9a8b7c6d5e4f"],
}
HIT: Final[dict[str, Any]] = {
    "id": _CHUNK,
    "chunk_id": _PASSAGE,
    "document_id": _DOCUMENT,
    "filename": "policy.pdf",
    "media_type": "application/pdf",
    "text": "Purchases above 5,000 euros are approved by the head of finance, in writing.",
    "score": 0.734512,
    "element_type": "paragraph",
    **_SPAN,
    "bbox": [72.0, 210.5, 523.2, 236.1],
    "section_path": ["Purchasing", "Approval"],
    "model_id": "all-MiniLM-L6-v2",
    "proof": PROOF,
    "links": {
        "document": f"{_BASE}/documents/{_DOCUMENT}",
        "page_image": f"{_BASE}/documents/{_DOCUMENT}/pages/4.png?chunk={_CHUNK}",
    },
}
REPORT: Final[dict[str, Any]] = {
    "valid": False,
    "checks": [
        {"name": "raw_object", "valid": True, "detail": "holds"},
        {"name": "passage", "valid": False, "detail": "the passage was changed"},
    ],
}

QUESTION: Final = OpenApiExample(
    "A question",
    {
        "query_text": "Who approves purchases above 5,000 euros?",
        "top_k": 3,
        "filters": {"media_types": ["application/pdf"]},
    },
    request_only=True,
)
ANSWER: Final = OpenApiExample(
    "An answer",
    {"hits": [HIT], "model_id": HIT["model_id"], "took_ms": 31},
    response_only=True,
)
PROOF_TO_CHECK: Final = OpenApiExample("The proof of a hit", PROOF, request_only=True)
BROKEN: Final = OpenApiExample("A proof that does not hold", REPORT, response_only=True)
