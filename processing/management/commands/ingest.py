"""`manage.py ingest --tenant acme PATH...`: files and folders in, one outcome each."""

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from audit.events import COMMAND_LINE
from frostbyte.kernel.errors import FrostbyteError
from intake.models import DEFAULT_COLLECTION
from processing.bulk import FileOutcome, files_under, ingest_files
from tenants.context import tenant_context
from tenants.management.actions import refused
from tenants.selectors import tenant_get

_STYLES = {"published": "green", "duplicate": "cyan", "rejected": "yellow"}


class Command(BaseCommand):
    help = (
        "Take in files, or all files of folders, and wait until each is searchable or refused. "
        "A running worker does the work; without one, this command does it itself."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--tenant", required=True, help="slug of the tenant that owns the files"
        )
        parser.add_argument(
            "--collection",
            default=DEFAULT_COLLECTION,
            help="name of the collection that the files go to",
        )
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="file or folder")

    def handle(self, *, tenant: str, collection: str, paths: list[Path], **_options: Any) -> None:
        files = list(files_under(paths))
        missing = [str(path) for path in files if not path.is_file()]
        if missing or not files:
            raise CommandError(f"No such file: {', '.join(missing)}" if missing else "No files.")
        try:
            outcomes = self._ingest(tenant, collection, files)
        except FrostbyteError as error:
            raise refused(error) from error
        Console(file=self.stdout).print(outcome_table(outcomes))  # type: ignore[arg-type]
        counts = Counter(outcome.outcome for outcome in outcomes)
        self.stdout.write(", ".join(f"{n} {word}" for word, n in sorted(counts.items())))

    def _ingest(self, slug: str, collection: str, files: list[Path]) -> list[FileOutcome]:
        found = tenant_get(slug=slug)
        with _progress() as bar, tenant_context(found):
            task = bar.add_task("ingest", total=len(files), name="")

            def show(outcome: FileOutcome) -> None:
                bar.update(task, name=outcome.path.name, advance=1 if outcome.is_final else 0)

            return ingest_files(
                tenant=found, paths=files, actor=COMMAND_LINE, collection=collection, on_change=show
            )


def outcome_table(outcomes: list[FileOutcome]) -> Table:
    """Return the closing table: a row a file, with what became of it and why."""
    table = Table("file", "outcome", "chunks", "seconds", "code", "what to do")
    for item in outcomes:
        table.add_row(
            item.path.name,
            item.outcome,
            str(item.chunks or ""),
            f"{item.seconds:.2f}",
            item.code,
            item.detail,
            style=_STYLES.get(item.outcome, "red"),
        )
    return table


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.fields[name]}", justify="right"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
