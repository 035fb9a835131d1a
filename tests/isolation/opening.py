"""Two filled tenants with everyone who calls for them, and which requests open which doors.

What works for a tenant's own caller is what a thief would repeat: it shows which values an address
wants, and that an attack is no mere nonsense which anything would refuse.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from itertools import islice
from typing import Final

from tenants.models import Tenant
from tests.isolation.asking import Body, assignments, body_of
from tests.isolation.attacks import (
    PUBLIC_HOST,
    Answer,
    Caller,
    callers_of,
    platform_callers,
    visitor,
)
from tests.isolation.surfaces import Endpoint
from tests.isolation.world import Material, apart, fill

_SEARCHED: Final = 300
"""So many values at most are tried for finding one that works."""


@dataclass(frozen=True, eq=False)
class World:
    """Two filled tenants, who calls for each, and the like of the victim that exists nowhere."""

    acme: Tenant
    globex: Tenant
    own: Material
    victim: Material
    nowhere: Material
    attackers: tuple[Caller, ...]
    victims_own: tuple[Caller, ...]

    @property
    def hosts(self) -> tuple[str, str, str]:
        """Where an attacker may knock: at home, at the victim's, and at the platform's own."""
        return self.own.host, self.victim.host, PUBLIC_HOST


@dataclass(frozen=True, slots=True)
class Opened:
    """A request that works for a tenant's own caller."""

    caller: Caller
    host: str
    values: dict[str, str]
    answer: Answer


def world_of(acme: Tenant, globex: Tenant) -> World:
    """Fill both tenants and let everyone sign in."""
    own, victim = fill(acme), fill(globex)
    own, victim = apart(victim, own), apart(own, victim)
    outsiders = (*platform_callers(), visitor())
    own_callers, victims_own = callers_of(acme, own), callers_of(globex, victim)
    victim = replace(victim, cursors=_cursors(victim, victims_own))
    return World(
        acme=acme,
        globex=globex,
        own=own,
        victim=victim,
        nowhere=victim.nowhere(),
        attackers=(*own_callers, *outsiders),
        victims_own=(*victims_own, *outsiders),
    )


@cache
def opened_by_own(world: World, endpoint: Endpoint, method: str) -> tuple[Opened, ...]:
    """Return, for each of the attackers, the first request for their own things that works."""
    found = [_opened(endpoint, method, caller, world.own) for caller in world.attackers]
    return tuple(opened for opened in found if opened is not None)


@cache
def natural_values(world: World, endpoint: Endpoint, method: str) -> dict[str, str]:
    """Return the values with which the victim's own callers get through, or the first ones."""
    for caller in world.victims_own:
        opened = _opened(endpoint, method, caller, world.victim)
        if opened is not None:
            return opened.values
    return next(assignments(endpoint, world.victim))


def is_offered(world: World, endpoint: Endpoint, method: str) -> bool:
    """Return whether no caller is told that the method is not offered there."""
    values = next(assignments(endpoint, world.own))
    address, body = endpoint.address(values), body_of(endpoint, method, world.own)
    return not any(
        caller.send(method, address, host=host, body=body).status == HTTPStatus.METHOD_NOT_ALLOWED
        for caller in world.attackers
        for host in (world.own.host, PUBLIC_HOST)
    )


def _opened(endpoint: Endpoint, method: str, caller: Caller, material: Material) -> Opened | None:
    return next(_openings(endpoint, method, caller, material), None)


def _openings(
    endpoint: Endpoint, method: str, caller: Caller, material: Material
) -> Iterator[Opened]:
    body = body_of(endpoint, method, material)
    for host in (material.host, PUBLIC_HOST):
        for values in islice(assignments(endpoint, material), _SEARCHED):
            answer = caller.send(method, endpoint.address(values), host=host, body=body)
            if answer.is_good:
                yield Opened(caller, host, values, answer)
            if answer.status in {401, 403, 405} or answer.is_sign_in:
                break


def _cursors(victim: Material, callers: list[Caller]) -> tuple[str, ...]:
    """Return cursors of the victim's lists, as its own callers get them."""
    found = []
    for path in ("/api/v1/documents", "/api/v1/audit/events"):
        for caller in callers:
            query = {"page_size": "1"}
            answer = caller.send("GET", path, host=victim.host, body=Body(), query=query)
            found += answer.cursors
    return tuple(dict.fromkeys(found))
