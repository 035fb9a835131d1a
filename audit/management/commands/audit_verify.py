"""`manage.py audit_verify`: is the record whole and unchanged?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.selectors import chain_names
from audit.verification import ChainReport, chain_verify


class Command(BaseCommand):
    help = (
        "Recompute the hash chain of audit events, of one tenant or of all. "
        "Exits with 1 when an event was changed, removed or put between others."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="slug of one tenant, or 'platform'; default: all")

    def handle(self, *, tenant: str | None, **_options: Any) -> None:
        known = chain_names()
        if tenant and tenant not in known:
            raise CommandError(
                f"There is no chain of events named '{tenant}'. Leave --tenant out to see them all."
            )
        reports = [chain_verify(tenant=name) for name in ([tenant] if tenant else known)]
        for report in reports:
            self.stdout.write(_line(report))
        if not all(report.valid for report in reports):
            raise CommandError("The audit record does not hold.")


def _line(report: ChainReport) -> str:
    if report.broken:
        return (
            f"{report.tenant:<32} BROKEN at event {report.broken.sequence}: {report.broken.reason}"
        )
    return f"{report.tenant:<32} holds: {report.events} events, head {report.head_hash[:16]}"
