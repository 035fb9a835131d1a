"""People and keys of a tenant: in the readers' group, outside of it, and over all of them."""

from typing import Any

from django.contrib.auth.models import Group
from django.test import Client

from tenants.access.people import staff_create
from tenants.access.roles import TENANT_ADMIN
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.services import api_key_issue
from tests.collections.conftest import READERS

PASSWORD = "correct-horse-battery-7"
SCOPES = ("ingest", "query", "audit", "admin")


def host_of(tenant: Tenant) -> str:
    """The host name of a tenant."""
    return f"{tenant.slug}.localhost"


def person(tenant: Tenant, username: str, *groups: str, role: str = TENANT_ADMIN) -> Client:
    """A browser in which a new person of the tenant, in these groups, has signed in."""
    user = staff_create(tenant=tenant, username=username, password=PASSWORD, role=role)
    client = Client(headers={"host": host_of(tenant)}, raise_request_exception=False)
    with tenant_context(tenant):
        user.groups.add(*Group.objects.filter(name__in=groups))
        client.force_login(user)
    return client


def key_holder(tenant: Tenant, *groups: str, scopes: tuple[str, ...] = SCOPES) -> Client:
    """The holder of a new key of the tenant that reads what these groups open."""
    _key, text = api_key_issue(
        tenant=tenant, name="test", scopes=scopes, groups=groups, actor="tester"
    )
    return bearer(tenant, text)


def bearer(tenant: Tenant, text: str) -> Client:
    """Whoever sends this key or token."""
    headers = {"host": host_of(tenant), "Authorization": f"Bearer {text}"}
    return Client(headers=headers, raise_request_exception=False)


def member(tenant: Tenant) -> Client:
    """Somebody who reads the restricted collection."""
    return person(tenant, "mia", READERS)


def outsiders(tenant: Tenant) -> dict[str, Client]:
    """Everybody who does not read it, whatever else they may."""
    token = key_holder(tenant).post("/api/v1/auth/token", {}, "application/json").json()
    return {
        "an administrator": person(tenant, "ada"),
        "a user": person(tenant, "uma", role="tenant_user"),
        "a key without groups": key_holder(tenant),
        "a token without groups": bearer(tenant, token_of(token)),
    }


def token_of(answer: dict[str, Any]) -> str:
    """The token in the answer to `POST auth/token`."""
    return str(answer.get("token") or answer["access_token"])
