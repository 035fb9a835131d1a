"""Operators: the life of tenants, on the public host."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import ANY

import pytest
from pytest_django import DjangoAssertNumQueries

from audit.models import AuditEvent
from tenants.access.people import operator_create, platform_key_issue
from tenants.lifecycle.provisioning import STEPS, tenant_provision
from tenants.models import Tenant
from tenants.stores import for_tenant
from tests.api.conftest import (
    PASSWORD,
    PUBLIC_HOST,
    Caller,
    KeyCaller,
    StaffCaller,
    assert_problem,
    host_of,
)
from tests.keys import api_key_authenticate
from tests.tenants.faults import after, break_steps

TENANTS = "/api/v1/admin/tenants"


@pytest.fixture
def no_bucket_left() -> Iterator[None]:
    """Remove what a new tenant has outside the test's transaction, which takes back the rest."""
    yield
    for_tenant(Tenant(slug="initech", schema_name="t_initech")).objects.destroy()


@pytest.mark.usefixtures("no_bucket_left")
def test_onboarding_gives_a_tenant_that_works(operator: Caller, acme: Tenant) -> None:
    response = operator.post_json(TENANTS, {"slug": "initech", "name": "Initech"})
    assert response.status_code == 201, response.content
    made = response.json()
    assert (made["slug"], made["name"], made["state"]) == ("initech", "Initech", "ACTIVE")
    assert made["hosts"] == ["initech.localhost"]
    assert response["Location"] == made["links"]["self"]
    assert response["Cache-Control"] == "private, no-store"
    told = operator.get(response["Location"]).json()
    assert "api_key" not in told
    assert told == {name: made[name] for name in told}
    caller = Caller("initech.localhost", made["api_key"])
    assert caller.hand_in("a.txt", b"The first words of a new tenant.\n").status_code == 202
    assert_problem(
        caller.get("/api/v1/documents", headers={"Host": host_of(acme)}),
        403,
        "INSUFFICIENT_PERMISSIONS",
    )
    events = AuditEvent.objects.filter(tenant="initech").values_list("event_type", "actor")
    assert ("TENANT_PROVISIONED", "operator:olga") in set(events)


def test_the_list_of_tenants(
    operator: Caller,
    acme: Tenant,
    globex: Tenant,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(6) as two:
        answer = operator.get(TENANTS).json()
    assert [tenant["slug"] for tenant in answer["results"]] == ["acme", "globex"]
    assert [tenant["hosts"] for tenant in answer["results"]] == [
        ["acme.localhost"],
        ["globex.localhost"],
    ]
    with django_assert_num_queries(len(two.captured_queries)):
        first = operator.get(f"{TENANTS}?page_size=1").json()
    assert [tenant["slug"] for tenant in first["results"]] == ["acme"]
    assert operator.get(first["next"]).json()["results"][0]["slug"] == "globex"


def test_stopping_and_letting_go_on(
    operator: Caller, acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller, others = by_key(acme), by_key(globex)
    stopped = operator.post_json(f"{TENANTS}/acme/suspend", {}).json()
    assert stopped["state"] == "SUSPENDED"
    assert_problem(caller.get("/api/v1/documents"), 401, "TOKEN_REVOKED")
    assert others.get("/api/v1/documents").status_code == 200
    twice = operator.post_json(f"{TENANTS}/acme/suspend", {})
    problem = assert_problem(twice, 409, "INVALID_STATE_TRANSITION")
    assert problem["current"] == "SUSPENDED"
    assert "ACTIVE" in problem["allowed"]
    resumed = operator.post_json(f"{TENANTS}/acme/resume", {}).json()
    assert resumed["state"] == "ACTIVE"
    assert_problem(caller.get("/api/v1/documents"), 401, "TOKEN_REVOKED")
    again = Caller(host_of(acme), resumed["api_key"])
    assert again.get("/api/v1/documents").status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "slug"),
        ({"slug": ""}, "slug"),
        ({"slug": "a" * 32}, "slug"),
        ({"slug": "fine", "name": "a" * 201}, "name"),
        ({"slug": "fine", "plan": "gold"}, "plan"),
    ],
)
def test_a_tenant_that_cannot_be(operator: Caller, body: dict[str, Any], field: str) -> None:
    problem = assert_problem(operator.post_json(TENANTS, body), 400, "VALIDATION_ERROR")
    assert problem["errors"][0]["field"] == field


@pytest.mark.parametrize("slug", ["Acme", "a", "ab-", "a--b", "admin", "1abc", "ä-b-c", "a_b_c"])
def test_a_slug_that_cannot_be(operator: Caller, acme: Tenant, slug: str) -> None:
    response = operator.post_json(TENANTS, {"slug": slug})
    assert assert_problem(response, 400, "VALIDATION_ERROR")["remediation"]
    assert set(Tenant.objects.values_list("slug", flat=True)) == {"acme", "globex"}


