"""Rates: counted for each tenant, told when exceeded, and no reason to fail without a cache."""

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from frostbyte.api.throttling import area_of
from frostbyte.settings import base
from tenants.configuration import TenantConfiguration
from tenants.limits.rates import TENANT_AREAS
from tenants.models import Tenant
from tenants.services import tenant_configure
from tests.api.conftest import Caller, KeyCaller, assert_problem
from tests.api.test_access import api_views

DOCUMENTS = "/api/v1/documents"
EVENTS = "/api/v1/audit/events"

SetRates = Callable[..., None]


@pytest.fixture
def rates(settings: Any) -> Iterator[SetRates]:
    """A function that sets a tenant's rates; counting begins from zero."""

    def _rates(tenant: Tenant, **limits: int) -> None:
        changes = {f"rate_{area}_per_minute": limit for area, limit in limits.items()}
        tenant_configure(tenant=tenant, changes=changes, actor="tester")

    settings.RATES_COUNTED = True
    _forget()
    yield _rates
    _forget()


def _forget() -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for owner in ("t_acme", "t_globex", "public"):
            for key in client.scan_iter(f"{owner}:rate:*"):
                client.delete(key)


def test_a_tenant_over_its_rate_is_told_when_to_go_on(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, rates: SetRates
) -> None:
    rates(acme, query=3)
    first, second = by_key(acme), by_key(acme, host="localhost")
    for caller in (first, second, first):
        assert caller.get(DOCUMENTS).status_code == 200
    response = second.get(DOCUMENTS)
    problem = assert_problem(response, 429, "RATE_LIMIT_EXCEEDED")
    seconds = int(response["Retry-After"])
    assert 1 <= seconds <= 61
    assert str(seconds) in problem["remediation"]
    assert by_key(globex).get(DOCUMENTS).status_code == 200


def test_each_scope_counts_by_itself(acme: Tenant, by_key: KeyCaller, rates: SetRates) -> None:
    rates(acme, query=1, audit=1, intake=1)
    caller = by_key(acme)
    assert caller.get(DOCUMENTS).status_code == 200
    assert caller.get(EVENTS).status_code == 200
    assert caller.hand_in("a.txt", b"some words of a text file\n").status_code == 202
    assert_problem(caller.get(DOCUMENTS), 429, "RATE_LIMIT_EXCEEDED")
    assert_problem(caller.get(EVENTS), 429, "RATE_LIMIT_EXCEEDED")
    assert_problem(caller.hand_in("b.txt", b"other words\n"), 429, "RATE_LIMIT_EXCEEDED")


def test_each_answer_tells_the_rate_and_what_is_left(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, rates: SetRates
) -> None:
    rates(acme, query=2)
    caller = by_key(acme)
    first, second, refused = (caller.get(DOCUMENTS) for _ in range(3))
    assert first["RateLimit-Policy"] == '"query";q=2;w=60'
    assert re.fullmatch(r'"query";r=1;t=\d{1,2}', first["RateLimit"])
    assert re.fullmatch(r'"query";r=0;t=\d{1,2}', second["RateLimit"])
    problem = assert_problem(refused, 429, "RATE_LIMIT_EXCEEDED")
    assert (problem["limit"], problem["used"], problem["area"]) == (2, 2, "query")
    assert f"t={problem['retry_after']}" in refused["RateLimit"]
    assert "2 requests a minute" in problem["detail"]
    assert "RateLimit" in caller.get(EVENTS)
    assert by_key(globex).get(DOCUMENTS)["RateLimit-Policy"] == '"query";q=1000;w=60'


def test_a_changed_limit_applies_to_the_next_request(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, rates: SetRates
) -> None:
    rates(acme, query=1)
    caller = by_key(acme)
    assert [caller.get(DOCUMENTS).status_code for _ in range(2)] == [200, 429]
    rates(acme, query=2)
    assert [caller.get(DOCUMENTS).status_code for _ in range(2)] == [200, 429]
    assert by_key(globex).get(DOCUMENTS).status_code == 200


def test_counting_costs_no_query(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, rates: SetRates, settings: Any
) -> None:
    callers = [by_key(acme), by_key(globex)]
    assert {caller.get(DOCUMENTS).status_code for caller in callers} == {200}
    with CaptureQueriesContext(connection) as counted:
        assert {caller.get(DOCUMENTS).status_code for caller in callers} == {200}
    settings.RATES_COUNTED = False
    with CaptureQueriesContext(connection) as uncounted:
        assert {caller.get(DOCUMENTS).status_code for caller in callers} == {200}
    assert len(counted) == len(uncounted)


def test_requests_that_are_refused_for_other_reasons_do_not_count(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, rates: SetRates
) -> None:
    rates(acme, query=1)
    for _ in range(3):
        assert Caller("acme.localhost").get(DOCUMENTS).status_code == 401
        assert by_key(acme, "audit").get(DOCUMENTS).status_code == 403
        assert by_key(globex, host="acme.localhost").get(DOCUMENTS).status_code == 403
    assert by_key(acme).get(DOCUMENTS).status_code == 200


def test_operators_count_together(
    operator: Caller, acme: Tenant, globex: Tenant, rates: SetRates, settings: Any
) -> None:
    settings.RATES_PER_MINUTE = {"admin": 1}
    assert operator.get("/api/v1/admin/tenants").status_code == 200
    response = operator.get("/api/v1/admin/tenants/acme")
    assert_problem(response, 429, "RATE_LIMIT_EXCEEDED")


def test_without_a_cache_requests_pass_and_a_line_is_logged(
    acme: Tenant,
    globex: Tenant,
    by_key: KeyCaller,
    rates: SetRates,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rates(acme, query=1)
    caller = by_key(acme)
    with (
        override_settings(REDIS_URL="redis://127.0.0.1:9"),
        caplog.at_level(logging.WARNING, logger="frostbyte.api"),
    ):
        responses = [caller.get(DOCUMENTS) for _ in range(2)]
    assert [response.status_code for response in responses] == [200, 200]
    assert not any("RateLimit" in response for response in responses)
    assert sum("rate not counted" in record.getMessage() for record in caplog.records) == 2


def test_areas_are_read_by_method() -> None:
    class Both:
        throttle_scope = {"GET": "query", "POST": "intake"}

    assert [area_of(Both(), method) for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT")] == [
        "query",
        "query",
        "query",
        "intake",
        None,
    ]
    assert area_of(object(), "GET") is None


@pytest.mark.parametrize("urlconf", ["frostbyte.urls_tenant", "frostbyte.urls_public"])
def test_every_view_counts_towards_a_rate_that_there_is(urlconf: str) -> None:
    known = {*TENANT_AREAS, *settings.RATES_PER_MINUTE}
    for address, view in api_views(urlconf):
        declared = getattr(view, "throttle_scope", None) or {}
        areas = set(declared.values()) if isinstance(declared, dict) else {declared}
        assert areas <= known, address


def test_every_rate_of_the_contract_is_set_by_default() -> None:
    defaults = TenantConfiguration()
    assert defaults.rate_intake_per_minute == 100
    assert defaults.rate_query_per_minute == 1000
    assert defaults.rate_audit_per_minute == 300
    assert base.RATES_PER_MINUTE == {"admin": 60, "auth": 60}
    assert base.RATES_COUNTED
