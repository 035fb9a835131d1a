"""A tenant's whole life by command line, from a set-up that fails to removal, beside another."""

import io
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from tenants.context import tenant_context
from tenants.lifecycle.provisioning import STEPS
from tenants.models import Scope, Tenant
from tenants.services import api_key_issue
from tenants.stores import for_tenant
from tests.isolation.report import count
from tests.isolation.world import ACTOR, count_rows, state_of
from tests.tenants.faults import after, break_steps

STAYS: Final = ("group-that-stays", "letter-that-stays")
"""Names that are the neighbour's alone."""


@pytest.fixture
def neighbour(committed: None) -> Iterator[Tenant]:
    """The other tenant with a group, a key and an object, as every process sees it."""
    tenant = Tenant.objects.get(slug="globex")
    objects = for_tenant(tenant).objects
    with tenant_context(tenant):
        group = Group.objects.create(name=STAYS[0])
    api_key_issue(tenant=tenant, name=STAYS[1], scopes=[Scope.QUERY], actor=ACTOR)
    objects.put(f"raw/{STAYS[1]}", b"it says nothing to others")
    yield tenant
    objects.delete(f"raw/{STAYS[1]}")
    tenant.api_keys.all().delete()
    with tenant_context(tenant):
        group.delete()


def all_of(tenant: Tenant) -> tuple[object, ...]:
    """Return what the stores hold of a tenant: the registry, rows by table, objects, events."""
    objects = for_tenant(tenant).objects
    held = {key: objects.get(key) for key in objects.list()}
    # Without the counts of writes: they are of one transaction, and here each call has its own.
    return state_of(tenant)[1:], count_rows(tenant), held


def test_a_slug_that_is_taken_tells_only_that_it_is(acme: Tenant, globex: Tenant) -> None:
    Tenant.objects.filter(pk=globex.pk).update(name="A name of its own")
    before = state_of(globex)
    for slug in (globex.slug, f" {globex.slug}", globex.slug.upper(), "glоbex"):
        said = io.StringIO()
        with pytest.raises(CommandError, match=r"TENANT_ALREADY_EXISTS|VALIDATION_ERROR") as caught:
            call_command("tenant", "create", slug, "--name", acme.name, stdout=said)
        told = said.getvalue() + str(caught.value)
        leaks = "A name" in told or state_of(globex) != before
        count("commands", leaks=leaks)
        assert not leaks


def test_a_whole_life_leaves_the_neighbour_as_it_was(
    neighbour: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call for real, those included that test_commands cannot take back."""
    (tmp_path / "letter.txt").write_text("The crane on pier nine is green.\n")
    whole = all_of(neighbour)

    def manage(*words: str) -> str:
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said), suppress(CommandError):
            call_command(*words, stdout=said, stderr=said, no_color=True)
        leaks = any(text in said.getvalue() for text in STAYS) or all_of(neighbour) != whole
        count("commands, a whole life", leaks=leaks)
        assert not leaks, words
        return said.getvalue()

    with monkeypatch.context() as patch:
        break_steps(patch, lambda s: replace(s, make=after(s.make)) if s is STEPS[-1] else s)
        manage("tenant", "create", "moving")
    assert "moving is ACTIVE." in manage("tenant", "retry", "moving")
    assert "block" in manage("tenant", "config", "moving", "pii_policy=block")
    assert "shown this once" in manage("tenant", "key", "issue", "moving")
    assert "shown this once" in manage("tenant", "staff", "create", "moving", "kim")
    assert "1 published" in manage("ingest", "--tenant", "moving", str(tmp_path / "letter.txt"))
    assert "objects sealed anew" in manage("keys", "rotate", "--tenant", "moving")
    assert "right" in manage("quota", "reconcile", "--tenant", "moving", "--repair")
    assert "1 tenants" in manage("migrate_tenants", "--tenant", "moving")
    assert "holds" in manage("audit_verify", "--tenant", "moving")
    assert "SUSPENDED" in manage("tenant", "suspend", "moving")
    assert "ACTIVE" in manage("tenant", "resume", "moving")
    assert "Nobody" in manage("lockout", "reset", "moving")
    assert "DEPROVISIONED" in manage("tenant", "deprovision", "moving", "--confirm", "moving")
