"""Rotations that are killed at each of their steps, and tenants from before there were keys."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Final

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from audit.verification import chain_verify
from tenants.encryption import keys as data_keys
from tenants.encryption.master import master_key
from tenants.errors import DataKeyUnavailableError
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import DataKeyVersion, StoreCredential, Tenant
from tenants.stores import for_tenant
from tenants.stores.keyring import keyring
from tests.conftest import PROJECT_DIR

TEXTS: Final = {f"raw/{number}": f"text {number}".encode() for number in range(4)}
KILLED: Final = """
import os, sys
import django
django.setup()
from pathlib import Path
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from tenants.encryption import rotation

name, settings.BUCKET_PREFIX, settings.MASTER_KEY_FILE, when, step, *words = sys.argv[1:]
settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name
owner = Path if step == "replace" else rotation
real = getattr(owner, step)

def killed(*args, **kwargs):
    if when == "after":
        real(*args, **kwargs)
    os.kill(os.getpid(), 9)

setattr(owner, step, killed)
call_command("keys", "rotate", *words)
"""
"""`manage.py keys rotate` in a process that ends itself before or after a step, as kill -9 does."""

TENANT_STEPS: Final = (
    "after _require_keys",
    "after _next_version",
    "after credential_reseal",
    "after _reseal_pass",
    "after data_key_destroy",
    "after _destroy_retired",
)
MASTER_STEPS: Final = (
    "before replace",
    "after _write",
    "after key_rewrap",
    "after _rewrap_all",
    "after _record",
    "before _old_identities_removed",
    "after _old_identities_removed",
)


@pytest.fixture
def two(committed: None) -> Iterator[tuple[Tenant, Tenant]]:
    """A tenant of this test's own and the shared other one, both with objects."""
    own = tenant_provision(slug="turned", name="", actor="tester")
    made = own, Tenant.objects.get(slug="globex")
    for tenant in made:
        for key, text in TEXTS.items():
            for_tenant(tenant).objects.put(key, text)
    yield made
    for key in TEXTS:
        for_tenant(made[1]).objects.delete(key)


def kill(place: str, settings: Settings, *words: str) -> None:
    """Let another process rotate, and be killed there."""
    names = (connection.settings_dict["NAME"], settings.BUCKET_PREFIX, settings.MASTER_KEY_FILE)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, names), *place.split(), *words],
        cwd=PROJECT_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "frostbyte.settings.test"},
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def assert_readable(tenants: tuple[Tenant, ...]) -> None:
    """Every object opens with the keys at hand, as a process that begins now would do it.

    The shared tenant's bucket may hold what earlier tests left there.
    """
    data_keys.data_key_open.cache_clear()
    for tenant in tenants:
        objects = for_tenant(tenant).objects
        assert set(objects.list()) >= set(TEXTS)
        assert {key: objects.get(key) for key in TEXTS} == TEXTS


@pytest.mark.parametrize("place", TENANT_STEPS)
def test_a_data_keys_rotation_may_be_killed_anywhere(
    two: tuple[Tenant, Tenant], settings: Settings, place: str
) -> None:
    tenant, other = two
    kill(place, settings, "--tenant", tenant.slug)
    assert_readable(two)
    out = StringIO()
    call_command("keys", "rotate", "--tenant", tenant.slug, stdout=out)
    assert "is in force" in out.getvalue()
    assert_readable(two)
    in_use = tenant.data_keys.filter(destroyed_at=None)
    assert [row.retired_at for row in in_use] == [None]
    assert set(keyring(other.pk).wrapped) == {1}
    assert chain_verify(tenant=tenant.slug).valid


@pytest.mark.parametrize("place", MASTER_STEPS)
def test_a_master_keys_rotation_may_be_killed_anywhere(
    own_master: Path, two: tuple[Tenant, Tenant], settings: Settings, place: str
) -> None:
    kill(place, settings, "--master")
    assert_readable(two)
    call_command("keys", "rotate", "--master", stdout=StringIO())
    assert_readable(two)
    [recipient] = master_key().recipients
    in_use = DataKeyVersion.objects.filter(destroyed_at=None)
    assert set(in_use.values_list("recipient", flat=True)) == {recipient}
    # Not even a part of a file that was being written: it would hold an identity.
    assert list(own_master.parent.iterdir()) == [own_master]


def without_keys(tenant: Tenant) -> None:
    """Leave a tenant as one from before there were data keys and credentials."""
    StoreCredential.objects.filter(tenant=tenant).delete()
    tenant.data_keys.all().delete()


def test_a_tenant_from_before_data_keys_is_told_what_to_do(two: tuple[Tenant, Tenant]) -> None:
    tenant, other = two
    objects = for_tenant(tenant).objects
    for key in TEXTS:
        objects.delete(key)
    without_keys(tenant)
    with pytest.raises(DataKeyUnavailableError) as caught:
        objects.get("raw/0")
    assert "keys rotate --tenant" in caught.value.remediation
    with pytest.raises(CommandError, match="INVALID_STATE_TRANSITION"):
        call_command("tenant", "retry", tenant.slug)
    call_command("keys", "rotate", "--tenant", tenant.slug, stdout=StringIO())
    objects.put("raw/new", b"sealed")
    assert objects.get("raw/new") == b"sealed"
    assert set(keyring(other.pk).wrapped) == {1}


def test_a_tenant_from_before_data_keys_can_be_removed(two: tuple[Tenant, Tenant]) -> None:
    tenant, other = two
    without_keys(tenant)
    out = StringIO()
    call_command("tenant", "deprovision", tenant.slug, "--confirm", tenant.slug, stdout=out)
    assert "DEPROVISIONED" in out.getvalue()
    with pytest.raises(CommandError):
        call_command("keys", "rotate", "--tenant", tenant.slug)
    assert not tenant.data_keys.filter(destroyed_at=None).exists()
    assert_readable((other,))


def test_a_destroyed_key_is_not_made_anew(acme: Tenant, globex: Tenant) -> None:
    data_keys.data_keys_destroy(tenant=acme, actor="tester")
    with pytest.raises(CommandError, match="DATA_KEY_UNAVAILABLE"):
        call_command("keys", "rotate", "--tenant", acme.slug)
    assert set(keyring(globex.pk).wrapped) == {1}
