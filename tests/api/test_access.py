"""Who may do what: by key, by session, by host, and never in the other tenant."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.permissions import AllowAny

from frostbyte.kernel.ids import derived_id
from tenants.access.roles import TENANT_ADMIN, TENANT_USER
from tenants.api.permissions import required_scopes
from tenants.context import tenant_context
from tenants.models import ApiKey, Scope, Tenant
from tenants.services import api_key_revoke, tenant_suspend
from tests.api.conftest import (
    PASSWORD,
    PUBLIC_HOST,
    Caller,
    KeyCaller,
    Publish,
    StaffCaller,
    assert_problem,
    host_of,
    new_key,
)
from tests.conftest import Receive

DOCUMENTS = "/api/v1/documents"
QUERY = "/api/v1/query"
EVENTS = "/api/v1/audit/events"
TENANTS = "/api/v1/admin/tenants"

OPEN_VIEWS = {"LiveView", "ReadyView", "SchemaView", "SwaggerView", "RedocView"}

NOBODYS_ID = derived_id("nobody")


def api_views(urlconf: str) -> Iterator[tuple[str, Any]]:
    """Yield (address, view class) of everything below /api/."""

    def walk(patterns: list[Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for pattern in patterns:
            address = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, address)
            elif isinstance(pattern, URLPattern) and address.startswith("api/"):
                yield address, pattern.callback.view_class  # type: ignore[attr-defined]

    yield from walk(get_resolver(urlconf).url_patterns, "")


@pytest.mark.parametrize("urlconf", ["frostbyte.urls_tenant", "frostbyte.urls_public"])
def test_every_view_names_its_scope_or_is_one_of_the_open_ones(urlconf: str) -> None:
    views = dict(api_views(urlconf))
    assert len(views) > 12
    for address, view in views.items():
        if AllowAny in view.permission_classes:
            assert view.__name__ in OPEN_VIEWS, address
            continue
        methods = [name.upper() for name in ("get", "post", "put", "patch", "delete")]
        offered = [method for method in methods if hasattr(view, method.lower())]
        assert offered, address
        for method in offered:
            wanted = required_scopes(view, method)
            assert wanted, f"{method} {address} names no scope"
            assert wanted <= set(Scope.values)
        assert view.throttle_scope, address


def test_a_view_without_a_scope_is_shut() -> None:
    class Forgotten:
        """Names nothing."""

    class Half:
        required_scope = {"GET": "query"}

    assert required_scopes(Forgotten(), "GET") == frozenset()
    assert required_scopes(Half(), "POST") == frozenset()
    assert required_scopes(Half(), "HEAD") == {"query"}
    assert required_scopes(Half(), "OPTIONS") == {"query"}


CALLS = [
    ("get", DOCUMENTS),
    ("post", DOCUMENTS),
    ("get", f"{DOCUMENTS}/{NOBODYS_ID}"),
    ("get", f"{DOCUMENTS}/{NOBODYS_ID}/chunks"),
    ("get", f"{DOCUMENTS}/{NOBODYS_ID}/pages/1.png"),
    ("get", f"/api/v1/receipts/{NOBODYS_ID}"),
    ("post", QUERY),
    ("post", "/api/v1/proofs/verify"),
    ("get", EVENTS),
    ("get", f"{EVENTS}/{NOBODYS_ID}"),
    ("options", QUERY),
    ("head", DOCUMENTS),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_without_a_key(acme: Tenant, globex: Tenant, method: str, path: str) -> None:
    for host in (host_of(acme), host_of(globex), PUBLIC_HOST):
        response = getattr(Caller(host), method)(path)
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == 'Bearer realm="frostbyte"'
        if method != "head":
            problem = assert_problem(response, 401, "AUTHENTICATION_REQUIRED")
            assert "Authorization: Bearer" in problem["remediation"]


def bad_keys(good: str) -> dict[str, str]:
    """Bearer tokens that are no keys, each a small change of a good one."""
    head, slug, key_id, secret = good.split("_")
    other = "0" if secret[-1] != "0" else "1"
    return {
        "wrong secret": "_".join((head, slug, key_id, secret[:-1] + other)),
        "no secret": "_".join((head, slug, key_id, "")),
        "wrong id": "_".join((head, slug, "0" * 16, secret)),
        "another's slug": "_".join((head, "globex", key_id, secret)),
        "more parts": good + "_x",
        "no slug": "_".join((head, "A'--", key_id, secret)),
        "a token": "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "nothing": "",
        "null": "\x00",
        "spaces": f"{good} {good}",
    }


@pytest.mark.parametrize("kind", bad_keys("fb_a_b_c").keys())
@pytest.mark.parametrize("host", ["acme.localhost", "localhost"])
def test_a_key_that_is_not_known(acme: Tenant, globex: Tenant, kind: str, host: str) -> None:
    token = bad_keys(new_key(acme))[kind]
    response = Caller(host).get(DOCUMENTS, headers={"Authorization": f"Bearer {token}"})
    assert_problem(response, 401, "AUTHENTICATION_REQUIRED")
    assert response["WWW-Authenticate"] == 'Bearer realm="frostbyte", error="invalid_token"'
    if len(token) > 8:
        assert token not in response.content.decode()


@pytest.mark.parametrize("header", ["bearer {}", "Bearer  {}", "BEARER {}", "Bearer {} "])
def test_the_header_is_read_loosely_or_refused_but_never_passed_over(
    acme: Tenant, by_session: StaffCaller, header: str
) -> None:
    bad = bad_keys(new_key(acme))["wrong secret"]
    signed_in = by_session(acme)
    assert signed_in.get(DOCUMENTS).status_code == 200
    response = signed_in.get(DOCUMENTS, headers={"Authorization": header.format(bad)})
    assert_problem(response, 401, "AUTHENTICATION_REQUIRED")


def test_a_key_works_on_its_own_host_and_on_the_public_one(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    for tenant in (acme, globex):
        for host in (host_of(tenant), PUBLIC_HOST):
            caller = by_key(tenant, host=host)
            response = caller.get(EVENTS)
            assert response.status_code == 200
            assert {event["tenant"] for event in response.json()["results"]} == {tenant.slug}


def test_a_key_on_the_other_tenants_host(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> None:
    for tenant, other in ((acme, globex), (globex, acme)):
        response = by_key(tenant, host=host_of(other)).get(DOCUMENTS)
        assert_problem(response, 403, "INSUFFICIENT_PERMISSIONS")


@pytest.mark.parametrize("spelt", ["{}.LOCALHOST", "{}.localhost.", "{}.localhost.:8000"])
def test_a_host_is_the_same_however_it_is_spelt(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, spelt: str
) -> None:
    for tenant, other in ((acme, globex), (globex, acme)):
        host = spelt.format(other.slug.upper())
        assert_problem(by_key(tenant, host=host).get(DOCUMENTS), 403, "INSUFFICIENT_PERMISSIONS")
        assert by_key(other, host=host).get(DOCUMENTS).status_code == 200


def test_a_key_that_has_expired(acme: Tenant, globex: Tenant) -> None:
    key = new_key(acme, expires_at=timezone.now() - timedelta(seconds=1))
    for host in (host_of(acme), PUBLIC_HOST):
        assert_problem(Caller(host, key).get(DOCUMENTS), 401, "TOKEN_EXPIRED")
    lasting = new_key(acme, expires_at=timezone.now() + timedelta(hours=1))
    assert Caller(host_of(acme), lasting).get(DOCUMENTS).status_code == 200


def test_a_key_that_was_revoked(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> None:
    caller, others = by_key(acme), by_key(globex)
    assert caller.get(DOCUMENTS).status_code == 200
    api_key_revoke(key=ApiKey.objects.get(tenant=acme), actor="tester")
    assert_problem(caller.get(DOCUMENTS), 401, "TOKEN_REVOKED")
    assert others.get(DOCUMENTS).status_code == 200


def test_a_suspended_tenant(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, by_session: StaffCaller
) -> None:
    key_caller, person, others = by_key(acme), by_session(acme), by_key(globex)
    tenant_suspend(tenant=acme, actor="tester")
    assert_problem(key_caller.get(DOCUMENTS), 401, "TOKEN_REVOKED")
    assert_problem(Caller(PUBLIC_HOST, key_caller.key).get(DOCUMENTS), 401, "TOKEN_REVOKED")
    problem = assert_problem(person.get(DOCUMENTS), 403, "TENANT_SUSPENDED")
    assert problem["remediation"]
    assert_problem(Caller(host_of(acme)).get("/api/schema/"), 403, "TENANT_SUSPENDED")
    assert others.get(DOCUMENTS).status_code == 200


NEEDS = [
    ("get", DOCUMENTS, {"ingest", "query"}),
    ("post", DOCUMENTS, {"ingest"}),
    ("get", f"{DOCUMENTS}/{NOBODYS_ID}", {"ingest", "query"}),
    ("get", f"{DOCUMENTS}/{NOBODYS_ID}/chunks", {"query"}),
    ("get", f"{DOCUMENTS}/{NOBODYS_ID}/pages/1.png", {"query"}),
    ("get", f"/api/v1/receipts/{NOBODYS_ID}", {"ingest", "query"}),
    ("post", QUERY, {"query"}),
    ("post", "/api/v1/proofs/verify", {"query"}),
    ("get", EVENTS, {"audit"}),
    ("get", f"{EVENTS}/{NOBODYS_ID}", {"audit"}),
    ("options", DOCUMENTS, {"ingest", "query"}),
    ("head", EVENTS, {"audit"}),
]


@pytest.mark.parametrize("scope", Scope.values)
@pytest.mark.parametrize(("method", "path", "enough"), NEEDS)
def test_the_scope_of_a_key_decides(
    acme: Tenant, by_key: KeyCaller, method: str, path: str, enough: set[str], scope: str
) -> None:
    response = getattr(by_key(acme, scope), method)(path)
    if scope in enough:
        assert response.status_code not in (401, 403)
    elif method == "head":
        assert response.status_code == 403
    else:
        problem = assert_problem(response, 403, "INSUFFICIENT_PERMISSIONS")
        assert set(problem["required_scopes"]) == enough


@pytest.mark.parametrize(
    ("role", "may"),
    [(TENANT_USER, {DOCUMENTS}), (TENANT_ADMIN, {DOCUMENTS, EVENTS})],
)
def test_the_role_of_a_person_decides(
    acme: Tenant, globex: Tenant, by_session: StaffCaller, role: str, may: set[str]
) -> None:
    for tenant in (acme, globex):
        person = by_session(tenant, role)
        for path in (DOCUMENTS, EVENTS):
            assert (person.get(path).status_code == 200) == (path in may)
        handed_in = person.post(DOCUMENTS).status_code
        assert handed_in == (400 if role == TENANT_ADMIN else 403)


def test_a_session_of_one_tenant_is_none_in_the_other(
    acme: Tenant, globex: Tenant, by_session: StaffCaller
) -> None:
    person = by_session(acme)
    assert person.get(DOCUMENTS).status_code == 200
    for host in (host_of(globex), PUBLIC_HOST):
        response = person.get(DOCUMENTS, headers={"Host": host})
        assert_problem(response, 401, "AUTHENTICATION_REQUIRED")


def test_a_session_must_bring_its_csrf_token(acme: Tenant, by_session: StaffCaller) -> None:
    person = by_session(acme, enforce_csrf_checks=True)
    problem = assert_problem(
        person.post_json(QUERY, {"query_text": ""}), 403, "INSUFFICIENT_PERMISSIONS"
    )
    assert problem["reason"] == "csrf"
    assert "X-CSRFToken" in problem["remediation"]


def test_a_key_needs_no_csrf_token(acme: Tenant) -> None:
    caller = Caller(host_of(acme), new_key(acme), enforce_csrf_checks=True)
    assert_problem(caller.post_json(QUERY, {}), 400, "VALIDATION_ERROR")


def test_a_person_without_a_role(acme: Tenant) -> None:
    with tenant_context(acme):
        user = User.objects.create_user("guest", password=PASSWORD)
    caller = Caller(host_of(acme))
    with tenant_context(acme):
        caller.force_login(user)
    assert_problem(caller.get(DOCUMENTS), 403, "INSUFFICIENT_PERMISSIONS")


def test_an_operator_sees_no_document(operator: Caller, acme: Tenant) -> None:
    assert operator.get(TENANTS).status_code == 200
    for path in (DOCUMENTS, EVENTS):
        assert_problem(operator.get(path), 403, "INSUFFICIENT_PERMISSIONS")
    response = operator.get(DOCUMENTS, headers={"Host": host_of(acme)})
    assert_problem(response, 401, "AUTHENTICATION_REQUIRED")


def test_nobody_else_reaches_the_operators_part(
    acme: Tenant, by_key: KeyCaller, by_session: StaffCaller
) -> None:
    assert_problem(Caller().get(TENANTS), 401, "AUTHENTICATION_REQUIRED")
    every_scope = by_key(acme, *Scope.values, host=PUBLIC_HOST)
    assert_problem(every_scope.get(TENANTS), 404, "RESOURCE_NOT_FOUND")
    assert_problem(by_session(acme).get(TENANTS), 404, "RESOURCE_NOT_FOUND")
    User.objects.create_user("plain", password=PASSWORD)
    plain = Caller()
    plain.force_login(User.objects.get(username="plain"))
    assert_problem(plain.get(TENANTS), 403, "INSUFFICIENT_PERMISSIONS")


def test_ids_of_the_other_tenant_do_not_exist(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, publish: Publish, receive: Receive
) -> None:
    document = publish(globex, "theirs.txt", ["one", "two"])
    receipt = receive(globex, "more.txt", b"their own words, enough of them to be text\n")
    owner, stranger = by_key(globex), by_key(acme)
    event = owner.get(EVENTS).json()["results"][0]["event_id"]
    paths = [
        f"{DOCUMENTS}/{document.pk}",
        f"{DOCUMENTS}/{document.pk}/chunks",
        f"/api/v1/receipts/{receipt.pk}",
        f"{EVENTS}/{event}",
    ]
    for path in paths:
        assert owner.get(path).status_code == 200
        assert_problem(stranger.get(path), 404, "RESOURCE_NOT_FOUND")
    page = f"{DOCUMENTS}/{document.pk}/pages/1.png"
    assert_problem(stranger.get(page), 404, "RESOURCE_NOT_FOUND")
    assert stranger.get(DOCUMENTS).json()["results"] == []
