"""The description is valid, complete, and shown by pages that ask no other host for anything."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.staticfiles import finders
from django.core.management import call_command

from intake.api.examples import RECEIPT
from intake.api.serializers import ReceiptSerializer
from search.api.examples import HIT, PROOF, QUESTION, REPORT
from search.api.serializers import (
    HitSerializer,
    ProofReportSerializer,
    ProofSerializer,
    QuerySerializer,
)
from tenants.models import Tenant
from tests.api.conftest import PUBLIC_HOST, Caller, host_of

URLCONFS = ["frostbyte.urls_tenant", "frostbyte.urls_public"]
JSON_TYPE = "application/vnd.oai.openapi+json"
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module", params=URLCONFS)
def description(request: pytest.FixtureRequest, tmp_path_factory: Any) -> dict[str, Any]:
    """The description as the command writes it: validated, and with no warning."""
    target: Path = tmp_path_factory.mktemp("openapi") / "openapi.yaml"
    call_command(
        "spectacular",
        urlconf=request.param,
        validate=True,
        fail_on_warn=True,
        file=str(target),
        stdout=StringIO(),
    )
    loaded: dict[str, Any] = yaml.safe_load(target.read_text())
    return loaded


def operations(description: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return every operation with its name."""
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def test_every_operation_is_described(description: dict[str, Any]) -> None:
    told = operations(description)
    tags = {tag["name"] for tag in description["tags"]}
    assert tags == {tag for _name, operation in told for tag in operation["tags"]}
    assert len(told) >= 12
    assert len({operation["operationId"] for _name, operation in told}) == len(told)
    for name, operation in told:
        assert operation["description"], name
        assert operation["summary"], name
        for status, response in operation["responses"].items():
            assert response["description"], (name, status)
            assert status == "204" or response["content"], (name, status)


def test_every_operation_tells_its_problems(description: dict[str, Any]) -> None:
    for name, operation in operations(description):
        responses = operation["responses"]
        expected = {"406", "500"}
        if operation.get("security") not in ([{}], None):
            expected |= {"401", "403", "429"}
        if "requestBody" in operation:
            expected |= {"400", "413", "415"}
        if "{" in name:
            expected |= {"404"}
        assert expected <= set(responses), name
        for status in (status for status in responses if status >= "400"):
            content = responses[status]["content"]
            assert list(content) == ["application/problem+json"], (name, status)
            assert content["application/problem+json"]["examples"], (name, status)


def test_the_scopes_and_the_key_are_told(description: dict[str, Any]) -> None:
    schemes = description["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    told = dict(operations(description))
    assert "Scope: `ingest`." in told["POST /api/v1/documents"]["description"]
    assert "Scope: `ingest` or `query`." in told["GET /api/v1/documents"]["description"]
    assert {"bearer": []} in told["POST /api/v1/query"]["security"]


def test_files_and_pictures_are_told_as_such(description: dict[str, Any]) -> None:
    told = dict(operations(description))
    body = told["POST /api/v1/documents"]["requestBody"]["content"]
    assert list(body) == ["multipart/form-data"]
    page = told["GET /api/v1/documents/{document_id}/pages/{page}.png"]["responses"]["200"]
    assert list(page["content"]) == ["image/png"]


def test_the_examples_have_the_fields_that_are_answered() -> None:
    for example, serializer in (
        (RECEIPT, ReceiptSerializer),
        (HIT, HitSerializer),
        (PROOF, ProofSerializer),
        (REPORT, ProofReportSerializer),
    ):
        assert list(example) == list(serializer().fields)
    assert ProofSerializer(data=PROOF).is_valid()
    assert isinstance(QUESTION.value, dict)
    assert QuerySerializer(data=QUESTION.value).is_valid()


def test_operators_addresses_are_on_the_public_host_only() -> None:
    for urlconf, expected in zip(URLCONFS, (False, True), strict=True):
        out = StringIO()
        call_command("spectacular", urlconf=urlconf, format="openapi-json", stdout=out)
        paths = json.loads(out.getvalue())["paths"]
        assert any("/admin/" in path for path in paths) is expected


def test_the_description_is_served_on_every_host(acme: Tenant, globex: Tenant) -> None:
    for host in (host_of(acme), host_of(globex), PUBLIC_HOST):
        as_json = Caller(host).get("/api/schema/", headers={"Accept": JSON_TYPE})
        assert as_json.status_code == 200
        assert as_json["Content-Type"] == JSON_TYPE
        assert "/api/v1/query" in json.loads(as_json.content)["paths"]
        assert Caller(host).get("/api/schema/").content.startswith(b"openapi: 3")


PAGES = ["/api/docs/", "/api/redoc/", "/api/docs/?script="]
ADDRESS = re.compile(r"""(?:https?:)?//[\w.-]+""")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
def test_the_pages_ask_no_other_host(acme: Tenant, path: str, host: str) -> None:
    response = Caller(host).get(path)
    assert response.status_code == 200
    page = response.content.decode()
    assert ADDRESS.findall(re.sub(r"//.*$", "", page, flags=re.MULTILINE)) == []
    for source in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert source.startswith(("/", "?"))
        if source.startswith("/static/"):
            assert finders.find(source.removeprefix("/static/")), source


@pytest.mark.parametrize("path", PAGES)
def test_the_policy_of_the_pages_lets_no_other_host_in(acme: Tenant, path: str) -> None:
    policy = Caller(host_of(acme)).get(path)["Content-Security-Policy"]
    sources = {word for rule in policy.split(";") for word in rule.split()[1:]}
    assert sources <= {"'none'", "'self'", "'unsafe-inline'", "data:", "blob:"}
    scripts = next(rule for rule in policy.split("; ") if rule.startswith("script-src "))
    assert scripts == "script-src 'self'"


def test_swagger_does_not_call_a_validator(acme: Tenant) -> None:
    script = Caller(host_of(acme)).get("/api/docs/?script=").content.decode()
    assert '"validatorUrl": null' in script
