"""The record: append-only by privilege and trigger, chained by hash, and checked by command."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from audit.events import EventType
from audit.models import GENESIS_HASH, AuditEvent
from audit.selectors import event_list
from audit.services import record_event
from audit.verification import chain_verify
from tenants.context import tenant_context
from tenants.models import Tenant


def add(tenant: Tenant, name: str = "thing") -> AuditEvent:
    """Record an event of the tenant."""
    return record_event(
        tenant=tenant.slug,
        event_type=EventType.RETRIEVAL_EXECUTED,
        actor="tester",
        resource_type="query",
        resource_id=name,
        details={"hits": 3, "duration_ms": 12, "ratio": 0.5, "none": None, "list": ["ä", 1]},
    )


def test_each_tenant_has_a_chain_of_its_own(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant):
            first, second = add(tenant), add(tenant)
        assert second.sequence == first.sequence + 1
        assert second.previous_hash == first.event_hash
        assert event_list(tenant=tenant.slug)[0].previous_hash == GENESIS_HASH
        assert chain_verify(tenant=tenant.slug).valid


def test_a_tenant_reads_and_writes_its_own_events_only(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(acme):
        assert set(AuditEvent.objects.values_list("tenant", flat=True)) == {acme.slug}
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            add(globex)


CHANGES = [
    "UPDATE audit_auditevent SET actor = 'nobody'",
    "DELETE FROM audit_auditevent",
    "TRUNCATE audit_auditevent",
    "DROP TABLE audit_auditevent",
    "ALTER TABLE audit_auditevent DISABLE TRIGGER ALL",
    "ALTER TABLE audit_auditevent DISABLE ROW LEVEL SECURITY",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_application_cannot_change_history(
    acme: Tenant, globex: Tenant, statement: str
) -> None:
    add(acme)
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner"):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    for tenant in (acme, globex):
        with pytest.raises(DatabaseError, match=r"permission denied|must be owner"):
            with tenant_context(tenant), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)


def as_owner(statement: str) -> None:
    """Do what only someone who takes the owner's role on purpose can do, triggers off."""
    keeper = f"{connection.settings_dict['NAME']}_audit"
    user = connection.settings_dict["USER"]
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT {keeper} TO {user} WITH SET TRUE, INHERIT FALSE")
        cursor.execute(f"SET ROLE {keeper}")
        cursor.execute("ALTER TABLE audit_auditevent NO FORCE ROW LEVEL SECURITY")
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER append_only")
        cursor.execute(statement)
        cursor.execute("RESET ROLE")


def test_even_the_owner_is_stopped_by_the_trigger(acme: Tenant, globex: Tenant) -> None:
    add(acme)
    keeper = f"{connection.settings_dict['NAME']}_audit"
    user = connection.settings_dict["USER"]
    for statement in CHANGES[:3]:
        taken = f"GRANT {keeper} TO {user} WITH SET TRUE; SET ROLE {keeper}; {statement}"
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(taken)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE audit_auditevent SET actor = 'x' WHERE event_id = '{id}'", "content was changed"),
        ("DELETE FROM audit_auditevent WHERE event_id = '{id}'", "is missing"),
        (
            "UPDATE audit_auditevent SET details = '{{\"hits\": 4}}' WHERE event_id = '{id}'",
            "content was changed",
        ),
    ],
)
def test_tampering_is_found_and_placed(
    acme: Tenant, globex: Tenant, statement: str, reason: str
) -> None:
    target = add(acme)
    add(acme)
    as_owner(statement.format(id=target.event_id))
    report = chain_verify(tenant=acme.slug)
    assert report.broken is not None
    assert report.broken.sequence == target.sequence
    assert reason in report.broken.reason
    assert chain_verify(tenant=globex.slug).valid


def test_the_command_names_the_broken_chain(acme: Tenant, globex: Tenant) -> None:
    target, out = add(acme), StringIO()
    call_command("audit_verify", stdout=out)
    assert f"{acme.slug} " in out.getvalue()
    assert "BROKEN" not in out.getvalue()
    as_owner(f"UPDATE audit_auditevent SET actor = 'x' WHERE event_id = '{target.event_id}'")
    with pytest.raises(CommandError):
        call_command("audit_verify", stdout=out)
    assert f"BROKEN at event {target.sequence}" in out.getvalue()


def test_a_chain_that_is_not_there_does_not_hold(acme: Tenant, globex: Tenant) -> None:
    """A slug that is mistyped, or a chain that was emptied, must not read as one that is whole."""
    with pytest.raises(CommandError, match="no chain of events named 'acmee'"):
        call_command("audit_verify", tenant="acmee")
