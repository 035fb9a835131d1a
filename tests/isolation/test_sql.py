"""Raw SQL under one tenant's role for everything that the catalogue knows of the other's."""

from collections.abc import Mapping
from typing import Final

import pytest
from django.db import DatabaseError, connection, transaction
from psycopg import sql

from tenants.context import tenant_context
from tenants.database.schemas import tenant_role
from tenants.models import Tenant
from tests.isolation.report import count

ON_TABLES: Final = (
    "SELECT * FROM {} LIMIT 1",
    "SELECT count(*) FROM {}",
    "SELECT ctid, xmin FROM {} LIMIT 1",
    "INSERT INTO {} DEFAULT VALUES",
    "DELETE FROM {}",
    "TRUNCATE {} CASCADE",
    "COPY {} TO STDOUT",
    "LOCK TABLE {} IN ACCESS SHARE MODE",
    "DROP TABLE {} CASCADE",
    "ALTER TABLE {} DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {} OWNER TO CURRENT_USER",
    "GRANT SELECT ON {} TO CURRENT_USER",
    "CREATE POLICY mine ON {} USING (true)",
    "CREATE TABLE copied (LIKE {} INCLUDING ALL)",
    "CREATE VIEW seen AS SELECT * FROM {}",
    "CREATE TABLE child () INHERITS ({})",
    "ANALYZE {}",
)
ON_SEQUENCES: Final = ("SELECT nextval('{}')", "SELECT last_value FROM {}")
ON_SCHEMAS: Final = (
    "CREATE TABLE {}.planted (id int)",
    "CREATE FUNCTION {}.planted() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "DROP SCHEMA {} CASCADE",
    "ALTER SCHEMA {} RENAME TO stolen",
    "GRANT USAGE ON SCHEMA {} TO CURRENT_USER",
)
ON_THE_SERVER: Final = (
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_export(1, '/tmp/out')",
    "CREATE EXTENSION IF NOT EXISTS dblink",
    "CREATE ROLE planted",
    "CREATE SCHEMA planted",
    "CREATE DATABASE planted",
    "CREATE TABLE public.planted (id int)",
    "CREATE TABLE audit.planted (id int)",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IS NOT NULL",
    "ALTER SYSTEM SET log_statement = 'all'",
    "SELECT rolpassword FROM pg_authid",
)

SHARED_TABLES: Final[Mapping[str, frozenset[str]]] = {
    "public.tenants_tenant": frozenset({"SELECT"}),
    "public.tenants_datakeyversion": frozenset({"SELECT"}),
    "public.tenants_storecredential": frozenset({"SELECT"}),
    "audit.audit_auditevent": frozenset({"SELECT", "INSERT"}),
}
"""Everything outside its own schema that a tenant's role may touch, row-level security above it."""

OWNERS: Final = {
    "public.tenants_tenant": ("slug", "slug"),
    "audit.audit_auditevent": ("tenant", "slug"),
}
"""The column that tells whose a row is, and the tenant's attribute in it, where not the usual."""

PRIVILEGES: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


def refusal(tenant: Tenant, statement: str) -> str:
    """Run a statement as the tenant's role, take back what it did, and return PostgreSQL's no."""
    try:
        with tenant_context(tenant), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(statement)
            transaction.set_rollback(True)
    except DatabaseError as error:
        return str(error)
    return ""


