"""Operators: the life of tenants, on the public host."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from audit.models import AuditEvent
from tenants.models import Tenant
from tenants.stores import for_tenant
from tests.api.conftest import Caller, KeyCaller, assert_problem, host_of

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
