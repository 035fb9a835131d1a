"""People who are signed in at two tenants' pages, and documents that have been through it all."""

from collections.abc import Callable
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client

from intake.models import Document
from processing.models import Chunk
from processing.runner import run_advance
from processing.services import run_start
from tenants.access.people import operator_create, staff_create
from tenants.access.roles import TENANT_ADMIN, TENANT_USER
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.conftest import Receive

PASSWORD = "correct-horse-battery-7"
HOSTILE = "<script>alert(1)<script>.txt"

Publish = Callable[[Tenant, str, bytes], Document]


def host_of(tenant: Tenant) -> str:
    """The host name of the tenant's pages."""
    return f"{tenant.slug}.localhost"


def staff_client(tenant: Tenant, username: str, role: str) -> Client:
    """A browser in which a new person of this role has signed in at the tenant's pages."""
    user = staff_create(tenant=tenant, username=username, password=PASSWORD, role=role)
    client = Client(headers={"host": host_of(tenant)})
    with tenant_context(tenant):
        client.force_login(user)
    return client


@pytest.fixture
def acme_admin(acme: Tenant) -> Client:
    """An administrator of acme."""
    return staff_client(acme, "ada", TENANT_ADMIN)


@pytest.fixture
def acme_user(acme: Tenant) -> Client:
    """Someone of acme who may only look and search."""
    return staff_client(acme, "uma", TENANT_USER)


@pytest.fixture
def globex_admin(globex: Tenant) -> Client:
    """An administrator of the other tenant."""
    return staff_client(globex, "gus", TENANT_ADMIN)


@pytest.fixture
def operator(db: None) -> Client:
    """A platform operator at the console."""
    user: User = operator_create(username="olga", password=PASSWORD)
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


@pytest.fixture
def visitor() -> Client:
    """Someone on the public host who has not signed in."""
    return Client(headers={"host": "localhost"})


@pytest.fixture
def publish(receive: Receive) -> Publish:
    """A function that hands a file in and takes it through the whole pipeline."""

    def _publish(tenant: Tenant, filename: str, data: bytes) -> Document:
        receipt = receive(tenant, filename, data)
        with tenant_context(tenant):
            document = receipt.document
            assert document is not None
            run = run_advance(tenant=tenant, run_id=run_start(tenant=tenant, document=document).pk)
            assert run.state == "published", run.error_message
            document.refresh_from_db()
        return document

    return _publish


def first_chunk_id(tenant: Tenant, document: Document) -> UUID:
    """The id of the document's first passage."""
    with tenant_context(tenant):
        chunk = Chunk.objects.filter(document=document).order_by("ordinal").first()
        assert chunk is not None
        return chunk.pk
