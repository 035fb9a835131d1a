"""`manage.py migrate_tenants`: bring the tenants' schemas to this version, and tell of each."""

import json
import time
from collections import Counter
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from frostbyte.kernel.errors import FrostbyteError
from tenants.database.migrating import (
    MigrationOutcome,
    SchemaMigrated,
    tenants_migrate,
    upgrade_lock,
)
from tenants.database.pooling import refuse_pooling_proxy
from tenants.management.actions import refused


class Command(BaseCommand):
    """Migrate tenant after tenant; one that fails does not keep the others."""

    help = (
        "Apply unapplied migrations to every tenant's schema. A run that was cut off goes on where "
        "it ended. Fails when a tenant failed, after the others are done."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which tenants, and how to tell."""
        parser.add_argument("--tenant", action="append", default=[], metavar="SLUG", dest="slugs")
        parser.add_argument("--plan", action="store_true", help="tell what would be done, only")
        parser.add_argument("--json", action="store_true", help="print the results as JSON")

    def handle(
        self, *args: Any, slugs: list[str], plan: bool, json: bool, verbosity: int, **options: Any
    ) -> None:
        """Migrate under the upgrade lock, tell of each tenant, and list the failures."""
        refuse_pooling_proxy()
        progress = Progress(self, is_quiet=json or verbosity == 0)
        try:
            with upgrade_lock():
                results = tenants_migrate(slugs=slugs, apply=not plan, report=progress)
        except FrostbyteError as error:
            raise refused(error) from error
        if json:
            self.stdout.write(as_json(results, seconds=progress.seconds))
        elif verbosity:
            self.stdout.write(summary(results, seconds=progress.seconds))
        fail_if_any_failed(self, results)


class Progress:
    """A line for each tenant of which there is something to tell: count, result, time to go."""

    def __init__(self, command: BaseCommand, *, is_quiet: bool = False) -> None:
        self._command, self._is_quiet = command, is_quiet
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self._started

    def __call__(self, result: SchemaMigrated, done: int, total: int) -> None:
        """Write the line."""
        if self._is_quiet or result.outcome == MigrationOutcome.CURRENT:
            return
        to_go = self.seconds / done * (total - done)
        what = ", ".join(result.migrations) or result.reason
        self._command.stdout.write(
            f"{done}/{total}  {result.slug}  {result.outcome}  {result.seconds:.2f} s  {what}"
            f"  ({to_go:.0f} s to go)"
        )


def summary(results: list[SchemaMigrated], *, seconds: float) -> str:
    """Return the counts by outcome, in words."""
    counts = Counter(result.outcome.value for result in results)
    told = ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
    return f"{len(results)} tenants in {seconds:.1f} s: {told or 'nothing to do'}."


def as_json(results: list[SchemaMigrated], *, seconds: float) -> str:
    """Return the results for programs."""
    tenants = [asdict(result) for result in results]
    return json.dumps({"seconds": round(seconds, 3), "tenants": tenants}, indent=2)


def fail_if_any_failed(command: BaseCommand, results: list[SchemaMigrated]) -> None:
    """List every failure with its code; raises `CommandError` if there is one."""
    failed = [result for result in results if result.outcome == MigrationOutcome.FAILED]
    for result in failed:
        command.stderr.write(f"{result.slug}: {result.code} ({result.reason})")
    if failed:
        raise CommandError(
            f"{len(failed)} of {len(results)} tenants failed. Each stands at the last migration "
            "that went through; see PostgreSQL's log, then run it again."
        )
