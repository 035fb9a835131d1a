"""People: one role each, changes that are recorded, keys and sessions that end with them."""

from io import StringIO

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client

from audit.models import AuditEvent
from frostbyte.kernel.errors import ValidationError
from tenants.access.credentials import credential_of
from tenants.access.people import (
    operator_change_role,
    operator_create,
    operator_get,
    operator_set_active,
    platform_key_issue,
    staff_change_role,
    staff_create,
    staff_get,
    staff_set_active,
)
from tenants.access.roles import (
    AUDITOR,
    OPERATOR,
    PLATFORM_ROLES,
    TENANT_ADMIN,
    TENANT_ROLES,
    TENANT_USER,
    role_of,
    scopes_of,
)
from tenants.context import tenant_context
from tenants.errors import PersonNotFoundError, TokenRevokedError
from tenants.models import PlatformKey, Scope, Tenant

PASSWORD = "correct-horse-battery"


def person(tenant: Tenant, username: str, role: str) -> User:
    return staff_create(tenant=tenant, username=username, password=PASSWORD, role=role)


def events(chain: str, kind: str) -> list[tuple[str, str, object]]:
    rows = AuditEvent.objects.filter(tenant=chain, event_type=kind).order_by("sequence")
    return [(row.actor, row.resource_id, row.details) for row in rows]


def test_the_table_of_roles_is_the_contracts() -> None:
    assert {name: set(scopes) for name, scopes in TENANT_ROLES.items()} == {
        "tenant_user": {"query"},
        "tenant_admin": {"ingest", "query", "audit", "admin"},
        "auditor": {"audit"},
    }
    assert {name: set(scopes) for name, scopes in PLATFORM_ROLES.items()} == {
        "operator": {"admin", "audit"},
        "auditor": {"audit"},
    }


def test_a_role_counts_where_it_was_given(acme: Tenant, globex: Tenant) -> None:
    user = person(acme, "kim", AUDITOR)
    with tenant_context(acme):
        assert scopes_of(user, roles=TENANT_ROLES) == {"audit"}
        user.groups.add(Group.objects.create(name="purchasing"))
        assert scopes_of(user, roles=TENANT_ROLES) == {"audit"}
        assert scopes_of(user, roles=PLATFORM_ROLES) == frozenset()
    with tenant_context(globex):
        assert not Group.objects.filter(name="purchasing").exists()


def test_a_person_has_one_role_and_keeps_other_groups(acme: Tenant, globex: Tenant) -> None:
    user = person(acme, "kim", TENANT_USER)
    with tenant_context(acme):
        user.groups.add(Group.objects.create(name="purchasing"))
        staff_change_role(tenant=acme, user=user, role=TENANT_ADMIN, actor="user:ada")
        assert set(user.groups.values_list("name", flat=True)) == {"tenant_admin", "purchasing"}
    told = events("acme", "STAFF_CHANGED")
    assert told == [
        (
            "user:ada",
            "kim",
            {"component": "tenants", "role": {"old": "tenant_user", "new": "tenant_admin"}},
        )
    ]
    assert events("globex", "STAFF_CHANGED") == []


def test_creating_someone_is_recorded_without_the_password(acme: Tenant, globex: Tenant) -> None:
    person(acme, "kim", TENANT_USER)
    (told,) = events("acme", "STAFF_CREATED")
    assert told[:2] == ("command line", "kim")
    assert PASSWORD not in str(told)


@pytest.mark.parametrize("role", ["operator", "root", ""])
def test_a_tenant_has_no_such_role(acme: Tenant, globex: Tenant, role: str) -> None:
    with pytest.raises(ValidationError):
        person(acme, "kim", role)
    with tenant_context(acme):
        assert not User.objects.filter(username="kim").exists()


def test_the_last_administrator_stays(acme: Tenant, globex: Tenant) -> None:
    ada, bob = person(acme, "ada", TENANT_ADMIN), person(acme, "bob", TENANT_ADMIN)
    with tenant_context(acme):
        staff_set_active(tenant=acme, user=bob, is_active=False, actor="user:ada")
        with pytest.raises(ValidationError):
            staff_set_active(tenant=acme, user=ada, is_active=False, actor="user:ada")
        with pytest.raises(ValidationError):
            staff_change_role(tenant=acme, user=ada, role=TENANT_USER, actor="user:ada")
        ada.refresh_from_db()
        assert ada.is_active
        with pytest.raises(PersonNotFoundError):
            staff_get(username="nobody")


