"""Every endpoint, tried with one tenant's sessions and keys for what is the other's."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import path

from intake.models import Document
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.isolation.asking import (
    BODIES,
    UNREACHED,
    VALUES,
    Body,
    assignments,
    body_of,
    key_of,
    nowhere_like,
)
from tests.isolation.attacks import Answer, Caller, leak_of
from tests.isolation.opening import Opened, World, is_offered, natural_values, opened_by_own
from tests.isolation.report import count
from tests.isolation.surfaces import Endpoint, all_endpoints, endpoints, query_names, request_names
from tests.isolation.world import MAY_BE_EMPTY, Material, count_rows, state_of

pytestmark = pytest.mark.django_db

MAY_WRITE_AT_VICTIM = {
    "login": "a refused sign-in is on the record of the tenant at whose door it was",
    "oidc_login": "so is a way to an identity provider that failed",
}
DEEP = 2
"""So many of the callers who get through try everything; they differ in little."""

ROUTES = sorted({endpoint.route: endpoint for endpoint in all_endpoints()}.values(), key=str)
each_route = pytest.mark.parametrize("endpoint", ROUTES, ids=lambda endpoint: "/" + endpoint.route)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of refusals are not worth a line each."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@dataclass(frozen=True, slots=True)
class Twin:
    """The answer to a request for what exists nowhere, and what that request named."""

    answer: Answer
    sent: tuple[str, ...]


class Attack:
    """Requests in the name of acme for what is globex's, each beside its like that is nobody's."""

    def __init__(self, world: World, endpoint: Endpoint, surface: str) -> None:
        self.world, self.endpoint, self.surface = world, endpoint, surface
        # A thief knows names and ids, no passwords.
        self.stolen = replace(world.victim, password=world.nowhere.password)
        self.leaks: list[str] = []
        self._twins: dict[tuple[str, ...], Twin | None] = {}

    def __call__(
        self,
        caller: Caller,
        host: str,
        method: str,
        values: Mapping[str, str],
        query: Mapping[str, str] | None = None,
    ) -> None:
        """Send both, and keep what leaks."""
        world, query = self.world, query or {}
        body = self._body(method, self.stolen)
        before = state_of(world.globex)
        answer = self._send(caller, host, method, values, query, body)
        twin = self._twin(caller, host, method, values, query)
        leak = leak_of(
            answer,
            twin.answer if twin else None,
            caller=caller,
            victim=world.victim,
            named=((*values.values(), *query.values(), *body.sent), twin.sent if twin else ()),
            may_see=frozenset({"name"} if host == world.victim.host else ()),
        )
        self._note(leak or self._writes_since(before), f"{caller.name} by {host}: {method} {query}")

    def _twin(
        self,
        caller: Caller,
        host: str,
        method: str,
        values: Mapping[str, str],
        query: Mapping[str, str],
    ) -> "Twin | None":
        """Send the like for what exists nowhere: once, since nothing is like nothing.

        None where the request names nothing of the victim's.
        """
        key = (caller.name, host, method, *query)
        if key not in self._twins:
            world = self.world
            others = nowhere_like(values, world.victim, world.nowhere)
            others_query = nowhere_like(query, world.victim, world.nowhere)
            body = self._body(method, world.nowhere)
            same = (values, query, self._body(method, self.stolen))
            if (others, others_query, body) == same:
                self._twins[key] = None
            else:
                answer = self._send(caller, host, method, others, others_query, body)
                sent = (*others.values(), *others_query.values(), *body.sent)
                self._twins[key] = Twin(answer, sent)
        return self._twins[key]

    def _send(
        self,
        caller: Caller,
        host: str,
        method: str,
        values: Mapping[str, str],
        query: Mapping[str, str],
        body: Body,
    ) -> Any:
        return caller.send(method, self.endpoint.address(values), host=host, body=body, query=query)

    def _body(self, method: str, material: Material) -> Body:
        return body_of(self.endpoint, method, material)

    def _writes_since(self, before: tuple[Any, ...]) -> str:
        if before == state_of(self.world.globex) or self.endpoint.name in MAY_WRITE_AT_VICTIM:
            return ""
        return "something of the victim was written"

    def _note(self, leak: str, asked: str) -> None:
        count(self.surface, leaks=bool(leak))
        if leak:
            self.leaks.append(f"{asked}: {leak}")

    def assert_no_leaks(self) -> None:
        """Fail with the first few."""
        assert not self.leaks, f"/{self.endpoint.route}\n" + "\n".join(self.leaks[:5])


def surface_of(endpoint: Endpoint) -> str:
    """Return the line of the table that an endpoint counts for."""
    if endpoint.is_api:
        return "http: API"
    return "http: console" if endpoint.route.startswith("console/") else "http: pages"


@each_route
def test_everyone_knocks_everywhere(world: World, endpoint: Endpoint) -> None:
    """Every caller, by every host, for what the victim's own callers would get there."""
    attack = Attack(world, endpoint, surface_of(endpoint))
    for method in endpoint.methods:
        values = natural_values(world, endpoint, method)
        for caller in world.attackers:
            if caller.knows_tenants and method != "GET":
                continue  # An operator's changes to tenants are no attacks.
            for host in world.hosts if caller.is_strong else world.hosts[:1]:
                attack(caller, host, method, values)
    attack.assert_no_leaks()


