"""`manage.py quota show|reconcile`: what tenants use of their quotas, counted in the stores."""

from argparse import ArgumentParser
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.template.defaultfilters import filesizeformat
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column, Table

from audit.events import COMMAND_LINE
from frostbyte.kernel.errors import FrostbyteError
from processing.storage import (
    PATIENCE,
    DifferenceKind,
    Reconciliation,
    storage_measure,
    storage_reconcile,
)
from tenants.lifecycle.states import TenantState
from tenants.limits.quotas import usage_against
from tenants.management.actions import refused
from tenants.models import Tenant
from tenants.selectors import tenant_get, tenant_list

WITH_STORES = (TenantState.ACTIVE, TenantState.SUSPENDED)
DIFFERENT, FAILED = 1, 2
T = TypeVar("T")


class Command(BaseCommand):
    help = (
        "Count in the stores themselves what tenants use of their quotas, and hold buckets "
        f"against rows. `reconcile` ends with {DIFFERENT} when they differ, and with {FAILED} "
        "when a tenant could not be looked at."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        show = actions.add_parser("show", help="count, and tell use and limits")
        reconcile = actions.add_parser("reconcile", help="hold each bucket against the rows")
        for action in (show, reconcile):
            whose = action.add_mutually_exclusive_group(required=True)
            whose.add_argument("--tenant", metavar="SLUG", help="one tenant")
            whose.add_argument("--all", action="store_true", help="all that have stores")
        reconcile.add_argument(
            "--repair", action="store_true", help="remove orphans and correct the totals"
        )
        reconcile.add_argument(
            "--older-than",
            type=int,
            default=int(PATIENCE.total_seconds() // 60),
            metavar="MINUTES",
            help="leave younger objects alone: they may be on their way in (default: %(default)s)",
        )
        reconcile.add_argument("--keys", action="store_true", help="name the objects as well")

    def handle(self, *, action: str, tenant: str | None, **options: Any) -> None:
        """Run the action on the tenants that were named."""
        try:
            chosen = [tenant_get(slug=tenant)] if tenant else _with_stores()
        except FrostbyteError as error:
            raise refused(error) from error
        getattr(self, f"_{action}")(chosen, **options)

    def _show(self, tenants: list[Tenant], **_options: Any) -> None:
        rows, failed = for_each(tenants, "measuring", _usage_row)
        table = _table("tenant", "documents", "of", "received", "of", "level", "bucket", "tables")
        for row in rows:
            table.add_row(*row)
        self._print(table)
        self._end_with(failed)

    def _reconcile(
        self, tenants: list[Tenant], *, repair: bool, older_than: int, keys: bool, **_more: Any
    ) -> None:
        patience = timedelta(minutes=max(1, older_than))

        def reconcile(tenant: Tenant) -> Reconciliation:
            return storage_reconcile(
                tenant=tenant, actor=COMMAND_LINE, repair=repair, patience=patience
            )

        results, failed = for_each(tenants, "reconciling", reconcile)
        self._print(reconciliation_table(results))
        if keys:
            self._print_keys(results)
        self._end_with(failed)
        if not all(result.agrees for result in results):
            raise CommandError("Buckets and rows differ; see above.", returncode=DIFFERENT)

    def _print(self, table: Table) -> None:
        Console(file=self.stdout).print(table)  # type: ignore[arg-type]

    def _print_keys(self, results: list[Reconciliation]) -> None:
        for result in results:
            for found in result.differences:
                self.stdout.write(
                    f"{result.tenant} {found.kind} {found.key}"
                    f" rows={found.in_rows} bucket={found.in_bucket}"
                )

    def _end_with(self, failed: list[str]) -> None:
        if failed:
            raise CommandError(f"Not looked at: {'; '.join(failed)}", returncode=FAILED)


def reconciliation_table(results: list[Reconciliation]) -> Table:
    """Return a row a tenant: what was counted, and how bucket and rows differ."""
    kinds = list(DifferenceKind)
    table = _table("tenant", "objects", "bytes", *kinds, "young", "gone", "totals")
    for result in results:
        table.add_row(
            result.tenant,
            str(result.objects),
            _size(result.object_bytes),
            *(str(result.counts[kind]) for kind in kinds),
            str(result.young),
            str(result.removed),
            "wrong" if result.totals_wrong else "right",
            style="green" if result.agrees else "red",
        )
    return table


def _table(tenant: str, *figures: str) -> Table:
    return Table(
        Column(tenant, no_wrap=True),
        *(Column(figure, justify="right", no_wrap=True) for figure in figures),
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )


def _with_stores() -> list[Tenant]:
    return list(tenant_list().filter(state__in=WITH_STORES))


def _usage_row(tenant: Tenant) -> tuple[str, ...]:
    measured = storage_measure(tenant=tenant)
    usage = usage_against(
        tenant.settings, documents=measured.documents, size_bytes=measured.document_bytes
    )
    return (
        tenant.slug,
        str(usage.documents.used),
        str(usage.documents.limit),
        _size(usage.storage.used),
        _size(usage.storage.limit),
        usage.level.value,
        _size(measured.object_bytes),
        _size(measured.database_bytes),
    )


def _size(count: int) -> str:
    return filesizeformat(count).replace("\xa0", " ")


def for_each(
    tenants: list[Tenant], what: str, do: Callable[[Tenant], T]
) -> tuple[list[T], list[str]]:
    """Do something with each tenant under a progress bar; return the results, and who failed.

    A tenant that fails does not hold up the others.
    """
    results: list[T] = []
    failed: list[str] = []
    with _progress() as bar:
        task = bar.add_task(what, total=len(tenants), name="")
        for tenant in tenants:
            bar.update(task, name=tenant.slug)
            try:
                results.append(do(tenant))
            except FrostbyteError as error:
                failed.append(f"{tenant.slug}: {error.message} [{error.code}]")
            except DatabaseError as error:
                failed.append(f"{tenant.slug}: the database refused [{type(error).__name__}]")
            bar.advance(task)
    return results, failed


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.fields[name]}", justify="right"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    )
