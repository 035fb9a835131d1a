"""Rates: counted for each tenant, told when exceeded, and no reason to fail without a cache."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import override_settings

from frostbyte.api.throttling import parse_rate, scope_of
from tenants.models import Tenant
from tests.api.conftest import Caller, KeyCaller, assert_problem

DOCUMENTS = "/api/v1/documents"
EVENTS = "/api/v1/audit/events"

SetRates = Callable[..., None]


@pytest.fixture
def rates(settings: Any) -> Iterator[SetRates]:
    """A function that sets rates, beginning from zero; windows of a day do not end in a test."""

    def _rates(**given: str | None) -> None:
        settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": given}

    cache.clear()
    yield _rates
    cache.clear()


def test_a_tenant_over_its_rate_is_told_when_to_go_on(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, rates: SetRates
) -> None:
    rates(query="3/day")
    first, second = by_key(acme), by_key(acme, host="localhost")
    for caller in (first, second, first):
        assert caller.get(DOCUMENTS).status_code == 200
    response = second.get(DOCUMENTS)
    problem = assert_problem(response, 429, "RATE_LIMIT_EXCEEDED")
    seconds = int(response["Retry-After"])
    assert 1 <= seconds <= 86400
    assert str(seconds) in problem["remediation"]
    assert by_key(globex).get(DOCUMENTS).status_code == 200


def test_each_scope_counts_by_itself(acme: Tenant, by_key: KeyCaller, rates: SetRates) -> None:
    rates(query="1/day", audit="1/day", intake="1/day")
    caller = by_key(acme)
    assert caller.get(DOCUMENTS).status_code == 200
    assert caller.get(EVENTS).status_code == 200
    assert caller.hand_in("a.txt", b"some words of a text file\n").status_code == 202
    assert_problem(caller.get(DOCUMENTS), 429, "RATE_LIMIT_EXCEEDED")
    assert_problem(caller.get(EVENTS), 429, "RATE_LIMIT_EXCEEDED")
    assert_problem(caller.hand_in("b.txt", b"other words\n"), 429, "RATE_LIMIT_EXCEEDED")


def test_a_new_window_counts_from_zero(
    acme: Tenant, by_key: KeyCaller, rates: SetRates, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates(query="1/min")
    caller, now = by_key(acme), 1_800_000_030.0
    monkeypatch.setattr("frostbyte.api.throttling.time.time", lambda: now)
    assert caller.get(DOCUMENTS).status_code == 200
    response = caller.get(DOCUMENTS)
    assert_problem(response, 429, "RATE_LIMIT_EXCEEDED")
    now += int(response["Retry-After"])
    assert caller.get(DOCUMENTS).status_code == 200


def test_requests_that_are_refused_for_other_reasons_do_not_count(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, rates: SetRates
) -> None:
    rates(query="1/day")
    for _ in range(3):
        assert Caller("acme.localhost").get(DOCUMENTS).status_code == 401
        assert by_key(acme, "audit").get(DOCUMENTS).status_code == 403
        assert by_key(globex, host="acme.localhost").get(DOCUMENTS).status_code == 403
    assert by_key(acme).get(DOCUMENTS).status_code == 200


def test_operators_count_together(operator: Caller, acme: Tenant, rates: SetRates) -> None:
    rates(admin="1/day")
    assert operator.get("/api/v1/admin/tenants").status_code == 200
    response = operator.get("/api/v1/admin/tenants/acme")
    assert_problem(response, 429, "RATE_LIMIT_EXCEEDED")


def test_without_a_cache_requests_pass_and_a_line_is_logged(
    acme: Tenant,
    by_key: KeyCaller,
    rates: SetRates,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rates(query="1/day")
    away = {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:9"}
    caller = by_key(acme)
    with (
        override_settings(CACHES={"default": away}),
        caplog.at_level(logging.WARNING, logger="frostbyte.api"),
    ):
        assert caller.get(DOCUMENTS).status_code == 200
        assert caller.get(DOCUMENTS).status_code == 200
    assert sum("rate not counted" in record.getMessage() for record in caplog.records) == 2


def test_no_rate_is_no_limit(acme: Tenant, by_key: KeyCaller, rates: SetRates) -> None:
    rates(query=None)
    caller = by_key(acme)
    assert {caller.get(DOCUMENTS).status_code for _ in range(5)} == {200}


def test_rates_and_scopes_are_read() -> None:
    assert parse_rate("100/min") == (100, 60)
    assert parse_rate("7/day") == (7, 86400)

    class Both:
        throttle_scope = {"GET": "query", "POST": "intake"}

    assert [scope_of(Both(), method) for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT")] == [
        "query",
        "query",
        "query",
        "intake",
        None,
    ]
    assert scope_of(object(), "GET") is None


def test_every_rate_of_the_contract_is_set_by_default() -> None:
    from frostbyte.settings import base

    assert base.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] == {
        "intake": "100/min",
        "query": "1000/min",
        "audit": "300/min",
        "admin": "60/min",
        "auth": "60/min",
    }
