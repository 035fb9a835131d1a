"""Beyond plain requests: host names, caches, conditional requests, cursors, forged keys, copies."""

import base64
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest
from django.test import Client

from tests.isolation.asking import body_of
from tests.isolation.attacks import PUBLIC_HOST, Answer, Caller, leak_of
from tests.isolation.opening import World, natural_values
from tests.isolation.report import count
from tests.isolation.surfaces import Endpoint, all_endpoints
from tests.isolation.world import Material

pytestmark = pytest.mark.django_db

ROUTES = sorted({endpoint.route: endpoint for endpoint in all_endpoints()}.values(), key=str)
READ = [endpoint for endpoint in ROUTES if "GET" in endpoint.methods]
FAR_AWAY = "Fri, 01 Jan 2100 00:00:00 GMT"
LISTS = ("/api/v1/documents", "/api/v1/audit/events")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def strong(world: World) -> list[Caller]:
    """Return the attackers that may do most, operators apart."""
    return [each for each in world.attackers if each.is_strong and not each.knows_tenants]


def judge(
    world: World, surface: str, answer: Answer, caller: Caller, sent: tuple[str, ...] = ()
) -> None:
    """Count a try; fail if the answer holds anything of the victim."""
    leak = leak_of(
        answer,
        None,
        caller=caller,
        victim=world.victim,
        named=(sent, ()),
        may_see=frozenset({"name"}),
    )
    count(surface, leaks=bool(leak))
    assert not leak


HOST_TRICKS: Mapping[str, Callable[[World], dict[str, str]]] = {
    "forwarded": lambda w: {"host": w.own.host, "x-forwarded-host": w.victim.host},
    "forwarded, other way": lambda w: {"host": w.victim.host, "x-forwarded-host": w.own.host},
    "forwarded standard": lambda w: {"host": w.own.host, "forwarded": f"host={w.victim.host}"},
    "original": lambda w: {"host": w.own.host, "x-original-host": w.victim.host},
    "original url": lambda w: {"host": w.own.host, "x-original-url": f"//{w.victim.host}/"},
    "tenant header": lambda w: {"host": w.own.host, "x-tenant": w.victim.slug},
    "upper case": lambda w: {"host": w.victim.host.upper()},
    "port": lambda w: {"host": f"{w.victim.host}:8000"},
    "trailing dot": lambda w: {"host": f"{w.victim.host}."},
    "two labels": lambda w: {"host": f"{w.own.slug}.{w.victim.host}"},
    "two labels, other way": lambda w: {"host": f"{w.victim.slug}.{w.own.host}"},
    "user part": lambda w: {"host": f"{w.own.host}@{w.victim.host}"},
    "list": lambda w: {"host": f"{w.own.host}, {w.victim.host}"},
    "schema name": lambda w: {"host": f"t_{w.victim.slug}.localhost"},
}


@pytest.mark.parametrize("trick", HOST_TRICKS)
def test_no_host_name_leads_to_another_tenant(world: World, trick: str) -> None:
    headers = HOST_TRICKS[trick](world)
    host = headers.pop("host")
    paths = [
        *LISTS,
        "/",
        "/receipts/",
        f"/documents/{world.victim.first('intake_document.id')}/",
        f"/api/v1/documents/{world.victim.first('intake_document.id')}/chunks",
    ]
    for caller in strong(world):
        for path in paths:
            answer = caller.send("GET", path, host=host, headers=headers)
            judge(world, "host names", answer, caller, (path.split("/")[-2],))


