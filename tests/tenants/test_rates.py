"""Rates: no minute, wherever it begins, lets more through than the limit."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
import redis
from django.conf import settings
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from frostbyte.kernel.errors import ServiceUnavailableError
from tenants.limits.rates import (
    Rate,
    platform_rate,
    rate_look,
    rate_take,
    tenant_rate,
    tenant_rates,
)
from tenants.models import Tenant
from tenants.services import tenant_configure

START = 1_800_000_000
_numbers = count()


@pytest.fixture
def valkey() -> Iterator[redis.Redis]:
    """The server that counts; what the test counted is removed."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        yield client
        for key in client.scan_iter("test-*:rate:*"):
            client.delete(key)


def new_rate(limit: int, area: str = "query") -> Rate:
    """A rate that nothing has counted towards yet."""
    return Rate(f"test-{threading.get_native_id()}-{next(_numbers)}", area, limit)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    limit=st.integers(1, 6),
    pauses=st.lists(st.integers(0, 40) | st.just(60) | st.just(61), max_size=40),
)
@example(limit=3, pauses=[0, 0, 59, 0, 0, 1, 1, 0, 0, 0])
def test_any_minute_holds_at_most_the_limit_and_nothing_is_refused_without_cause(
    valkey: redis.Redis, limit: int, pauses: list[int]
) -> None:
    rate, now, passed = new_rate(limit), START, list[int]()
    for pause in pauses:
        now += pause
        state = rate_take(rate, now=now)
        recent = [moment for moment in passed if moment >= now - 60]
        assert state.passes == (len(recent) < limit)
        if state.passes:
            passed.append(now)
            recent.append(now)
        assert state.used == len(recent)
        assert state.remaining == limit - len(recent)
        assert state.turn_seconds == recent[0] + 61 - now
    for first in passed:
        assert sum(first <= moment < first + 60 for moment in passed) <= limit


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(limit=st.integers(1, 5), pauses=st.lists(st.integers(0, 25), min_size=1, max_size=30))
def test_the_wait_that_is_told_is_enough_and_not_too_long(
    valkey: redis.Redis, limit: int, pauses: list[int]
) -> None:
    rate, now = new_rate(limit), START
    for pause in pauses:
        now += pause
        rate_take(rate, now=now)
    state = rate_look(rate, now=now)
    assert state.passes == (state.wait_seconds == 0)
    assert rate_look(rate, now=now + state.wait_seconds).passes
    if state.wait_seconds:
        assert not rate_look(rate, now=now + state.wait_seconds - 1).passes


def test_a_burst_across_a_border_gets_one_limit_and_not_two(valkey: redis.Redis) -> None:
    rate = new_rate(100)
    border = START - START % 60
    passes = [rate_take(rate, now=border - 1).passes for _ in range(120)]
    passes += [rate_take(rate, now=border).passes for _ in range(120)]
    assert sum(passes) == 100
    assert rate_look(rate, now=border).wait_seconds == 60


def test_threads_side_by_side_lose_nothing(valkey: redis.Redis) -> None:
    rates = (new_rate(150), new_rate(1000))
    together = threading.Barrier(8)

    def ask(_number: int) -> list[int]:
        together.wait()
        return [sum(rate_take(rate, now=START).passes for _ in range(50)) for rate in rates]

    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(ask, range(8)))
    assert [sum(each) for each in zip(*passed, strict=True)] == [150, 400]


def test_a_changed_limit_applies_at_once(valkey: redis.Redis) -> None:
    rate = new_rate(4)
    for _ in range(4):
        rate_take(rate, now=START)
    wider = Rate(rate.owner, rate.area, 6)
    assert not rate_take(rate, now=START + 1).passes
    assert rate_take(wider, now=START + 1).remaining == 1
    narrower = Rate(rate.owner, rate.area, 1)
    state = rate_take(narrower, now=START + 2)
    assert (state.passes, state.remaining, state.used) == (False, 0, 5)
    assert state.wait_seconds == 60
    assert rate_take(narrower, now=START + 62).passes


def test_what_is_kept_is_small_and_goes_by_itself(valkey: redis.Redis) -> None:
    rate = new_rate(1_000_000)
    for second in range(300):
        rate_take(rate, now=START + second)
    assert valkey.hlen(rate.key) == 61
    assert 0 < valkey.ttl(rate.key) <= 62


def test_a_clock_that_is_set_back_shuts_nobody_out(valkey: redis.Redis) -> None:
    rate = new_rate(1)
    assert rate_take(rate, now=START + 7200).passes
    assert rate_take(rate, now=START).passes


def test_the_servers_clock_counts_where_none_is_given(valkey: redis.Redis) -> None:
    rate = new_rate(2)
    assert [rate_take(rate).passes for _ in range(3)] == [True, True, False]
    assert rate_look(rate).used == 2
    assert 1 <= rate_look(rate).wait_seconds <= 61


def test_rates_are_a_tenants_own(acme: Tenant, globex: Tenant) -> None:
    tenant_configure(tenant=acme, changes={"rate_query_per_minute": 7}, actor="t")
    assert [rate.limit for rate in tenant_rates(tenant=acme)] == [100, 7, 300]
    assert [rate.limit for rate in tenant_rates(tenant=globex)] == [100, 1000, 300]
    own, other = tenant_rate(tenant=acme, area="query"), tenant_rate(tenant=globex, area="query")
    assert own is not None
    assert other is not None
    assert own.key.startswith(f"{acme.schema_name}:")
    assert own.key != other.key
    assert tenant_rate(tenant=acme, area="admin") is None


def test_the_platform_sets_what_is_no_tenants_setting(acme: Tenant, globex: Tenant) -> None:
    rate = platform_rate(area="admin", tenant=None)
    assert rate == Rate("public", "admin", 60)
    assert platform_rate(area="query", tenant=acme) is None
    assert platform_rate(area="admin", tenant=globex) == Rate(globex.schema_name, "admin", 60)


def test_a_server_that_is_away_is_told(settings: object) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9"  # type: ignore[attr-defined]
    with pytest.raises(ServiceUnavailableError):
        rate_take(new_rate(1))