def relations(schema: str, kinds: str) -> list[str]:
    """Return the qualified names of a schema's relations of these kinds (pg_class.relkind)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s)"
            " AND relkind::text = ANY(%s)",
            [schema, list(kinds)],
        )
        names = [name for (name,) in cursor.fetchall()]
    return [sql.Identifier(schema, name).as_string() for name in names]


def assert_refused(tenant: Tenant, statements: list[str]) -> None:
    """Count each statement, and fail for those that go through."""
    passed = [statement for statement in statements if not refusal(tenant, statement)]
    count("SQL under the tenant's role", tries=len(statements), leaks=len(passed))
    assert not passed


def test_nothing_in_the_other_schema_can_be_touched(acme: Tenant, globex: Tenant) -> None:
    for own, other in ((acme, globex), (globex, acme)):
        tables = relations(other.schema_name, "rpvmf")
        sequences = relations(other.schema_name, "S")
        assert len(tables) > 10
        assert sequences
        assert_refused(own, [text.format(name) for name in tables for text in ON_TABLES])
        assert_refused(own, [text.format(name) for name in sequences for text in ON_SEQUENCES])
        assert_refused(own, [text.format(other.schema_name) for text in ON_SCHEMAS])
        path = f"SET search_path TO {other.schema_name}"
        plain = ("intake_document", "vector_point", "auth_user")
        assert_refused(own, [f"{path}; SELECT * FROM {table}" for table in plain])


def test_nothing_of_the_server_can_be_touched(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        assert_refused(tenant, [s for s in ON_THE_SERVER if "terminate" not in s])


def test_what_a_role_may_touch_outside_its_schema_is_listed(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        role = tenant_role(tenant)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT n.nspname || '.' || c.relname, p.name"
                " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,"
                " unnest(%s::text[]) AS p(name)"
                " WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', %s)"
                " AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
                " AND has_table_privilege(%s, c.oid, p.name)"
                " AND has_schema_privilege(%s, n.oid, 'USAGE')",
                [list(PRIVILEGES), tenant.schema_name, role, role],
            )
            found = cursor.fetchall()
        count("privileges in the catalogue", tries=len(found) + 1)
        assert {table for table, _ in found} == set(SHARED_TABLES)
        for table, allowed in SHARED_TABLES.items():
            assert {privilege for name, privilege in found if name == table} == allowed


@pytest.mark.parametrize("table", SHARED_TABLES)
def test_shared_tables_show_own_rows_only(acme: Tenant, globex: Tenant, table: str) -> None:
    column, attribute = OWNERS.get(table, ("tenant_id", "pk"))
    for own in (acme, globex):
        with tenant_context(own), connection.cursor() as cursor:
            cursor.execute(f"SELECT DISTINCT {column} FROM {table}")
            seen = [value for (value,) in cursor.fetchall()]
        count("rows of shared tables", leaks=seen != [getattr(own, attribute)])
        assert seen == [getattr(own, attribute)]


def test_no_event_is_added_in_anothers_name(acme: Tenant, globex: Tenant) -> None:
    for own, other in ((acme, globex), (globex, acme)):
        message = refusal(
            own,
            "INSERT INTO audit.audit_auditevent SELECT (jsonb_populate_record(e,"
            " jsonb_build_object('event_id', gen_random_uuid(), 'sequence', 999999,"
            f" 'tenant', '{other.slug}'))).* FROM audit.audit_auditevent e LIMIT 1",
        )
        count("rows of shared tables", leaks=not message)
        assert "row-level security" in message


def test_no_function_runs_with_another_roles_rights(acme: Tenant, globex: Tenant) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n"
            " ON n.oid = p.pronamespace WHERE p.prosecdef"
            # A tenant's own role in its own schema gives it nothing that it has not.
            " AND NOT (starts_with(n.nspname, 't_') AND p.proowner = n.nspowner)"
            " AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        )
        found = cursor.fetchall()
    count("privileges in the catalogue", tries=len(found) + 1)
    assert found == [], f"{acme} and {globex} could use these"


def test_what_others_run_and_hold_is_not_seen(acme: Tenant, globex: Tenant) -> None:
    """Statements of other sessions, statistics of others' columns, large objects."""
    with tenant_context(globex), connection.cursor() as cursor:
        cursor.execute("SELECT lo_from_bytea(0, 'secret')")
        large_object = cursor.fetchone()[0]
    for statement in (f"SELECT lo_get({large_object})", f"SELECT lo_unlink({large_object})"):
        assert_refused(acme, [statement])
    with tenant_context(acme), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND query NOT IN ('', '<insufficient privilege>')"
        )
        statements = cursor.fetchone()[0]
        cursor.execute("SELECT count(*) FROM pg_stats WHERE schemaname = %s", [globex.schema_name])
        statistics = cursor.fetchone()[0]
    count("SQL under the tenant's role", tries=2, leaks=bool(statements) + bool(statistics))
    assert (statements, statistics) == (0, 0)