@pytest.mark.parametrize("endpoint", READ, ids=lambda endpoint: "/" + endpoint.route)
def test_nothing_is_answered_from_a_cache(world: World, endpoint: Endpoint) -> None:
    """The victim looks; then the same address is asked with all that its answer told to send."""
    values = natural_values(world, endpoint, "GET")
    address = endpoint.address(values)
    for looker in world.victims_own:
        first = looker.send("GET", address, host=world.victim.host)
        if not first.is_good:
            continue
        assert_kept_by_nobody(first, world.victim)
        conditional = {
            "if-none-match": first.headers.get("ETag", "*"),
            "if-modified-since": first.headers.get(
                "Last-Modified", "Fri, 01 Jan 2100 00:00:00 GMT"
            ),
            "range": "bytes=0-999999",
        }
        for caller in strong(world):
            answer = caller.send("GET", address, host=world.own.host, headers=conditional)
            judge(world, "caches and conditions", answer, caller, tuple(values.values()))
            assert answer.status != 304


def assert_kept_by_nobody(answer: Answer, owner: Material) -> None:
    """An answer that holds a tenant's own things must say that no shared cache may keep it."""
    if not any(canary in answer.everything for canary in owner.canaries):
        return
    control = answer.headers.get("Cache-Control", "")
    varies = {name.strip().lower() for name in answer.headers.get("Vary", "").split(",")}
    is_kept_apart = "no-store" in control or "private" in control
    assert is_kept_apart or varies & {"cookie", "authorization"}, answer.headers


def test_cursors_of_another_tenant(world: World) -> None:
    assert len(world.victim.cursors) >= 2
    for caller in strong(world):
        for cursor in (*world.victim.cursors, *(tampered(each) for each in world.victim.cursors)):
            for path in LISTS:
                for host in (world.own.host, PUBLIC_HOST):
                    answer = caller.send("GET", path, host=host, query={"cursor": cursor})
                    judge(world, "cursors", answer, caller)
                    assert answer.status < 500


def tampered(cursor: str) -> str:
    """Return the cursor pointing before everything."""
    text = base64.b64decode(cursor + "==").decode()
    return base64.b64encode(f"{text}&p=1000-01-01".encode()).decode()


def test_keys_made_up_from_what_is_known_of_the_victim(world: World) -> None:
    holder = next(each for each in world.attackers if each.name.startswith("key ingest+"))
    own_key = holder.client.defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    head, slug, key_id, secret = own_key.split("_")
    victims_id = world.victim.key_ids[0]
    forged = [
        f"{head}_{world.victim.slug}_{key_id}_{secret}",
        f"{head}_{world.victim.slug}_{victims_id}_{secret}",
        f"{head}_{slug}_{victims_id}_{secret}",
        f"{head}_{world.victim.slug}_{victims_id}_",
        f"{head}_{world.victim.slug}_{victims_id}_%",
        f"{own_key}_{world.victim.slug}",
        f"{own_key} {head}_{world.victim.slug}_{victims_id}_{secret}",
    ]
    for text in forged:
        caller = Caller("forged key", Client(headers={"authorization": f"Bearer {text}"}))
        for host in world.hosts:
            for path in LISTS:
                answer = caller.send("GET", path, host=host)
                judge(world, "forged keys", answer, caller)
                assert answer.status == 401


@pytest.mark.parametrize("name", ["POST api:documents", "POST upload"])
def test_the_victims_own_bytes_are_news_here(world: World, name: str) -> None:
    """Whether another tenant has a file cannot be found out by handing it in."""
    endpoint = next(each for each in ROUTES if f"POST {each.name}" == name)
    for caller in strong(world):
        for filename, data in world.victim.files.items():
            known = _hand_in(world, caller, endpoint, {filename: data})
            unknown = _hand_in(world, caller, endpoint, {filename: data[:-1] + b"!"})
            if known.is_good:
                count("copies", leaks=known.status != unknown.status)
                assert known.status == unknown.status
                assert '"is_duplicate":true' not in known.text.replace(" ", "")


def _hand_in(
    world: World, caller: Caller, endpoint: Endpoint, files: Mapping[str, bytes]
) -> Answer:
    body = body_of(endpoint, "POST", replace(world.victim, files=files))
    return caller.send("POST", endpoint.address({}), host=world.own.host, body=body)