def test_a_slug_that_is_taken(operator: Caller, acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        response = operator.post_json(TENANTS, {"slug": tenant.slug})
        assert_problem(response, 409, "TENANT_ALREADY_EXISTS")


def test_a_tenant_that_is_not_there(operator: Caller) -> None:
    for method, path in (("get", ""), ("post", "/suspend"), ("post", "/resume")):
        response = getattr(operator, method)(f"{TENANTS}/nobody{path}")
        assert_problem(response, 404, "RESOURCE_NOT_FOUND")


def test_an_operator_must_bring_the_csrf_token(operator: Caller, acme: Tenant) -> None:
    strict = Caller(enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    response = strict.post_json(f"{TENANTS}/acme/suspend", {})
    assert assert_problem(response, 403, "INSUFFICIENT_PERMISSIONS")["reason"] == "csrf"
    assert Tenant.objects.get(slug="acme").is_active


@pytest.fixture
def leaving(committed: None) -> Tenant:
    """A tenant of this test's own."""
    return tenant_provision(slug="leaving", name="Leaving Ltd", actor="tester")


@pytest.fixture
def olga(committed: None) -> Iterator[Caller]:
    """An operator by key, outside any transaction."""
    owner = operator_create(username="olga-by-key", password=PASSWORD)
    _key, text = platform_key_issue(owner=owner, name="test", actor="tester")
    yield Caller(key=text)
    owner.platform_keys.all().delete()
    owner.delete()


def test_removal_by_api_needs_the_slug_and_leaves_a_tombstone(
    olga: Caller, leaving: Tenant
) -> None:
    address = f"{TENANTS}/leaving/deprovision"
    assert_problem(olga.post_json(address, {}), 400, "VALIDATION_ERROR")
    assert_problem(olga.post_json(address, {"confirm": "acme"}), 400, "CONFIRMATION_MISMATCH")
    assert olga.get(f"{TENANTS}/leaving").json()["state"] == "ACTIVE"
    answer = olga.post_json(address, {"confirm": "leaving"})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["state"], told["allowed"], told["hosts"]) == ("DEPROVISIONED", [], [])
    run = told["lifecycle_runs"][0]
    assert (run["kind"], run["state"]) == ("deprovision", "done")
    assert {step["details"]["left"] for step in run["steps"]} == {0}
    problem = olga.post_json(TENANTS, {"slug": "leaving"})
    assert "was removed" in assert_problem(problem, 409, "TENANT_ALREADY_EXISTS")["detail"]
    again = olga.post_json(address, {"confirm": "leaving"})
    assert assert_problem(again, 409, "INVALID_STATE_TRANSITION")["allowed"] == []


def test_a_failed_set_up_is_retried_by_api(
    olga: Caller, committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        break_steps(
            patch,
            lambda step: replace(step, make=after(step.make)) if step is STEPS[-1] else step,
        )
        answer = olga.post_json(TENANTS, {"slug": "brittle"})
    problem = assert_problem(answer, 503, "PROVISIONING_FAILED")
    assert (problem["step"], problem["left"]) == (STEPS[-1].name, [])
    told = olga.get(f"{TENANTS}/brittle").json()
    assert told["allowed"] == ["PROVISIONING", "DEPROVISIONING"]
    assert told["lifecycle_runs"][0]["state"] == "failed"
    done = olga.post_json(f"{TENANTS}/brittle/retry", {}).json()
    assert done["state"] == "ACTIVE"
    assert api_key_authenticate(presented=done["api_key"]).tenant.slug == "brittle"
    again = olga.post_json(f"{TENANTS}/brittle/retry", {})
    assert_problem(again, 409, "INVALID_STATE_TRANSITION")


def test_name_and_settings_are_changed_together_or_not_at_all(
    operator: Caller, acme: Tenant, globex: Tenant
) -> None:
    def patch(body: dict[str, Any], **headers: str) -> Any:
        return operator.patch(
            f"{TENANTS}/acme", body, content_type="application/json", headers=headers
        )

    tag = operator.get(f"{TENANTS}/acme")["ETag"]
    answer = patch({"name": "Acme & Sons", "configuration": {"pii_policy": "block"}})
    assert answer.status_code == 200, answer.content
    assert answer.json()["configuration"]["pii_policy"] == "block"
    assert (answer.json()["name"], answer.json()["config_version"]) == ("Acme & Sons", 2)
    assert answer["ETag"] != tag
    stale = patch({"name": "Other"}, **{"If-Match": tag})
    assert assert_problem(stale, 409, "VERSION_CONFLICT")["current_version"] == 2
    assert patch({"name": "Third"}, **{"If-Match": answer["ETag"]}).status_code == 200
    assert_problem(patch({"name": "x"}, **{"If-Match": '"abc"'}), 400, "VALIDATION_ERROR")
    wrong = patch({"name": "Fourth", "configuration": {"retention_days": 3}})
    assert assert_problem(wrong, 400, "VALIDATION_ERROR")["errors"][0]["field"] == "retention_days"
    assert_problem(patch({"plan": "gold"}), 400, "VALIDATION_ERROR")
    told = operator.get(f"{TENANTS}/acme").json()
    assert (told["name"], told["configuration"]["retention_days"]) == ("Third", 2555)
    reset = patch({"configuration": {"pii_policy": None}}).json()
    assert reset["configuration"]["pii_policy"] == "redact"
    assert Tenant.objects.get(slug="globex").config_version == 1


def test_keys_are_issued_listed_and_revoked(operator: Caller, acme: Tenant, globex: Tenant) -> None:
    address = f"{TENANTS}/acme/keys"
    issued = operator.post_json(address, {"name": "ERP", "scopes": ["query"]})
    assert issued.status_code == 201, issued.content
    assert issued["Cache-Control"] == "private, no-store"
    key = issued.json()
    caller = Caller(host_of(acme), key["api_key"])
    assert caller.get("/api/v1/documents").status_code == 200
    listed = operator.get(address).json()["results"]
    assert listed == [{name: key[name] for name in listed[0]} | {"last_used_at": ANY}]
    assert operator.get(f"{TENANTS}/globex/keys").json()["results"] == []
    elsewhere = operator.post_json(f"{TENANTS}/globex/keys/{key['key_id']}/revoke", {})
    assert_problem(elsewhere, 404, "RESOURCE_NOT_FOUND")
    assert operator.post_json(f"{address}/{key['key_id']}/revoke", {}).json()["revoked_at"]
    assert_problem(caller.get("/api/v1/documents"), 401, "TOKEN_REVOKED")
    for body, field in (
        ({"name": "ERP", "scopes": []}, "scopes"),
        ({"name": "ERP", "scopes": ["root"]}, "scopes.0.0"),
        ({"name": "", "scopes": ["query"]}, "name"),
        ({"name": "E", "scopes": ["query"], "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
    ):
        problem = assert_problem(operator.post_json(address, body), 400, "VALIDATION_ERROR")
        assert problem["errors"][0]["field"].split(".")[0] == field.split(".")[0]
    operator.post_json(f"{TENANTS}/acme/suspend", {})
    stopped = operator.post_json(address, {"name": "ERP", "scopes": ["query"]})
    assert_problem(stopped, 409, "TENANT_NOT_ACTIVE")


def test_the_list_is_narrowed_by_state_and_words(
    operator: Caller, acme: Tenant, globex: Tenant
) -> None:
    def slugs(query: str) -> list[str]:
        answer = operator.get(f"{TENANTS}?{query}")
        return [tenant["slug"] for tenant in answer.json()["results"]]

    operator.post_json(f"{TENANTS}/acme/suspend", {})
    assert slugs("state=SUSPENDED") == ["acme"]
    assert slugs("state=ACTIVE") == ["globex"]
    assert slugs("search=LOB") == ["globex"]
    assert slugs("state=SUSPENDED&search=lob") == []
    problem = operator.get(f"{TENANTS}?state=GONE")
    assert_problem(problem, 400, "VALIDATION_ERROR")


OPERATIONS = [
    ("get", "", None),
    ("post", "", {"slug": "initech"}),
    ("get", "/acme", None),
    ("patch", "/acme", {"name": "Mine"}),
    ("post", "/acme/suspend", {}),
    ("post", "/acme/resume", {}),
    ("post", "/acme/retry", {}),
    ("post", "/acme/deprovision", {"confirm": "acme"}),
    ("get", "/acme/keys", None),
    ("post", "/acme/keys", {"name": "Mine", "scopes": ["query"]}),
    ("post", "/acme/keys/0123456789abcdef/revoke", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), OPERATIONS)
def test_nobody_but_operators_runs_tenants(
    acme: Tenant,
    globex: Tenant,
    by_key: KeyCaller,
    by_session: StaffCaller,
    method: str,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    auditor = operator_create(username="aud", password=PASSWORD, role="auditor")
    audits = Caller()
    audits.force_login(auditor)
    tenants_own = by_key(acme, "ingest", "query", "audit", "admin", host=PUBLIC_HOST)
    options = {} if body is None else {"data": body, "content_type": "application/json"}
    for caller, status, code in (
        (Caller(), 401, "AUTHENTICATION_REQUIRED"),
        (tenants_own, 404, "RESOURCE_NOT_FOUND"),
        (by_session(acme), 404, "RESOURCE_NOT_FOUND"),
        (audits, 403, "INSUFFICIENT_PERMISSIONS"),
    ):
        answer = getattr(caller, method)(f"{TENANTS}{path}", **options)
        assert_problem(answer, status, code)
    assert {*Tenant.objects.values_list("slug", "state", "name")} == {
        ("acme", "ACTIVE", "Acme"),
        ("globex", "ACTIVE", "Globex"),
    }