@each_route
def test_every_id_of_the_victim(world: World, endpoint: Endpoint) -> None:
    """Callers to whom the door opens for their own things, with ids of every kind of the victim."""
    attack = Attack(world, endpoint, "ids in addresses")
    for method in endpoint.methods if endpoint.parameters else ():
        for opened in insiders(world, endpoint, method):
            for values in assignments(endpoint, world.victim):
                attack(opened.caller, opened.host, method, values)
    attack.assert_no_leaks()


@each_route
def test_every_name_in_a_query(world: World, endpoint: Endpoint) -> None:
    """The same callers, for their own things, with the victim's under every name of a query."""
    attack = Attack(world, endpoint, "ids, names and cursors in queries")
    for opened in insiders(world, endpoint, "GET")[:1]:
        for name in sorted(query_names()):
            for value in VALUES[name](world.victim)[:2]:
                attack(opened.caller, opened.host, "GET", opened.values, {name: value})
    attack.assert_no_leaks()


def insiders(world: World, endpoint: Endpoint, method: str) -> tuple[Opened, ...]:
    """Return some of the attackers to whom the door opens, none of them an operator."""
    opened = opened_by_own(world, endpoint, method)
    return tuple(each for each in opened if not each.caller.knows_tenants)[:DEEP]


@each_route
def test_an_endpoint_opens_to_its_own_tenant_or_says_why_not(
    world: World, endpoint: Endpoint
) -> None:
    """An attack that nobody could make succeed proves nothing."""
    for method in endpoint.methods:
        is_open = bool(opened_by_own(world, endpoint, method))
        name = key_of(endpoint, method)
        assert is_open or name in UNREACHED or not is_offered(world, endpoint, method), (
            f"No caller of the own tenant gets through to {method} /{endpoint.route}. Give it a "
            f"body in tests/isolation/asking.py BODIES, under {name!r}, or a reason in UNREACHED."
        )
        assert not (is_open and name in UNREACHED), f"{name} is open: take it out of UNREACHED."


def test_tables_name_only_what_there_is() -> None:
    known = {key_of(endpoint, method) for endpoint in ROUTES for method in endpoint.methods}
    assert set(UNREACHED) <= known
    assert set(BODIES) <= known


def test_every_parameter_has_values() -> None:
    missing = {
        name
        for endpoint in ROUTES
        for name, kind in endpoint.parameters.items()
        if kind != "uuid" and name not in VALUES
    }
    assert not missing, "say in tests/isolation/asking.py VALUES what to send for these"


def test_every_name_that_the_code_reads_from_a_request_has_values() -> None:
    read = request_names()
    missing = (query_names() | read["POST"] | read["FILES"]) - set(VALUES)
    assert not missing, "say in tests/isolation/asking.py VALUES what to send for these"


def test_the_tenants_have_everything_that_a_tenant_can_have(world: World) -> None:
    for tenant in (world.acme, world.globex):
        empty = {table for table, rows in count_rows(tenant).items() if rows == 0}
        assert empty == set(MAY_BE_EMPTY), (
            "fill these in tests/isolation/world.py, or say in MAY_BE_EMPTY why not"
        )


def leaky_views(globex: Tenant) -> tuple[Any, ...]:
    """Addresses that do what none may do: tell a file name, tell that it exists, write."""

    def tells(_request: HttpRequest, document_id: UUID) -> HttpResponse:
        with tenant_context(globex):
            found = Document.objects.filter(pk=document_id).first()
        return HttpResponse(found.filename if found else "", status=200 if found else 404)

    def betrays(_request: HttpRequest, document_id: UUID) -> HttpResponse:
        with tenant_context(globex):
            exists = Document.objects.filter(pk=document_id).exists()
        return HttpResponse("no", status=403 if exists else 404)

    def writes(_request: HttpRequest, document_id: UUID) -> HttpResponse:
        with tenant_context(globex):
            Document.objects.filter(pk=document_id).update(uploaded_by="somebody else")
        return HttpResponse("no")

    views = {"tells": tells, "betrays": betrays, "writes": writes}
    return tuple(
        path(f"leaky/{name}/<uuid:document_id>/", view, name=name) for name, view in views.items()
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [("tells", "filename"), ("betrays", "tells that it exists"), ("writes", "was written")],
)
def test_control_a_view_that_leaks_is_caught(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    settings.ROOT_URLCONF = leaky_views(world.globex)
    monkeypatch.setattr("tests.isolation.test_http.count", lambda *_args, **_counts: None)
    endpoint = next(each for each in endpoints(settings.ROOT_URLCONF) if each.name == name)
    attack = Attack(world, endpoint, "control")
    values = {"document_id": world.victim.first("intake_document.id")}
    attack(world.attackers[0], world.own.host, "GET", values)
    with pytest.raises(AssertionError, match=said):
        attack.assert_no_leaks()
