"""`manage.py upgrade`: bring the shared schema and every tenant's schema to this version."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from tenants.context import tenant_context
from tenants.database.schemas import schema_exists
from tenants.selectors import tenant_list

LOCK_KEY = 0x66726F7374
"""One upgrade at a time for a database: the key of a session's advisory lock."""


class Command(BaseCommand):
    """Apply what is unapplied, and nothing where nothing is; safe to run from several places."""

    help = "Apply unapplied migrations to the shared schema and to every tenant's schema."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to make the demo tenants."""
        parser.add_argument("--demo", action="store_true", help="make the demo tenants, too")

    def handle(self, *args: Any, verbosity: int, demo: bool, **options: Any) -> None:
        """Take the database's upgrade lock, then upgrade the shared schema and the tenants'."""
        known = set(MigrationLoader(None).disk_migrations)
        quiet = {"interactive": False, "verbosity": max(0, verbosity - 1)}
        with _upgrade_lock():
            if known - _applied():
                self.stdout.write("Upgrading the shared schema")
                call_command("migrate_schemas", shared=True, **quiet)
            for schema in _outdated_schemas(known):
                self.stdout.write(f"Upgrading the schema {schema}")
                call_command("migrate_schemas", tenant=True, schema_name=schema, **quiet)
        if demo:
            call_command("demo_tenants", quiet=True)


@contextmanager
def _upgrade_lock() -> Iterator[None]:
    """Hold the lock on a connection of its own, since migrating closes the usual one."""
    keeper = connection.copy()
    try:
        with keeper.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        yield
    finally:
        keeper.close()


def _outdated_schemas(known: set[tuple[str, str]]) -> list[str]:
    outdated = []
    for tenant in list(tenant_list()):
        if not schema_exists(tenant.schema_name):
            continue
        with tenant_context(tenant):
            if known - _applied():
                outdated.append(tenant.schema_name)
    return outdated


def _applied() -> set[tuple[str, str]]:
    return set(MigrationRecorder(connection).applied_migrations())
