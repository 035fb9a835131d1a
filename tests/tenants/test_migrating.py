"""Migrating tenant after tenant: a later version's migrations, through the command itself."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from tenants.context import tenant_context
from tenants.database import migrating
from tenants.database.migrating import tenants_migrate
from tenants.errors import TenantNotFoundError
from tenants.lifecycle.deprovisioning import tenant_deprovision
from tenants.lifecycle.gate import exclusive
from tenants.lifecycle.provisioning import tenant_provision
from tenants.lifecycle.states import TenantState
from tenants.models import Tenant
from tests.conftest import PROJECT_DIR

SLUGS = ["acme", "globex"]
NOTE, SLOW = "search.0001_note", "search.0002_slow"


@pytest.fixture
def later(committed: None) -> Iterator[None]:
    """Undo the later version in both tenants afterwards."""
    yield
    for slug in SLUGS:
        with tenant_context(Tenant.objects.get(slug=slug)), connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS later_note")
            cursor.execute("DELETE FROM django_migrations WHERE app = 'search'")


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of a process with the later version, on the tests' database."""
    database = connection.settings_dict
    login = f"{database['USER']}:{quote(database['PASSWORD'], safe='')}"
    place = f"{quote(database['HOST'], safe='')}:{database['PORT']}/{database['NAME']}"
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.tenants.later_settings",
        # Every service is named, so that the process neither starts nor stops any.
        "DATABASE_URL": f"postgres://{login}@{place}",
        "REDIS_URL": settings.REDIS_URL,
        "S3_ENDPOINT_URL": settings.S3_ENDPOINT_URL,
        "S3_ACCESS_KEY": settings.S3_ACCESS_KEY,
        "S3_SECRET_KEY": settings.S3_SECRET_KEY,
        **variables,
    }


COMMAND = (sys.executable, "manage.py", "migrate_tenants", "--json")


def migrate(*arguments: str, **variables: str) -> tuple[int, dict[str, Any], str]:
    """Run the command; return its exit code, results by slug, and what it complained of."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=PROJECT_DIR,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout, done.stderr
    results = json.loads(done.stdout)["tenants"]
    return done.returncode, {result["slug"]: result for result in results}, done.stderr


def outcomes(results: dict[str, Any]) -> dict[str, tuple[str, list[str]]]:
    """Return outcome and migrations by slug."""
    return {slug: (result["outcome"], result["migrations"]) for slug, result in results.items()}


def test_plan_then_failure_then_resumption(later: None) -> None:
    code, planned, _ = migrate("--plan")
    assert (code, outcomes(planned)) == (0, dict.fromkeys(SLUGS, ("pending", [NOTE, SLOW])))

    code, results, complaints = migrate(LATER_BROKEN="t_acme")
    assert code == 1
    assert outcomes(results)["globex"] == ("migrated", [NOTE, SLOW])
    assert (results["acme"]["outcome"], results["acme"]["code"]) == ("failed", "22012")
    assert "acme: 22012" in complaints
    assert "1 of 2 tenants failed" in complaints

    code, results, _ = migrate()
    assert code == 0
    assert outcomes(results) == {"acme": ("migrated", [SLOW]), "globex": ("current", [])}


def test_a_killed_run_goes_on_where_it_was(later: None) -> None:
    running = subprocess.Popen(
        COMMAND,
        cwd=PROJECT_DIR,
        env=environment(LATER_SLOW="t_globex"),
        stdout=subprocess.DEVNULL,
    )
    wait_for_sleep()
    running.kill()
    running.wait()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
        )

    code, results, _ = migrate()
    assert code == 0
    assert outcomes(results) == {"acme": ("current", []), "globex": ("migrated", [SLOW])}


def wait_for_sleep() -> None:
    """Wait until the slow migration runs."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                " AND datname = current_database()"
            )
            if cursor.fetchone():
                return
        time.sleep(0.05)
    pytest.fail("the migration did not begin")


def test_one_tenant_by_name(later: None) -> None:
    code, results, _ = migrate("--tenant", "globex")
    assert (code, outcomes(results)) == (0, {"globex": ("migrated", [NOTE, SLOW])})
    with tenant_context(Tenant.objects.get(slug="acme")), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('t_acme.later_note')")
        assert cursor.fetchone() == (None,)


def test_states_decide(acme: Tenant, globex: Tenant) -> None:
    Tenant.objects.filter(pk=acme.pk).update(state=TenantState.SUSPENDED)
    Tenant.objects.filter(pk=globex.pk).update(state=TenantState.DEPROVISIONED)
    Tenant.objects.create(
        slug="hollow", name="Hollow", schema_name="t_hollow", state=TenantState.FAILED
    )
    results = {result.slug: result for result in tenants_migrate(apply=False)}
    assert results["acme"].outcome == "current"
    assert results["globex"].outcome == results["hollow"].outcome == "skipped"
    assert results["globex"].reason == "the tenant is DEPROVISIONED"
    assert results["hollow"].reason == "there is no schema; the tenant is FAILED"
    with pytest.raises(TenantNotFoundError):
        tenants_migrate(slugs=["nobody"])


def test_a_tenant_that_is_being_worked_on_is_left_for_the_next_time(later: None) -> None:
    """A schema that is just being made, removed or given new keys has one migrator at a time."""
    with exclusive(Tenant.objects.get(slug="acme")):
        code, results, _ = migrate()
    assert code != 0
    assert (results["acme"]["outcome"], results["acme"]["code"]) == ("failed", "TENANT_BUSY")
    assert results["globex"]["outcome"] == "migrated"
    code, results, _ = migrate()
    assert (code, results["acme"]["outcome"]) == (0, "migrated")


def test_a_tenant_that_was_removed_meanwhile_is_skipped(
    committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of tenants is read once, and a long run outlives some of them."""
    leaving = tenant_provision(slug="leaving", name="Leaving Ltd", actor="tester")
    schemas = [migrating._existing_schemas()]
    listed = list(Tenant.objects.order_by("slug"))
    tenant_deprovision(tenant=leaving, confirmation="leaving", actor="tester")
    monkeypatch.setattr(migrating, "tenant_list", lambda: listed)
    now = migrating._existing_schemas
    # What was read at the start, and from then on what is.
    monkeypatch.setattr(migrating, "_existing_schemas", lambda: schemas.pop() if schemas else now())
    found = {result.slug: result.outcome for result in tenants_migrate(apply=False)}
    assert found == {"acme": "current", "globex": "current", "leaving": "skipped"}
