"""Making and removing what a tenant has in PostgreSQL: a role, and the schema that it owns."""

from django.db import connection
from psycopg import sql

from tenants.context import tenant_context
from tenants.database.applying import SchemaMigrations, applied_migrations
from tenants.models import Tenant
from tenants.naming import group_role_name, role_name


def tenant_role(tenant: Tenant) -> str:
    """Return the name of the tenant's role in the database in use."""
    return role_name(tenant.schema_name, database=connection.settings_dict["NAME"])


def role_exists(role: str) -> bool:
    """Return whether the cluster has a role of this name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        return cursor.fetchone() is not None


def schema_exists(schema: str) -> bool:
    """Return whether the database has a schema of this name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema])
        return cursor.fetchone() is not None


def table_exists(schema: str, table: str) -> bool:
    """Return whether there is such a table; asked of the catalogue, so no right in it is needed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = %s",
            [schema, table],
        )
        return cursor.fetchone() is not None


def rows_in_schema(tenant: Tenant) -> int:
    """Return how many rows all tables of the tenant's schema hold together; 0 without a schema."""
    if not schema_exists(tenant.schema_name):
        return 0
    with tenant_context(tenant), connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = %s::regnamespace",
            [tenant.schema_name],
        )
        tables = [sql.Identifier(tenant.schema_name, name) for (name,) in cursor.fetchall()]
        counts = (sql.SQL("(SELECT count(*) FROM {})").format(table) for table in tables)
        cursor.execute(sql.SQL("SELECT {}").format(sql.SQL(" + ").join([*counts, sql.SQL("0")])))
        return int(cursor.fetchone()[0])


def role_create(tenant: Tenant) -> None:
    """Create the tenant's role, let the login role become it, and give it the tenants' rights."""
    role = tenant_role(tenant)
    if not role_exists(role):
        _execute("CREATE ROLE {role} NOLOGIN", role=role)
    _execute("GRANT {role} TO CURRENT_USER WITH SET TRUE, INHERIT FALSE", role=role)
    group = group_role_name(database=connection.settings_dict["NAME"])
    _execute("GRANT {group} TO {role} WITH INHERIT TRUE, SET FALSE", group=group, role=role)


def schema_create(tenant: Tenant) -> None:
    """Create the schema, owned by the tenant's role, and migrate it under that role."""
    _execute(
        "CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {role}",
        schema=tenant.schema_name,
        role=tenant_role(tenant),
    )
    with tenant_context(tenant):
        SchemaMigrations().apply(applied_migrations(tenant))


def schema_drop(tenant: Tenant) -> None:
    """Drop the schema with all that is in it; nothing happens when there is none.

    The login role cannot drop what it does not own, so it becomes the tenant's role for this.
    """
    role = tenant_role(tenant)
    if schema_exists(tenant.schema_name) and role_exists(role):
        _execute("SET ROLE {role}", role=role)
        try:
            _execute("DROP SCHEMA {schema} CASCADE", schema=tenant.schema_name)
        finally:
            _execute("RESET ROLE")


def role_drop(tenant: Tenant) -> None:
    """Drop the tenant's role; its schema must be gone."""
    _execute("DROP ROLE IF EXISTS {role}", role=tenant_role(tenant))


def _execute(statement: str, **names: str) -> None:
    identifiers = {key: sql.Identifier(value) for key, value in names.items()}
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(**identifiers))
