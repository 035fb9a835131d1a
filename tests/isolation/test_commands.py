"""Commands in one tenant's name with everything of the other's as their arguments."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.db import transaction
from django.test import Client
from pytest_django import DjangoDbBlocker

from tenants.access.oidc.config import IdentityProvider
from tenants.access.people import operator_create, platform_key_issue
from tenants.access.roles import TENANT_USER
from tenants.models import Tenant
from tenants.services import tenant_suspend
from tenants.stores import for_tenant
from tests.isolation.attacks import Answer, Caller, leak_of
from tests.isolation.commanding import (
    ENTERS,
    LEFT_OUT,
    NOT_ATTACKED,
    OWN,
    VALUES,
    Door,
    Given,
    Line,
    call,
    doors,
    issuer_of,
    lines,
    unknown,
    write_files,
)
from tests.isolation.opening import World
from tests.isolation.report import count
from tests.isolation.surfaces import own_commands
from tests.isolation.world import ACTOR, PASSWORD, state_of, username_of

pytestmark = pytest.mark.django_db

NOT_OPENED: Final = {
    "oidc set": "asks a provider; tests/oidc starts one",
    "pipeline resume": "nothing is paused; tests/processing pauses and resumes",
    "tenant create": "the attack is a slug that is taken; see test_life",
    "tenant deprovision": "would take the tenant away for good; see test_life",
    "tenant retry": "goes on only where something failed; see test_life",
}
"""Calls that do not work here for the tenant itself either, and why."""

TELLS: Final = {"tenant list": frozenset({"name"})}
"""What a call in nobody's name tells of every tenant, by design: the kinds of its canaries."""

TURNED: Final = "keys rotate"
"""It seals objects anew, which no rollback takes back; so its rows stay as well."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module", autouse=True)
def _emptied(_tenants: list[Tenant], django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Remove, once the world is rolled back, objects that are sealed with a key of that world."""
    yield
    with django_db_blocker.unblock():
        objects = for_tenant(Tenant.objects.get(slug="acme")).objects
        for key in list(objects.list()):
            objects.delete(key)


@pytest.fixture(scope="module")
def typed(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Given]:
    """What is typed of the attacker's own, of the victim's, and of what is nowhere.

    Both tenants get an identity provider, which the other tests' sign-ins do without.
    """
    for tenant, material in ((world.acme, world.own), (world.globex, world.victim)):
        words = material.words
        provider = IdentityProvider(
            name=words.name, issuer=issuer_of(material), client_id=words.staff
        )
        Tenant.objects.filter(pk=tenant.pk).update(sign_in=provider.model_dump(mode="json"))
    folder: Path = tmp_path_factory.mktemp("typed")
    return {
        "own": write_files(world.own, folder / "own"),
        "theirs": write_files(world.victim, folder / "theirs"),
        "nowhere": write_files(world.victim, folder / "nowhere", instead=world.nowhere),
    }


def prepare(world: World, door: Door) -> None:
    """Make what a call needs to have something to do for the attacker."""
    if str(door) == "tenant resume":
        tenant_suspend(tenant=Tenant.objects.get(pk=world.acme.pk), actor=ACTOR)
    if door.command == "operator":
        person = operator_create(
            username=username_of(world.own.words, TENANT_USER), password=PASSWORD
        )
        key, _text = platform_key_issue(owner=person, name="named", actor=ACTOR)
        type(key).objects.filter(pk=key.pk).update(key_id=world.own.key_ids[0])


def run(world: World, door: Door, line: Line, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Call a command, and take back what it wrote.

    What would wait for a commit is done at once, since none comes: so files get their runs.
    """
    monkeypatch.setattr(transaction, "on_commit", lambda act, **_options: act())
    with transaction.atomic():
        prepare(world, door)
        answer = call(door, line, monkeypatch, typed=world.globex.slug)
        transaction.set_rollback(str(door) != TURNED)
    return answer


def test_every_command_is_attacked_or_says_why_not() -> None:
    assert set(NOT_ATTACKED) < set(own_commands())
    assert {door.command for door in doors()} | set(NOT_ATTACKED) == set(own_commands())


def test_every_argument_of_every_command_is_known() -> None:
    found = {str(door): unknown(door) for door in doors()}
    assert not any(found.values()), f"say in commanding.VALUES what to give: {found}"
    offered = {action.dest for door in doors() for action in door.arguments}
    assert offered >= OWN | set(VALUES) | set(LEFT_OUT)
    assert {str(door) for door in doors()} >= {*NOT_OPENED, *TELLS, TURNED}


@pytest.mark.parametrize("door", doors(), ids=str)
def test_a_command_neither_tells_nor_touches_anything_of_another_tenant(
    world: World, typed: dict[str, Given], door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = Caller("command line", Client(), TELLS.get(str(door), frozenset()))
    theirs, nowhere = (lines(door, typed[w], own=world.acme.slug) for w in ("theirs", "nowhere"))
    has_twin = door.is_in_a_tenants_name and str(door) != ENTERS
    before = state_of(world.globex)
    for line, like in zip(theirs, nowhere, strict=True):
        answer = run(world, door, line, monkeypatch)
        twin = run(world, door, like, monkeypatch) if has_twin and like != line else None
        leak = leak_of(
            answer, twin, caller=caller, victim=world.victim, named=(line.sent, like.sent)
        )
        if state_of(world.globex) != before:
            leak = f"{leak} wrote"
        count("commands", leaks=bool(leak))
        assert not leak, (line, answer.text)


@pytest.mark.parametrize("door", [d for d in doors() if str(d) not in NOT_OPENED], ids=str)
def test_a_command_opens_to_those_whose_tenant_it_is(
    world: World, typed: dict[str, Given], door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attack that nobody could make succeed proves nothing."""
    calls = lines(door, typed["own"], own=world.acme.slug)
    answers = [run(world, door, line, monkeypatch) for line in calls]
    assert any(answer.status == 0 for answer in answers), {answer.text for answer in answers}
