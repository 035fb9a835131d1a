"""Tasks with one tenant's name and the other's ids; nothing stays for the next."""

import logging
import random
import threading
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import pytest
import structlog
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction

from intake.models import Document
from processing.models import Run
from processing.runner import run_advance
from processing.tasks import measure, work
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.tasks import TenantTask
from tenants.workload.turns import turns_ask
from tests.isolation.opening import World
from tests.isolation.report import count
from tests.isolation.surfaces import tenant_tasks
from tests.isolation.world import Material, state_of

pytestmark = pytest.mark.django_db

NO_TENANT_TASKS: Final = {
    "intake.sweep_uploads": "takes nothing; sends a task for each tenant",
    "processing.close_batches_all": "takes nothing; sends a task for each tenant",
    "processing.measure_all": "takes nothing; sends a task for each tenant",
    "processing.sweep": "takes nothing; goes through the active tenants, each in its own context",
    "processing.work": "takes nothing; enters the tenant whose turn it is, attacked below",
    "tenants.clear_sessions": "takes nothing; goes through the tenants, each in its own context",
    "tenants.settle": "takes nothing; works on the registry, which has no content",
}
"""Tasks that are no `TenantTask`, and why they may not be."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_every_task_takes_a_tenant_or_says_why_not() -> None:
    others = {name for name, task in tenant_tasks().items() if not isinstance(task, TenantTask)}
    assert others == set(NO_TENANT_TASKS)


@pytest.mark.parametrize("name", sorted(set(tenant_tasks()) - set(NO_TENANT_TASKS)))
def test_a_task_finds_nothing_of_another_tenant(world: World, name: str) -> None:
    """Every id of the victim, in the attacker's name: the task fails, and nothing is written."""
    before = state_of(world.globex)
    for value in world.victim.uuids:
        with transaction.atomic():
            result = tenant_tasks()[name].apply((world.acme.slug, value))
            transaction.set_rollback(True)
        leaked = state_of(world.globex) != before or mentions(world.victim, result.result)
        count("tasks", leaks=leaked)
        assert not leaked
        assert not result.successful() or result.result is None


def mentions(victim: Material, value: object) -> bool:
    """Whether a text has something of the victim that was not sent."""
    kinds = {text for text, kind in victim.canaries.items() if kind != "id"}
    return any(text in repr(value).lower() for text in kinds)


def test_no_run_of_another_tenant_is_advanced(world: World) -> None:
    """The victim's ids, in the attacker's name: nothing is found, and nothing is written."""
    before = state_of(world.globex)
    for value in world.victim.uuids:
        with transaction.atomic():
            with tenant_context(world.acme), pytest.raises(Run.DoesNotExist):
                run_advance(tenant=world.acme, run_id=UUID(value))
            transaction.set_rollback(True)
        leaked = state_of(world.globex) != before
        count("tasks", leaks=leaked)
        assert not leaked


def test_tasks_that_alternate_carry_nothing_over(world: World) -> None:
    """Run and failed, for one tenant and the other in turn, in one process."""
    chance = random.Random(15)
    cases = [
        (tenant, m) for tenant in (world.acme, world.globex) for m in (world.own, world.victim)
    ]
    for _ in range(40):
        tenant, material = chance.choice(cases)
        with transaction.atomic():
            measure.apply((tenant.slug, chance.choice(material.uuids)))
            turns_ask([tenant])
            work.apply()
            transaction.set_rollback(True)
        stays = what_stays()
        count("what a task leaves behind", leaks=stays != ("public", "", {}))
        assert stays == ("public", "", {})


def what_stays() -> tuple[str, str, dict[str, Any]]:
    """Return schema, reader and log context of this process, as the next task would find them."""
    context = {k: v for k, v in structlog.contextvars.get_contextvars().items() if k == "tenant"}
    return connection.schema_name, connection.reader, context  # type: ignore[attr-defined]


def test_every_cache_key_names_a_tenant_or_the_platform(world: World) -> None:
    """The keys of a tenant begin with its schema; the others with the public one."""
    with tenant_context(world.acme):
        cache.set("probe", "acme's")
    with tenant_context(world.globex):
        assert cache.get("probe") is None
    client = cache._cache.get_client(write=True)  # type: ignore[attr-defined]
    for key in (key.decode() for key in client.scan_iter() if b":" in key):
        if key.startswith(("_kombu", "celery", "unacked")):
            continue
        named = key.split(":", 1)[0]
        is_named = named in {"public", world.acme.schema_name, world.globex.schema_name}
        is_named = is_named or any(
            f":{tenant.slug}:" in f":{key}:" for tenant in (world.acme, world.globex)
        )
        count("keys in the cache", leaks=not is_named)
        assert is_named, key


@pytest.fixture
def crowd(_tenants: list[Tenant]) -> list[Tenant]:
    """Both tenants as other connections see them: committed, and empty."""
    return _tenants


def test_threads_that_interleave_tenants_at_random(world: World, crowd: list[Tenant]) -> None:
    """Many threads, each on its own connection, with rollbacks, failures and nested tenants."""
    wrong: list[str] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _ in range(30):
                wrong.extend(one_visit(chance, crowd))
                if chance.random() < 0.1:
                    connection.close()
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count("threads that interleave", tries=8 * 30, leaks=len(wrong))
    assert wrong == []


def one_visit(chance: random.Random, tenants: list[Tenant]) -> list[str]:
    """Enter a tenant, perhaps another within it, perhaps fail; return what was seen wrongly."""
    outer, inner = chance.choice(tenants), chance.choice(tenants)
    wrong: list[str] = []
    try:
        with tenant_context(outer):
            wrong += schema_is(outer)
            with transaction.atomic(), tenant_context(inner):
                wrong += schema_is(inner)
                if chance.random() < 0.3:
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT * FROM nowhere")
                if chance.random() < 0.3:
                    raise ValueError
            wrong += schema_is(outer)
    except (DatabaseError, ValueError):
        pass
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_user = session_user")
        if cursor.fetchone() != ("public", True):
            wrong.append("not back in public")
    return wrong


def schema_is(tenant: Tenant) -> list[str]:
    """Return a complaint unless queries run in the tenant's schema, as its role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_user")
        schema, role = cursor.fetchone()
    Document.objects.count()
    expected = (tenant.schema_name, f"{connection.settings_dict['NAME']}_{tenant.schema_name}")
    return [] if (schema, role) == expected else [f"{schema} {role} in {tenant.slug}"]
