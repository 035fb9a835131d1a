"""`manage.py bench`: what the system adds to the models' own time, measured on one document."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from frostbyte.embedded.servers import running
from frostbyte.kernel.errors import FrostbyteError
from frostbyte.settings.env import environment
from search.benchmark.workload import corpus_document, made_document

_SERVICE_VARIABLES: Final = (
    "DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL", "QDRANT_URL", "CLAMD_HOST",
)  # fmt: skip
_REFERENCE_EVERY: Final = 8


class Command(BaseCommand):
    help = (
        "Ingest one long PDF three times (PII gate off, default types, all types) through embedded "
        "servers and a worker of its own in a temporary home, and compare the time with that of "
        "the models alone on the same texts."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pdf", nargs="?", type=Path, help="default: the corpus's, or one made")
        parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
        parser.add_argument("--mode", action="append", choices=("off", "default", "all"))
        parser.add_argument("--strict", action="store_true", help="exit with 1 on a missed target")
        parser.add_argument("--keep", action="store_true", help="leave the temporary home")
        parser.add_argument("--in-home", action="store_true", help="internal: the servers run")

    def handle(self, *, pdf: Path | None, in_home: bool, keep: bool, **options: Any) -> None:
        if in_home:
            if pdf is None:
                raise CommandError("--in-home needs the PDF.")
            self._measure(pdf, **options)
            return
        home = Path(tempfile.mkdtemp(prefix="frostbyte-bench-"))
        try:
            self._in_home(home, _document(pdf, home))
        finally:
            if keep:
                self.stderr.write(f"Kept: {home}")
            else:
                shutil.rmtree(home)

    def _in_home(self, home: Path, document: Path) -> None:
        """Run this command again in a process whose settings are those of the temporary home."""
        variables = {**os.environ, **dict.fromkeys(_SERVICE_VARIABLES, "")}
        variables |= {"FROSTBYTE_HOME": str(home), "FROSTBYTE_LOG_LEVEL": "WARNING"}
        arguments = [argument for argument in sys.argv[2:] if not Path(argument).is_file()]
        with running(home):
            finished = subprocess.run(
                [sys.executable, sys.argv[0], "bench", str(document), *arguments, "--in-home"],
                env=variables,
                check=False,
            )
        if finished.returncode:
            raise CommandError("The benchmark failed.", returncode=finished.returncode)

    def _measure(self, document: Path, *, strict: bool, **options: Any) -> None:
        from search.benchmark import machine, measure, report
        from search.benchmark.worker import worker_running

        call_command("upgrade", verbosity=0, stdout=self.stderr)
        home = environment().home.resolve()
        described = machine.machine_description()
        results = []
        try:
            with worker_running(home) as watch:
                for mode in options["mode"] or measure.MODES:
                    self.stderr.write(f"{document.name}: PII types {mode}")
                    results.append(measure.measure(mode, document, scratch=home, watch=watch))
            texts = measure.passages_of(results[0].mode)[::_REFERENCE_EVERY]
            reference = measure.reference_rate(texts)
        except FrostbyteError as error:
            raise CommandError(f"{error.message} {error.remediation}") from error
        if options["json"]:
            made = report.as_json(
                results, document=document.name, machine=described, reference=reference
            )
            self.stdout.write(json.dumps(made, indent=2))
        else:
            _print(report.table(results), described, document, reference)
        missed = report.misses(results)
        for line in missed:
            self.stderr.write(self.style.WARNING(f"Missed: {line}."))
        if missed and strict:
            raise CommandError("Targets were missed.")


def _document(pdf: Path | None, home: Path) -> Path:
    if pdf is not None:
        if not pdf.is_file():
            raise CommandError(f"There is no file {pdf}.")
        return pdf.resolve()
    found = corpus_document()
    if found is not None:
        return found
    try:
        return made_document(home / "made.pdf")
    except ImportError as error:
        raise CommandError("Install requirements/dev.txt, or name a PDF.") from error


def _print(table: Any, machine: dict[str, str], document: Path, reference: float) -> None:
    console = Console(width=100)
    console.print(f"{document.name}, {document.stat().st_size / 1e6:.1f} MB")
    for name, value in machine.items():
        console.print(f"{name:<12}{value}")
    console.print(table)
    console.print(
        f"For comparison, SentenceTransformer.encode with its defaults: {reference:.1f} passages "
        f"a second (every {_REFERENCE_EVERY}th passage of the first column)."
    )
