"""`manage.py upgrade`: bring the shared schema and every tenant's schema to this version."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from tenants.database.migrating import shared_is_current, tenants_migrate, upgrade_lock
from tenants.database.pooling import refuse_pooling_proxy
from tenants.management.commands.migrate_tenants import Progress, fail_if_any_failed


class Command(BaseCommand):
    """Apply what is unapplied, and nothing where nothing is; safe to run from several places."""

    help = "Apply unapplied migrations to the shared schema and to every tenant's schema."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to make the demo tenants."""
        parser.add_argument("--demo", action="store_true", help="make the demo tenants, too")

    def handle(self, *args: Any, verbosity: int, demo: bool, **options: Any) -> None:
        """Take the database's upgrade lock, then upgrade the shared schema and the tenants'."""
        refuse_pooling_proxy()
        with upgrade_lock():
            if not shared_is_current():
                self.stdout.write("Upgrading the shared schema")
                quiet = {"interactive": False, "verbosity": max(0, verbosity - 1)}
                call_command("migrate_schemas", shared=True, **quiet)
            results = tenants_migrate(report=Progress(self, is_quiet=verbosity == 0))
        fail_if_any_failed(self, results)
        if demo:
            call_command("demo_tenants", quiet=True)
