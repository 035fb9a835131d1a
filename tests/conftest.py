"""Two tenants on real stores for every test; each test's rows are rolled back at its end."""

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Protocol

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from pytest_django import DjangoDbBlocker

from intake.models import Receipt
from intake.services import document_receive
from tenants.context import tenant_context
from tenants.database.schemas import role_drop, schema_drop
from tenants.lifecycle.provisioning import STEPS, tenant_provision
from tenants.models import Tenant
from tenants.stores import for_tenant
from tenants.stores.credentials import credential_remove

ACTOR = "tester"
PROJECT_DIR = Path(__file__).resolve().parents[1]
SAMPLES = PROJECT_DIR / "tests" / "samples"
_MADE = pytest.StashKey[list[Tenant]]()


class Receive(Protocol):
    """Hands bytes in as a file of a tenant."""

    def __call__(self, tenant: Tenant, filename: str, data: bytes) -> Receipt: ...


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real files, where there is one."""
    named = os.environ.get("FROSTBYTE_CORPUS")
    folder = Path(named) if named else PROJECT_DIR.parent / "shared" / "corpus"
    if not folder.is_dir():
        pytest.skip("no corpus here: set FROSTBYTE_CORPUS to its folder")
    return folder


@pytest.fixture(scope="session")
def _tenants(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[list[Tenant]]:
    with django_db_blocker.unblock():
        # Test processes side by side share one object store and one home, and name tenants alike.
        process = os.environ.get("PYTEST_XDIST_WORKER", "main")
        settings.BUCKET_PREFIX = f"test-{process}"
        settings.WORK_FOLDER = str(Path(settings.WORK_FOLDER) / process)
        made = [
            tenant_provision(slug=slug, name=slug.title(), actor=ACTOR)
            for slug in ("acme", "globex")
        ]
        for tenant in made:
            # Tests count the keys that they issue themselves.
            tenant.api_keys.all().delete()
    request.session.stash[_MADE] = made
    yield made
    with django_db_blocker.unblock():
        for tenant in made:
            credential_remove(tenant)
            for_tenant(tenant).objects.destroy()
            schema_drop(tenant)
            role_drop(tenant)


@pytest.fixture(scope="module", autouse=True)
def _empty_buckets(request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker) -> None:
    """Let each file begin with empty buckets: rows of earlier tests were rolled back, objects not.

    Where no test asked for tenants yet there is nothing to empty, and nothing is made for it.
    """
    with django_db_blocker.unblock():
        for tenant in request.session.stash.get(_MADE, []):
            objects = for_tenant(tenant).objects
            for key in list(objects.list()):
                objects.delete(key)


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    """Let each test begin without the failures that earlier ones sent from the same address."""
    cache.clear()


@pytest.fixture
def acme(db: None, _tenants: list[Tenant]) -> Tenant:
    """The tenant that the test works in."""
    return Tenant.objects.get(slug="acme")


@pytest.fixture
def globex(db: None, _tenants: list[Tenant]) -> Tenant:
    """The other tenant, which must stay untouched and unseen."""
    return Tenant.objects.get(slug="globex")


@pytest.fixture
def committed(_tenants: list[Tenant], django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database without the test's transaction around it; tenants that the test made are removed.

    Roles and schemas are made and dropped outside transactions, as in life.
    """
    with django_db_blocker.unblock():
        yield
        connection.set_schema_to_public()  # type: ignore[attr-defined]
        for tenant in Tenant.objects.exclude(slug__in=("acme", "globex")):
            for step in reversed(STEPS):
                step.undo(tenant)
            tenant.delete()


@pytest.fixture
def receive() -> Receive:
    """A function that hands a file in, inside its tenant's context."""

    def _receive(tenant: Tenant, filename: str, data: bytes) -> Receipt:
        with tenant_context(tenant):
            return document_receive(
                tenant=tenant, filename=filename, stream=BytesIO(data), actor=ACTOR
            )

    return _receive
