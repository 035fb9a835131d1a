"""Whatever is sent: an answer or a problem, never a fault."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenants.models import Tenant
from tests.api.conftest import Caller, KeyCaller, assert_problem

FIELDS = st.sampled_from(
    ["query_text", "top_k", "filters", "document_ids", "media_types", "created_after", "page",
     "start_char", "raw_sha256", "audit_event_ids", "document_id", "run_id", ""]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=12,
)
patiently = settings(
    max_examples=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def caller(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> Caller:
    """A holder of a key with every scope of a tenant."""
    return by_key(acme)


def is_an_answer_or_a_problem(response: Any) -> bool:
    """Whether the response is what a client can rely on."""
    if response.status_code == 200:
        return True
    assert_problem(response, 400, "VALIDATION_ERROR")
    return False


@pytest.mark.parametrize("path", ["/api/v1/query", "/api/v1/proofs/verify"])
@patiently
@given(body=VALUES)
def test_any_json(caller: Caller, path: str, body: Any) -> None:
    is_an_answer_or_a_problem(caller.post_json(path, body))


@patiently
@given(body=st.binary(max_size=200))
def test_any_bytes(caller: Caller, body: bytes) -> None:
    for path in ("/api/v1/query", "/api/v1/proofs/verify"):
        response = caller.post(path, body, content_type="application/json")
        assert not is_an_answer_or_a_problem(response)


@patiently
@given(name=FIELDS | st.sampled_from(["cursor", "page_size"]), value=st.text(max_size=50))
def test_any_parameter(caller: Caller, name: str, value: str) -> None:
    for path in ("/api/v1/documents", "/api/v1/audit/events"):
        is_an_answer_or_a_problem(caller.get(path, {name: value}))


@patiently
@given(filename=st.text(max_size=300), data=st.binary(max_size=300))
def test_any_file(caller: Caller, filename: str, data: bytes) -> None:
    response = caller.hand_in(filename.replace("/", "") or "x", data)
    assert response.status_code < 500, response.content
    if response.status_code >= 400:
        assert_problem(response, response.status_code, response.json()["code"])
