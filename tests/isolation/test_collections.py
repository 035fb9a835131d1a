"""Every endpoint, tried within a tenant for what lies in a collection that the caller cannot read.

What is secret is what the database shows to the platform and not to somebody without groups:
found by asking it twice, not listed here.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client

from intake.models import Collection
from intake.services import document_receive
from processing.runner import run_advance
from processing.services import run_start
from search.results import QueryFilters
from search.services import search
from tenants.access.people import staff_create
from tenants.access.readers import EVERYTHING, reader_of
from tenants.access.roles import TENANT_ADMIN
from tenants.context import reading, tenant_context
from tenants.models import Scope, Tenant
from tests.isolation.asking import VALUES, assignments, body_of, nowhere_like
from tests.isolation.attacks import Answer, Caller, leak_of
from tests.isolation.opening import World
from tests.isolation.report import count
from tests.isolation.surfaces import Endpoint, endpoints, query_names
from tests.isolation.world import (
    ACTOR,
    PASSWORD,
    PLUMBING,
    Material,
    _as_json,
    _harvest_table,
    tables_of,
)

pytestmark = pytest.mark.django_db

WORD = "Vintergrav"
FILES = {
    f"{WORD.lower()}.txt": f"{WORD} takeover\n\nThe {WORD} bid ends on the ninth of May.\n".encode()
}
SHELF, READERS = "quillhaven", "orlomund"
NEW_EACH_TIME = {"person_invite": "each link is another"}
"""Endpoints whose answers differ from request to request, so that two are not compared."""
MANAGED = frozenset({"collection", "group"})
"""Kinds of canaries that those who manage access may see."""
RECORDED = frozenset({"id", "hash"})
"""Kinds that those who audit may see: the record is complete, and tells no content."""

ROUTES = sorted(endpoints(settings.ROOT_URLCONF), key=str)
each_route = pytest.mark.parametrize("endpoint", ROUTES, ids=lambda endpoint: "/" + endpoint.route)


@dataclass(frozen=True, eq=False)
class Inside:
    """A tenant's secret, its like that exists nowhere, who reads it, and everybody else."""

    secret: Material
    nowhere: Material
    member: Caller
    outsiders: tuple[Caller, ...]

    @property
    def curious(self) -> tuple[Caller, ...]:
        """Those outsiders who get furthest; the others may do a part of what they may."""
        return tuple(each for each in self.outsiders if each.is_strong or "user" in each.name)

    @property
    def host(self) -> str:
        """Where all of them knock: at home."""
        return self.secret.host


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def inside(world: World) -> Inside:
    """In acme; globex, which is filled alike, stays what it is."""
    secret = _secret(world.acme, world.own)
    outsiders = (caller for caller in world.attackers if not caller.name.startswith("platform"))
    return Inside(
        secret=secret,
        nowhere=_nowhere(secret),
        member=_member(world.acme),
        outsiders=tuple(outsiders),
    )


def _secret(tenant: Tenant, own: Material) -> Material:
    """Hand a file in to a restricted collection, and return what nobody else may see."""
    with tenant_context(tenant):
        shelf = Collection.objects.create(name=SHELF, restricted=True)
        shelf.groups.add(Group.objects.create(name=READERS))
    for filename, data in FILES.items():
        with tenant_context(tenant):
            receipt = document_receive(
                tenant=tenant,
                filename=filename,
                stream=BytesIO(data),
                actor=ACTOR,
                collection=SHELF,
                metadata={"project": SHELF},
            )
            assert receipt.document is not None
            run_advance(
                tenant=tenant, run_id=run_start(tenant=tenant, document=receipt.document).pk
            )
    every, hashes = _seen_by(tenant, EVERYTHING)
    seen, seen_hashes = _seen_by(tenant, reader_of([]))
    # The newest first: of each column some few are tried.
    hidden = {
        column: tuple(value for value in values[::-1] if value not in seen.get(column, ()))
        for column, values in every.items()
    }
    # Numbers are nobody's secret, and addresses want some of them.
    numbers = {column: own.ids[column] for column in own.ids if own.ids[column][0].isdigit()}
    secret = replace(
        own,
        words=replace(own.words, filename=SHELF),
        ids={**numbers, **{column: values for column, values in hidden.items() if values}},
        files=FILES,
        proof=_proof(tenant),
    )
    ids = {value for values in hidden.values() for value in values if value in secret.uuids}
    canaries = {
        WORD.lower(): "content",
        **dict.fromkeys(ids, "id"),
        **dict.fromkeys(hashes - seen_hashes, "hash"),
        SHELF: "collection",
        READERS: "group",
    }
    return replace(secret, canaries=canaries)


def _nowhere(secret: Material) -> Material:
    """Return the like of the secret that exists nowhere; what is no secret here stays."""
    nowhere, words = secret.nowhere(), secret.words
    return replace(
        nowhere,
        slug=secret.slug,
        words=replace(words, filename=nowhere.words.filename),
        key_ids=secret.key_ids,
        password=secret.password,
    )


def _seen_by(tenant: Tenant, reader: str) -> tuple[dict[str, tuple[str, ...]], set[str]]:
    """Return the ids by `table.column` and the hashes that a reader sees in the tenant's schema."""
    ids: dict[str, tuple[str, ...]] = {}
    hashes: set[str] = set()
    with tenant_context(tenant), reading(reader):
        for table in set(tables_of(tenant.schema_name)) - PLUMBING:
            _harvest_table(table, ids, hashes)
    return ids, hashes


