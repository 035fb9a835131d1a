"""The tenant's own history, page by page."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.hashing import canonical_json, sha256_hex
from tenants.models import Tenant
from tests.api.conftest import Caller, KeyCaller, assert_problem

EVENTS = "/api/v1/audit/events"


def record(tenant: Tenant, count: int) -> None:
    """Add events to a tenant's chain."""
    for number in range(count):
        record_event(
            tenant=tenant.slug,
            event_type=EventType.DOCUMENT_INGESTED,
            actor="tester",
            resource_type="document",
            resource_id=f"d{number % 2}",
            details={"size_bytes": number},
        )


def every_page(caller: Caller, address: str) -> list[dict[str, Any]]:
    """Follow `next` to the end, and return all rows."""
    rows: list[dict[str, Any]] = []
    while address:
        page = caller.get(address).json()
        rows += page["results"]
        address = page["next"]
    return rows


def test_the_chain_comes_whole_in_order_and_verifies(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    record(acme, 7)
    record(globex, 3)
    caller = by_key(acme)
    events = every_page(caller, f"{EVENTS}?page_size=2")
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert {event["tenant"] for event in events} == {"acme"}
    previous = "0" * 64
    for event in events:
        assert event["previous_hash"] == previous
        previous = event.pop("event_hash")
        event["timestamp"] = event["timestamp"].replace("Z", "+00:00")
        assert sha256_hex(canonical_json(event)) == previous


def test_a_page_holds_while_events_are_added(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    record(acme, 4)
    caller = by_key(acme)
    first = caller.get(f"{EVENTS}?page_size=3").json()
    record(acme, 5)
    record(globex, 5)
    second = caller.get(first["next"]).json()
    assert [event["sequence"] for event in second["results"]] == [4, 5, 6]
    back = caller.get(second["previous"]).json()
    assert [event["sequence"] for event in back["results"]] == [1, 2, 3]


def test_one_event_and_filters(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> None:
    record(acme, 4)
    caller = by_key(acme)
    of_one = every_page(caller, f"{EVENTS}?resource_id=d1")
    assert [event["details"]["size_bytes"] for event in of_one] == [1, 3]
    issued = every_page(caller, f"{EVENTS}?event_type=KEY_ISSUED")
    assert {event["event_type"] for event in issued} == {"KEY_ISSUED"}
    assert caller.get(f"{EVENTS}/{of_one[0]['event_id']}").json() == of_one[0]
    both = f"{EVENTS}?event_type=KEY_ISSUED&resource_id=d1"
    assert every_page(caller, both) == []


def test_the_list_takes_the_same_queries_however_long(
    acme: Tenant,
    globex: Tenant,
    by_key: KeyCaller,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    caller = by_key(acme)
    caller.get(EVENTS)
    with django_assert_num_queries(5) as few:
        caller.get(EVENTS)
    record(acme, 40)
    with django_assert_num_queries(len(few.captured_queries)):
        assert len(caller.get(EVENTS).json()["results"]) > 40


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("page_size=0", "page_size"),
        ("page_size=201", "page_size"),
        ("page_size=-1", "page_size"),
        ("page_size=many", "page_size"),
        ("page_size=", "page_size"),
        ("page_size=%D9%A3", "page_size"),
        ("page_size=" + "9" * 5000, "page_size"),
        ("cursor=here", "cursor"),
        ("cursor=" + "a" * 3000, "cursor"),
        ("cursor=cD0%3D", "cursor"),
        ("cursor=cD14", "cursor"),
        ("cursor=cD0lMDA%3D", "cursor"),
        ("event_type=ANYTHING", "event_type"),
        ("resource_id=" + "a" * 101, "resource_id"),
        ("resource_id=a%00b", "resource_id"),
    ],
)
def test_what_cannot_be_asked(acme: Tenant, by_key: KeyCaller, asked: str, field: str) -> None:
    problem = assert_problem(by_key(acme).get(f"{EVENTS}?{asked}"), 400, "VALIDATION_ERROR")
    assert [breach["field"] for breach in problem["errors"]] == [field]
