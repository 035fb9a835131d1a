"""Whatever goes wrong below /api/ is told in one form, and tells nothing that it must not."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from django.test import RequestFactory
from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from frostbyte.api.problems import error_response, server_error
from frostbyte.kernel.errors import FrostbyteError, NotFoundError, ValidationError
from tenants.api.parsers import JSON_LIMIT
from tenants.errors import TenantSuspendedError
from tenants.models import Tenant
from tests.api.conftest import Caller, KeyCaller, assert_problem, host_of

SECRET = "the patient's name is Mary"


class FaultyView(APIView):
    """Raises what the test wants to see told."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()

    def get(self, _request: Request, kind: str) -> Response:
        raise FAULTS[kind]


FAULTS: dict[str, Exception] = {
    "unexpected": RuntimeError(SECRET),
    "database": OperationalError(SECRET),
    "ours": ValidationError(
        "Two rules are broken.",
        remediation="Mend them.",
        extra={"errors": [{"field": "a", "constraint": "1..2"}], "status": 200, "hint": "x"},
    ),
}


class TestUrls:
    urlpatterns = [path("api/faulty/<kind>", FaultyView.as_view())]


@pytest.fixture
def _faulty(settings: Any) -> None:
    settings.PUBLIC_SCHEMA_URLCONF = TestUrls


@pytest.fixture
def log_lines() -> Iterator[list[str]]:
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.getMessage()} {record.exc_info}")

    collector = Collector()
    logging.getLogger().addHandler(collector)
    yield lines
    logging.getLogger().removeHandler(collector)


@pytest.mark.usefixtures("_faulty")
def test_a_fault_is_told_and_logged_without_its_message(db: None, log_lines: list[str]) -> None:
    response = Caller().get("/api/faulty/unexpected")
    assert_problem(response, 500, "INTERNAL_ERROR")
    assert SECRET not in response.content.decode()
    logged = [line for line in log_lines if "RuntimeError" in line]
    assert len(logged) == 1
    assert "test_problems.py" in logged[0]
    assert not any(SECRET in line for line in log_lines)


@pytest.mark.usefixtures("_faulty")
def test_a_database_that_is_away_is_no_fault_of_ours(db: None, log_lines: list[str]) -> None:
    response = Caller().get("/api/faulty/database")
    assert_problem(response, 503, "SERVICE_UNAVAILABLE")
    assert int(response["Retry-After"]) > 0
    assert not any(SECRET in line for line in log_lines)


@pytest.mark.usefixtures("_faulty")
def test_our_own_errors_bring_their_members_but_replace_none(db: None) -> None:
    problem = assert_problem(Caller().get("/api/faulty/ours"), 400, "VALIDATION_ERROR")
    assert problem["hint"] == "x"
    assert problem["remediation"] == "Mend them."
    assert problem["errors"] == [{"field": "a", "value": None, "constraint": "1..2"}]


@pytest.mark.parametrize("path", ["/api/", "/api/v1", "/api/v1/nothing", "/api/v2/documents"])
def test_an_unknown_address(acme: Tenant, globex: Tenant, by_key: KeyCaller, path: str) -> None:
    for tenant in (acme, globex):
        assert_problem(by_key(tenant).get(path), 404, "RESOURCE_NOT_FOUND")
    assert_problem(Caller().get(path), 404, "RESOURCE_NOT_FOUND")


def test_a_host_that_is_not_served(db: None) -> None:
    assert_problem(Caller(host="evil.example").get("/api/v1/query"), 400, "VALIDATION_ERROR")


def test_a_host_of_no_tenant(db: None) -> None:
    caller = Caller(host="nobody.localhost")
    assert_problem(caller.get("/api/v1/documents"), 404, "RESOURCE_NOT_FOUND")


def test_a_method_that_is_not_allowed(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> None:
    for tenant in (acme, globex):
        response = by_key(tenant).delete("/api/v1/query")
        problem = assert_problem(response, 405, "METHOD_NOT_ALLOWED")
        assert response["Allow"] == "POST, OPTIONS"
        assert "POST" in problem["remediation"]


def test_an_accept_header_that_cannot_be_met(acme: Tenant, by_key: KeyCaller) -> None:
    response = by_key(acme).get("/api/v1/documents", headers={"Accept": "application/xml"})
    problem = assert_problem(response, 406, "NOT_ACCEPTABLE")
    assert "application/json" in problem["remediation"]


def test_a_body_of_another_type(acme: Tenant, by_key: KeyCaller) -> None:
    caller = by_key(acme)
    as_text = caller.post("/api/v1/query", "query_text=a", content_type="text/plain")
    problem = assert_problem(as_text, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert "application/json" in problem["remediation"]
    as_json = caller.post_json("/api/v1/documents", {"file": "a"})
    problem = assert_problem(as_json, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert "multipart/form-data" in problem["remediation"]


MALFORMED = {
    "cut off": b'{"query_text": "a"',
    "no json": b"hello",
    "not a number": b'{"query_text": "a", "top_k": NaN}',
    "too deep": b"[" * 100_000,
    "not utf-8": b'{"query_text": "\xff"}',
    "empty": b"",
    "a list": b"[1]",
    "a string": b'"a"',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_body(acme: Tenant, by_key: KeyCaller, body: bytes) -> None:
    response = by_key(acme).post("/api/v1/query", body, content_type="application/json")
    assert_problem(response, 400, "VALIDATION_ERROR")


def test_a_body_that_is_too_large(acme: Tenant, by_key: KeyCaller) -> None:
    body = json.dumps({"query_text": "a" * JSON_LIMIT})
    response = by_key(acme).post("/api/v1/query", body, content_type="application/json")
    assert_problem(response, 413, "SIZE_EXCEEDED")


def test_errors_outside_the_api_are_pages(acme: Tenant) -> None:
    for host in ("evil.example", "nobody.localhost", "localhost"):
        response = Caller(host=host).get("/no-such-page")
        assert response.status_code in (400, 404)
        assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TenantSuspendedError("Stopped."), "suspended"),
        (NotFoundError("None."), "nothing here"),
        (FrostbyteError("Odd.", remediation="Do this."), "Do this."),
    ],
)
def test_errors_before_a_page_are_pages(acme: Tenant, error: FrostbyteError, words: str) -> None:
    response = error_response(RequestFactory().get("/upload/"), error)
    assert response.status_code == error.http_status
    assert words in response.content.decode()


def test_a_database_that_is_away_before_any_view(
    acme: Tenant, globex: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*, host: str) -> None:
        raise OperationalError(f"{SECRET} {host}")

    monkeypatch.setattr("tenants.routing.tenant_for_host", away)
    for tenant in (acme, globex):
        response = Caller(host_of(tenant)).get("/api/v1/documents")
        assert_problem(response, 503, "SERVICE_UNAVAILABLE")
        assert SECRET not in response.content.decode()


def test_a_fault_outside_views(db: None) -> None:
    response = server_error(RequestFactory().get("/api/v1/documents"))
    assert json.loads(response.content)["code"] == "INTERNAL_ERROR"
    page = server_error(RequestFactory().get("/upload/"))
    assert page.status_code == 500
    assert "text/html" in page["Content-Type"]
