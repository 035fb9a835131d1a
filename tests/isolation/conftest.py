"""acme attacks, globex is the victim; both are filled once a file and rolled back at its end."""

from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from tenants.models import Tenant
from tests.isolation.opening import World, world_of


@pytest.fixture(scope="module")
def world(_tenants: list[Tenant], django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """Both tenants with all that they can have, in one transaction that ends with the file."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield world_of(*(Tenant.objects.get(slug=slug) for slug in ("acme", "globex")))
        transaction.set_rollback(True)