def _proof(tenant: Tenant) -> dict[str, object]:
    with tenant_context(tenant):
        hit = search(
            tenant=tenant,
            query_text=f"When does the {WORD} bid end?",
            filters=QueryFilters(collections=(SHELF,)),
            actor=ACTOR,
        ).hits[0]
    assert WORD in hit.text
    fields = hit.proof.__dataclass_fields__
    return {name: _as_json(getattr(hit.proof, name)) for name in fields}


def _member(tenant: Tenant) -> Caller:
    user = staff_create(tenant=tenant, username="mia", password=PASSWORD, role=TENANT_ADMIN)
    client = Client(raise_request_exception=False)
    with tenant_context(tenant):
        user.groups.add(Group.objects.get(name=READERS))
        client.force_login(User.objects.get(pk=user.pk))
    return Caller("member", client)


def _may_see(caller: Caller, endpoint: Endpoint) -> frozenset[str]:
    """Return what is no secret to this caller at this address."""
    manages = caller.name in {"session tenant_admin", "token"} or Scope.ADMIN in caller.name
    audits = "audit" in endpoint.route
    return (MANAGED if manages else frozenset()) | (RECORDED if audits else frozenset())


def _is_comparable(endpoint: Endpoint, may_see: frozenset[str]) -> bool:
    """Whether the caller must not tell the secret from nothing by two answers."""
    is_managed = may_see >= MANAGED and bool(MANAGED & set(endpoint.parameters))
    return not (is_managed or may_see >= RECORDED or endpoint.name in NEW_EACH_TIME)


def _ask(
    inside: Inside, caller: Caller, endpoint: Endpoint, method: str, values: dict[str, str]
) -> tuple[Answer, str]:
    """Send a request for the secret and its like for nothing; return the answer and the leak."""
    secret, nowhere = inside.secret, inside.nowhere
    body, other_body = (body_of(endpoint, method, each) for each in (secret, nowhere))
    others = nowhere_like(values, secret, nowhere)
    may_see = _may_see(caller, endpoint)
    answer = caller.send(method, endpoint.address(values), host=inside.host, body=body)
    twin = None
    if _is_comparable(endpoint, may_see) and (others, other_body) != (values, body):
        address = endpoint.address(others)
        twin = caller.send(method, address, host=inside.host, body=other_body)
    leak = leak_of(
        answer,
        twin,
        caller=caller,
        victim=secret,
        named=((*values.values(), *body.sent), (*others.values(), *other_body.sent)),
        may_see=may_see,
    )
    return answer, leak


@each_route
def test_outsiders_learn_nothing(inside: Inside, endpoint: Endpoint) -> None:
    leaks = []
    for method in endpoint.methods:
        for values in assignments(endpoint, inside.secret):
            for caller in inside.outsiders:
                _answer, leak = _ask(inside, caller, endpoint, method, values)
                count("within a tenant: hidden collections", leaks=bool(leak))
                leaks += [f"{caller.name}: {method} {values}: {leak}"] if leak else []
    assert not leaks, f"/{endpoint.route}\n" + "\n".join(leaks[:5])


@each_route
def test_names_in_queries_open_nothing(inside: Inside, endpoint: Endpoint) -> None:
    if "GET" not in endpoint.methods or endpoint.parameters:
        return
    leaks = []
    for name in sorted(query_names()):
        for value in VALUES.get(name, _none)(inside.secret)[:2]:
            for caller in inside.curious:
                address, query = endpoint.address({}), {name: value}
                answer = caller.send("GET", address, host=inside.host, query=query)
                may_see = _may_see(caller, endpoint)
                leak = leak_of(
                    answer,
                    None,
                    caller=caller,
                    victim=inside.secret,
                    named=((value,), ()),
                    may_see=may_see,
                )
                count("within a tenant: hidden collections", leaks=bool(leak))
                leaks += [f"{caller.name}: {query}: {leak}"] if leak else []
    assert not leaks, f"/{endpoint.route}\n" + "\n".join(leaks[:5])


def _none(_material: Material) -> tuple[str, ...]:
    return ()


SHOWN_TO_MEMBERS = {
    "documents",
    "document",
    "receipts",
    "receipt",
    "api:documents",
    "api:document",
    "api:chunks",
    "api:receipt",
    "api:query",
}
"""Endpoints that show the secret to whoever reads it: an attack on others would prove nothing."""


def test_control_a_member_is_shown_it(inside: Inside) -> None:
    shown = set()
    for endpoint in ROUTES:
        for method in endpoint.methods:
            for values in assignments(endpoint, inside.secret):
                _answer, leak = _ask(inside, inside.member, endpoint, method, values)
                if leak and not leak.startswith("tells"):
                    shown.add(endpoint.name)
    assert shown >= SHOWN_TO_MEMBERS


def test_there_is_something_of_every_kind_to_find(inside: Inside, world: World) -> None:
    kinds = set(inside.secret.canaries.values())
    assert kinds == {"content", "id", "hash", "collection", "group"}
    with tenant_context(world.acme), reading(reader_of([])):
        assert not Collection.objects.filter(restricted=True).exists()
    assert world.victim.slug == "globex"