def test_sessions_end_with_the_person_and_do_not_come_back(acme: Tenant, globex: Tenant) -> None:
    person(acme, "ada", TENANT_ADMIN)
    uma, gus = person(acme, "uma", TENANT_USER), person(globex, "uma", TENANT_USER)
    clients = []
    for tenant, user in ((acme, uma), (globex, gus)):
        client = Client(headers={"host": f"{tenant.slug}.localhost"})
        with tenant_context(tenant):
            client.force_login(user)
        clients.append(client)
    assert [client.get("/").status_code for client in clients] == [200, 200]
    with tenant_context(acme):
        staff_set_active(tenant=acme, user=uma, is_active=False, actor="user:ada")
    assert [client.get("/").status_code for client in clients] == [302, 200]
    with tenant_context(acme):
        staff_set_active(tenant=acme, user=uma, is_active=True, actor="user:ada")
    assert [client.get("/").status_code for client in clients] == [302, 200]


def test_a_key_of_the_platform_has_its_owners_scopes_at_most(db: None) -> None:
    aud = operator_create(username="aud", password=PASSWORD, role=AUDITOR)
    key, text = platform_key_issue(owner=aud, name="k", actor="tester")
    assert key.scopes == ["audit"]
    assert credential_of(text).tenant is None
    assert text.rsplit("_", 1)[1] not in str(PlatformKey.objects.filter(pk=key.pk).values().get())
    with pytest.raises(ValidationError):
        platform_key_issue(owner=aud, name="k", scopes=[Scope.ADMIN], actor="tester")
    nobody = User.objects.create_user("nobody", is_staff=True)
    with pytest.raises(ValidationError):
        platform_key_issue(owner=nobody, name="k", actor="tester")


def test_keys_that_may_more_than_the_new_role_are_revoked(db: None) -> None:
    user = operator_create(username="olga", password=PASSWORD)
    _key, strong = platform_key_issue(owner=user, name="k", actor="tester")
    _key, weak = platform_key_issue(owner=user, name="k", scopes=[Scope.AUDIT], actor="tester")
    operator_change_role(user=user, role=AUDITOR, actor="tester")
    assert role_of(operator_get(username="olga"), roles=PLATFORM_ROLES) == AUDITOR
    with pytest.raises(TokenRevokedError):
        credential_of(strong)
    assert credential_of(weak).scopes == {"audit"}
    operator_set_active(user=user, is_active=False, actor="tester")
    with pytest.raises(TokenRevokedError):
        credential_of(weak)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("operator", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_makes_lists_changes_and_shuts_out(db: None) -> None:
    made = run("create", "olga")
    password = made.rsplit(" ", 1)[1].strip()
    olga = operator_get(username="olga")
    assert olga.check_password(password)
    assert role_of(olga, roles=PLATFORM_ROLES) == OPERATOR
    key = run("key", "olga", "--scope", "audit", "--days", "3").rsplit(" ", 1)[1].strip()
    assert credential_of(key).scopes == {"audit"}
    listed = run("list")
    assert "olga" in listed
    assert key.split("_")[2] in listed
    assert key.rsplit("_", 1)[1] not in listed
    run("revoke", key.split("_")[2])
    with pytest.raises(TokenRevokedError):
        credential_of(key)
    run("role", "auditor", "olga")
    run("deactivate", "olga")
    assert not operator_get(username="olga").is_active
    run("activate", "olga")
    again = run("password", "olga").rsplit(" ", 1)[1].strip()
    assert operator_get(username="olga").check_password(again)
    assert "0 sessions" in run("sign-out", "olga")
    told = [details for _actor, _name, details in events("platform", "STAFF_CHANGED")]
    assert len(told) == 5
    assert password not in str(told)


@pytest.mark.parametrize(
    "arguments", [("role", "auditor", "nobody"), ("revoke", "ffff"), ("key", "nobody")]
)
def test_the_command_says_what_is_not_there(db: None, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="RESOURCE_NOT_FOUND"):
        run(*arguments)
