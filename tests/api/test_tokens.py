"""Tokens in the place of keys: what they may, how they end, and what is no token."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditEvent
from tenants.access.people import operator_create, operator_set_active, platform_key_issue
from tenants.access.roles import AUDITOR, OPERATOR
from tenants.access.tokens import ALGORITHM, AUDIENCE, LEEWAY, LIFETIME, TYPE, issuer
from tenants.encryption.signing import derived_key
from tenants.models import ApiKey, Tenant
from tenants.services import api_key_revoke, tenant_resume, tenant_suspend
from tests.api.conftest import (
    PASSWORD,
    PUBLIC_HOST,
    Caller,
    KeyCaller,
    StaffCaller,
    assert_problem,
    host_of,
    new_key,
)

TOKEN = "/api/v1/auth/token"
DOCUMENTS = "/api/v1/documents"
EVENTS = "/api/v1/audit/events"
TENANTS = "/api/v1/admin/tenants"


def exchange(caller: Caller, *scopes: str) -> str:
    body = {"scopes": list(scopes)} if scopes else {}
    answer = caller.post_json(TOKEN, body)
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "private, no-store"
    return str(answer.json()["access_token"])


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def test_a_token_works_wherever_its_key_works(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    for tenant, other in ((acme, globex), (globex, acme)):
        token = exchange(by_key(tenant))
        for host in (host_of(tenant), PUBLIC_HOST):
            events = Caller(host, token).get(EVENTS).json()["results"]
            assert {event["tenant"] for event in events} == {tenant.slug}
        elsewhere = Caller(host_of(other), token).get(EVENTS)
        assert_problem(elsewhere, 403, "INSUFFICIENT_PERMISSIONS")


def test_what_a_token_says(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> None:
    answer = by_key(acme, "query", "audit").post_json(TOKEN, {"scopes": ["query"]}).json()
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == LIFETIME.total_seconds()
    assert answer["scopes"] == ["query"]
    claims = claims_of(answer["access_token"])
    assert claims["tenant"] == "acme"
    assert claims["key"] == ApiKey.objects.get(tenant=acme).key_id
    assert claims["scope"] == "query"
    assert claims["exp"] - claims["iat"] == LIFETIME.total_seconds()
    assert (claims["iss"], claims["aud"]) == ("https://localhost", "urn:frostbyte:api")
    again = by_key(acme, "query").post_json(TOKEN, {}).json()
    assert claims_of(again["access_token"])["jti"] != claims["jti"]


def test_scopes_are_narrowed_and_never_widened(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme, "query", "audit")
    narrow = Caller(host_of(acme), exchange(caller, "audit"))
    assert narrow.get(EVENTS).status_code == 200
    assert_problem(narrow.get(DOCUMENTS), 403, "INSUFFICIENT_PERMISSIONS")
    wider = caller.post_json(TOKEN, {"scopes": ["query", "ingest"]})
    problem = assert_problem(wider, 403, "INSUFFICIENT_PERMISSIONS")
    assert problem["key_scopes"] == ["audit", "query"]
    bad: list[dict[str, Any]] = [
        {"scopes": []},
        {"scopes": ["root"]},
        {"scope": "query"},
        {"scopes": "query"},
    ]
    for body in bad:
        assert_problem(caller.post_json(TOKEN, body), 400, "VALIDATION_ERROR")


def test_only_a_key_is_exchanged(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, by_session: StaffCaller
) -> None:
    token = exchange(by_key(acme))
    again = Caller(host_of(acme), token).post_json(TOKEN, {})
    assert_problem(again, 403, "INSUFFICIENT_PERMISSIONS")
    assert_problem(by_session(globex).post_json(TOKEN, {}), 401, "AUTHENTICATION_REQUIRED")
    assert_problem(Caller().post_json(TOKEN, {}), 401, "AUTHENTICATION_REQUIRED")


def test_revoking_the_key_ends_its_tokens_at_once(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    mine, theirs = exchange(by_key(acme)), exchange(by_key(globex))
    api_key_revoke(key=ApiKey.objects.get(tenant=acme), actor="tester")
    assert_problem(Caller(host_of(acme), mine).get(DOCUMENTS), 401, "TOKEN_REVOKED")
    assert Caller(host_of(globex), theirs).get(DOCUMENTS).status_code == 200


def test_suspending_the_tenant_ends_its_tokens_for_good(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    mine, theirs = exchange(by_key(acme)), exchange(by_key(globex))
    tenant_suspend(tenant=acme, actor="tester")
    assert_problem(Caller(PUBLIC_HOST, mine).get(DOCUMENTS), 401, "TOKEN_REVOKED")
    assert Caller(PUBLIC_HOST, theirs).get(DOCUMENTS).status_code == 200
    tenant_resume(tenant=acme, actor="tester")
    assert_problem(Caller(PUBLIC_HOST, mine).get(DOCUMENTS), 401, "TOKEN_REVOKED")


def test_a_token_never_outlives_its_key(acme: Tenant, globex: Tenant) -> None:
    key = new_key(acme, expires_at=timezone.now() + timedelta(seconds=90))
    answer = Caller(host_of(acme), key).post_json(TOKEN, {}).json()
    assert 0 < answer["expires_in"] <= 90


def valid_claims(api_key: ApiKey, **changes: Any) -> dict[str, Any]:
    """The claims of a token that would be taken, with changes; None leaves a claim out."""
    now = timezone.now()
    claims = {
        "iss": issuer(),
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + timedelta(minutes=1),
        "jti": "1",
        "tenant": api_key.tenant.slug,
        "key": api_key.key_id,
        "scope": "query audit",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def signed(claims: dict[str, Any], *, purpose: str = "access token", typ: str = TYPE) -> str:
    return jwt.encode(claims, derived_key(purpose), algorithm=ALGORITHM, headers={"typ": typ})


def unsigned(claims: dict[str, Any], alg: str) -> str:
    def part(value: dict[str, Any]) -> str:
        text = json.dumps(value, default=lambda moment: int(moment.timestamp()))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    return f"{part({'alg': alg, 'typ': TYPE})}.{part(claims)}."


Forge = Callable[[ApiKey], str]
BEFORE = timedelta(seconds=2)
FORGED: dict[str, Forge] = {
    "no algorithm": lambda key: unsigned(valid_claims(key), "none"),
    "no algorithm, in capitals": lambda key: unsigned(valid_claims(key), "None"),
    "no signature": lambda key: unsigned(valid_claims(key), ALGORITHM),
    "the right key, a longer hash": lambda key: jwt.encode(
        valid_claims(key), derived_key("access token"), algorithm="HS384", headers={"typ": TYPE}
    ),
    "an unknown algorithm": lambda key: unsigned(valid_claims(key), "RS1"),
    "the key's own hash as key": lambda key: jwt.encode(
        valid_claims(key), key.secret_hash, algorithm=ALGORITHM, headers={"typ": TYPE}
    ),
    "signed for another purpose": lambda key: signed(valid_claims(key), purpose="something else"),
    "another kind of token": lambda key: signed(valid_claims(key), typ="JWT"),
    "another audience": lambda key: signed(valid_claims(key, aud="urn:frostbyte:other")),
    "another issuer": lambda key: signed(valid_claims(key, iss="https://elsewhere.example")),
    "no audience": lambda key: signed(valid_claims(key, aud=None)),
    "no end": lambda key: signed(valid_claims(key, exp=None)),
    "no key": lambda key: signed(valid_claims(key, key=None)),
    "no scope": lambda key: signed(valid_claims(key, scope=None)),
    "another tenant's slug": lambda key: signed(valid_claims(key, tenant="globex")),
    "the platform's name": lambda key: signed(valid_claims(key, tenant="platform")),
    "a slug that is no text": lambda key: signed(valid_claims(key, tenant=["acme"])),
    "issued in the future": lambda key: signed(
        valid_claims(key, iat=timezone.now() + timedelta(minutes=2))
    ),
    "not yet in force": lambda key: signed(
        valid_claims(key, nbf=timezone.now() + timedelta(minutes=2))
    ),
    "dots": lambda _key: "..",
    "no base64": lambda _key: "ä.ö.ü",
    "deeply nested": lambda _key: (
        base64.urlsafe_b64encode(b'{"a":' + b"[" * 4000).decode().rstrip("=") + ".e30.e30"
    ),
}


@pytest.mark.filterwarnings("ignore:The HMAC key is 32 bytes")
@pytest.mark.parametrize("kind", FORGED)
def test_what_is_no_token_of_ours(acme: Tenant, globex: Tenant, kind: str) -> None:
    new_key(acme)
    token = FORGED[kind](ApiKey.objects.get(tenant=acme))
    for host in (host_of(acme), PUBLIC_HOST):
        response = Caller(host, token).get(EVENTS)
        assert_problem(response, 401, "AUTHENTICATION_REQUIRED")
        assert token not in response.content.decode() or len(token) < 8


def test_the_claims_above_would_be_taken_as_they_are(acme: Tenant, globex: Tenant) -> None:
    new_key(acme)
    token = signed(valid_claims(ApiKey.objects.get(tenant=acme)))
    assert Caller(host_of(acme), token).get(EVENTS).status_code == 200


def test_clocks_may_differ_by_the_leeway_and_no_more(acme: Tenant, globex: Tenant) -> None:
    new_key(acme)
    key = ApiKey.objects.get(tenant=acme)
    now = timezone.now()
    for claims, status in (
        ({"iat": now + LEEWAY - BEFORE}, 200),
        ({"exp": now - LEEWAY + BEFORE}, 200),
        ({"exp": now - LEEWAY - BEFORE}, 401),
    ):
        response = Caller(host_of(acme), signed(valid_claims(key, **claims))).get(EVENTS)
        assert response.status_code == status, claims
    assert_problem(response, 401, "TOKEN_EXPIRED")


def test_a_scope_beyond_the_keys_counts_for_nothing(acme: Tenant, globex: Tenant) -> None:
    new_key(acme, ["query"])
    token = signed(valid_claims(ApiKey.objects.get(tenant=acme), scope="query audit root"))
    caller = Caller(host_of(acme), token)
    assert caller.get(DOCUMENTS).status_code == 200
    assert_problem(caller.get(EVENTS), 403, "INSUFFICIENT_PERMISSIONS")


def test_a_change_of_the_secret_key_ends_all_tokens(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, settings: Any
) -> None:
    token = exchange(by_key(acme))
    settings.SECRET_KEY = "another one"
    response = Caller(host_of(acme), token).get(EVENTS)
    assert_problem(response, 401, "AUTHENTICATION_REQUIRED")


def test_no_secret_is_logged(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, caplog: pytest.LogCaptureFixture
) -> None:
    caller = by_key(acme)
    token = exchange(caller)
    with caplog.at_level("DEBUG"):
        Caller(host_of(acme), token).get(EVENTS)
        Caller(host_of(globex), token).get(EVENTS)
        Caller(host_of(acme), token[:-4] + "AAAA").get(EVENTS)
    assert token[-40:] not in caplog.text
    assert caller.key.rsplit("_", 1)[1] not in caplog.text


def test_a_token_costs_no_query_more_than_its_key(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    caller = by_key(acme)
    token = Caller(host_of(acme), exchange(caller))

    def queries(each: Caller) -> int:
        with CaptureQueriesContext(connection) as caught:
            assert each.get(DOCUMENTS).status_code == 200
        return len(caught)

    assert queries(token) == queries(caller) == 5


def platform_caller(role: str = OPERATOR, host: str = PUBLIC_HOST) -> Caller:
    owner = operator_create(username=f"olga-{role}", password=PASSWORD, role=role)
    return Caller(host, platform_key_issue(owner=owner, name="ERP", actor="tester")[1])


def test_a_key_of_the_platform_opens_the_operators_part_and_no_tenant(
    acme: Tenant, globex: Tenant
) -> None:
    caller = platform_caller()
    assert [each["slug"] for each in caller.get(TENANTS).json()["results"]] == ["acme", "globex"]
    token = Caller(PUBLIC_HOST, exchange(caller))
    assert token.post_json(f"{TENANTS}/acme/suspend", {}).json()["state"] == "SUSPENDED"
    for each in (caller, token):
        for path in (DOCUMENTS, EVENTS):
            assert_problem(each.get(path), 403, "INSUFFICIENT_PERMISSIONS")
        for tenant in (acme, globex):
            response = each.get(DOCUMENTS, headers={"Host": host_of(tenant)})
            assert_problem(response, 403, "INSUFFICIENT_PERMISSIONS")


def test_what_a_program_does_is_recorded_under_its_key(acme: Tenant, globex: Tenant) -> None:
    caller = platform_caller()
    caller.post_json(f"{TENANTS}/acme/suspend", {})
    event = AuditEvent.objects.filter(tenant="acme", event_type="TENANT_SUSPENDED").get()
    issued = AuditEvent.objects.filter(tenant="platform", event_type="KEY_ISSUED").get()
    assert event.actor == f"key:{issued.details['key_id']}"
    assert caller.key.rsplit("_", 1)[1] not in str(issued.details)


def test_an_auditors_key_changes_nothing(acme: Tenant, globex: Tenant) -> None:
    caller = platform_caller(AUDITOR)
    for response in (caller.get(TENANTS), caller.post_json(f"{TENANTS}/acme/suspend", {})):
        assert_problem(response, 403, "INSUFFICIENT_PERMISSIONS")


def test_shutting_an_operator_out_ends_key_and_token(acme: Tenant, globex: Tenant) -> None:
    caller = platform_caller()
    token = Caller(PUBLIC_HOST, exchange(caller))
    user = User.objects.get(username="olga-operator")
    operator_set_active(user=user, is_active=False, actor="tester")
    for each in (caller, token):
        assert_problem(each.get(TENANTS), 401, "TOKEN_REVOKED")
