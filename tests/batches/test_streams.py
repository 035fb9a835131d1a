"""Streams of events, on a real ASGI server: who hears what, until when, and what they cost."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.db import connection
from django.test import Client

from intake.models import Batch
from processing.batches.settling import batch_settle
from processing.streams.hub import HUB
from tenants.access.people import staff_create
from tenants.access.roles import TENANT_USER
from tenants.access.sessions import sessions_end
from tenants.context import tenant_context
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import Scope, Tenant
from tenants.services import api_key_issue, api_key_revoke, tenant_suspend
from tests.batches.making import announce, received, work_off

SOON = 30.0
FILES = {"harbour.txt": b"Minutes of the harbour board.\n", "empty.txt": b""}


@dataclass(frozen=True)
class Event:
    """One event of a stream."""

    id: str
    name: str
    data: dict[str, Any]


@pytest.fixture
def tenant(committed: None) -> Tenant:
    """A tenant of the test's own: the server sees what is committed."""
    return tenant_provision(slug="northwind", name="Northwind", actor="tester")


@pytest.fixture
def key(tenant: Tenant) -> str:
    """A key that may follow batches."""
    return api_key_issue(tenant=tenant, name="k", scopes=[Scope.QUERY], actor="tester")[1]


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """An ASGI server of this process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(
        get_asgi_application(), host="127.0.0.1", port=port, lifespan="off", log_level="error"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def wait_until(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def headers(key: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Accept": "text/event-stream", **more}


def events_of(lines: Iterator[str]) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield Event(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
            fields = {}


def url(origin: str, batch: Batch) -> str:
    return f"{origin}/api/v1/batches/{batch.pk}/events"


def test_it_tells_each_state_and_ends_with_the_batch(tenant: Tenant, key: str, origin: str) -> None:
    batch = received(tenant, FILES)
    with httpx.stream("GET", url(origin, batch), headers=headers(key), timeout=SOON) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        events = events_of(answer.iter_lines())
        first = next(events)
        assert (first.name, first.data["outcomes"]) == ("progress", {"queued": 1, "rejected": 1})
        work_off(tenant, batch)
        *_between, last = events
        assert last.name == "final"
        assert last.data["outcomes"] == {"published": 1, "rejected": 1}
    wait_until(lambda: not HUB._streams)
    # Who comes back with the last id is told to come no more, with an older one it gets the last.
    known = headers(key, **{"Last-Event-ID": last.id})
    assert httpx.get(url(origin, batch), headers=known, timeout=SOON).status_code == 204
    again = httpx.get(url(origin, batch), headers=headers(key, **{"Last-Event-ID": first.id}))
    assert [event.id for event in events_of(iter(again.text.split("\n")))] == [last.id]


def test_what_was_seen_is_not_told_again(tenant: Tenant, key: str, origin: str) -> None:
    batch = received(tenant, FILES)
    with httpx.stream("GET", url(origin, batch), headers=headers(key), timeout=SOON) as answer:
        first = next(events_of(answer.iter_lines()))
    known = headers(key, **{"Last-Event-ID": first.id})
    with httpx.stream("GET", url(origin, batch), headers=known, timeout=SOON) as answer:
        work_off(tenant, batch)
        assert next(events_of(answer.iter_lines())).id != first.id


def revoke(tenant: Tenant) -> None:
    api_key_revoke(key=tenant.api_keys.latest("id"), actor="tester")


def suspend(tenant: Tenant) -> None:
    tenant_suspend(tenant=tenant, actor="tester")


@pytest.mark.parametrize("act", [revoke, suspend])
def test_it_ends_with_the_right_to_hear_it(
    tenant: Tenant, key: str, origin: str, act: Callable[[Tenant], None]
) -> None:
    batch = announce(tenant, FILES)
    with httpx.stream("GET", url(origin, batch), headers=headers(key), timeout=SOON) as answer:
        events = events_of(answer.iter_lines())
        assert next(events).name == "progress"
        act(tenant)
        assert [event.name for event in events] == ["end"]


def test_it_ends_with_the_session(tenant: Tenant, origin: str) -> None:
    batch = announce(tenant, FILES)
    user = staff_create(tenant=tenant, username="ann", password="correct-horse-9", role=TENANT_USER)
    client = Client(headers={"host": "northwind.localhost"})
    with tenant_context(tenant):
        client.force_login(User.objects.get(pk=user.pk))
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    asked = {
        "Host": "northwind.localhost",
        "Cookie": f"{django_settings.SESSION_COOKIE_NAME}={cookie}",
        "Accept": "text/event-stream",
    }
    with httpx.stream("GET", url(origin, batch), headers=asked, timeout=SOON) as answer:
        events = events_of(answer.iter_lines())
        assert next(events).name == "progress"
        with tenant_context(tenant):
            assert sessions_end(user=User.objects.get(username="ann")) == 1
        assert [event.name for event in events] == ["end"]


def test_a_hundred_streams_hold_no_connection_and_pages_are_served(
    tenant: Tenant, key: str, origin: str
) -> None:
    batch = announce(tenant, FILES)
    before = connections()

    async def listen() -> None:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(limits=limits, timeout=60) as client:
            streams = [
                await client.send(
                    client.build_request("GET", url(origin, batch), headers=headers(key)),
                    stream=True,
                )
                for _ in range(100)
            ]
            assert {stream.status_code for stream in streams} == {200}
            lines = [stream.aiter_lines() for stream in streams]
            assert {await anext(each) for each in lines} == {"retry: 3000"}
            # One for the thread that looks for all, one for a page, and the one that counts.
            assert await sync_to_async(connections)() <= before + 3
            page = await client.get(
                f"{origin}/api/v1/documents", headers=headers(key, Accept="*/*")
            )
            assert page.status_code == 200
            for stream in streams:
                await stream.aclose()

    asyncio.run(listen())
    wait_until(lambda: not HUB._streams)


def test_a_tenant_has_so_many_streams_and_no_more(
    tenant: Tenant, key: str, origin: str, settings: Any
) -> None:
    settings.STREAMS_PER_TENANT = 1
    batch = announce(tenant, FILES)
    with httpx.stream("GET", url(origin, batch), headers=headers(key), timeout=SOON) as answer:
        # Kept: an iterator that is let go closes the stream.
        events = events_of(answer.iter_lines())
        assert next(events).name == "progress"
        refused = httpx.get(url(origin, batch), headers=headers(key), timeout=SOON)
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert int(refused.headers["Retry-After"]) > 0
    wait_until(lambda: not HUB._streams)

    def let_in() -> bool:
        with httpx.stream("GET", url(origin, batch), headers=headers(key), timeout=SOON) as again:
            return again.status_code == 200

    wait_until(let_in)


def test_without_asgi_it_is_the_present_state(acme: Tenant, globex: Tenant) -> None:
    batch = received(acme, FILES)
    presented = api_key_issue(tenant=acme, name="k", scopes=[Scope.INGEST], actor="tester")[1]
    client = Client(headers={"Authorization": f"Bearer {presented}"})
    answer = client.get(f"/api/v1/batches/{batch.pk}/events")
    lines = answer.content.decode().split("\n")
    assert [event.name for event in events_of(iter(lines))] == ["progress"]
    work_off(acme, batch)
    with tenant_context(acme):
        assert batch_settle(acme, batch.pk)


def connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
