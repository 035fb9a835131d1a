"""`manage.py bench`: what the system adds to the models' own time, measured on one document."""

import json
import shutil
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from frostbyte.kernel.errors import FrostbyteError
from frostbyte.settings.env import environment
from search.benchmark.home import run_in_home
from search.benchmark.machine import machine_description
from search.benchmark.measure import (
    MODES,
    Measured,
    measure,
    median_of,
    passages_of,
    reference_rate,
)
from search.benchmark.report import as_json, misses, table
from search.benchmark.worker import worker_running
from search.benchmark.workload import corpus_document, made_document

REFERENCE_EVERY: Final = 8
"""The library's defaults are slow, so they embed every so many passages only."""


class Command(BaseCommand):
    help = (
        "Ingest one long PDF three times (PII gate off, default types, all types) through embedded "
        "servers and a worker of its own in a temporary home, and compare the time with that of "
        "the models alone on the same texts."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pdf", nargs="?", type=Path, help="default: the corpus's, or one made")
        parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
        parser.add_argument("--mode", action="append", choices=tuple(MODES), help="default: all")
        parser.add_argument("--rounds", type=int, default=1, help="more than one gives medians")
        parser.add_argument("--strict", action="store_true", help="exit with 1 on a missed target")
        parser.add_argument("--keep", action="store_true", help="leave the temporary home")
        parser.add_argument("--in-home", action="store_true", help="internal: the servers run")

    def handle(self, *, pdf: Path | None, in_home: bool, keep: bool, **options: Any) -> None:
        if in_home and pdf is not None:
            self._measure(pdf, **options)
            return
        home = Path(tempfile.mkdtemp(prefix="frostbyte-bench-"))
        try:
            run_in_home(home, "bench", str(_document(pdf, home)), *_arguments(options))
        finally:
            if keep:
                self.stderr.write(f"Kept: {home}")
            else:
                shutil.rmtree(home)

    def _measure(self, document: Path, *, strict: bool, **options: Any) -> None:
        call_command("upgrade", verbosity=0, stdout=self.stderr)
        machine = machine_description()
        try:
            results = self._results(document, options["mode"] or list(MODES), options["rounds"])
            reference = reference_rate(passages_of(results[0].mode)[::REFERENCE_EVERY])
        except FrostbyteError as error:
            raise CommandError(f"{error.message} {error.remediation}") from error
        if options["json"]:
            made = as_json(results, document=document.name, machine=machine, reference=reference)
            self.stdout.write(json.dumps(made, indent=2))
        else:
            _print(results, machine, document, reference)
        missed = misses(results)
        for line in missed:
            self.stderr.write(self.style.WARNING(f"Missed: {line}."))
        if missed and strict:
            raise CommandError("Targets were missed.")

    def _results(self, document: Path, modes: list[str], rounds: int) -> list[Measured]:
        home = environment().home.resolve()
        made: dict[str, list[Measured]] = {mode: [] for mode in modes}
        with worker_running(home) as watch:
            for number in range(1, rounds + 1):
                for mode in modes:
                    self.stderr.write(f"{document.name}: PII types {mode}, round {number}")
                    made[mode].append(
                        measure(mode, document, number=number, scratch=home, watch=watch)
                    )
        return [median_of(of_mode) for of_mode in made.values()]


def _arguments(options: dict[str, Any]) -> Iterator[str]:
    yield f"--rounds={options['rounds']}"
    yield from (f"--mode={mode}" for mode in options["mode"] or ())
    yield from (f"--{name}" for name in ("json", "strict") if options[name])


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


def _print(
    results: list[Measured], machine: dict[str, str], document: Path, reference: float
) -> None:
    console = Console(width=100)
    console.print(f"{document.name}, {document.stat().st_size / 1e6:.1f} MB")
    for name, value in machine.items():
        console.print(f"{name:<12}{value}")
    console.print(table(results))
    console.print(
        f"For comparison, SentenceTransformer.encode with its defaults: {reference:.1f} passages "
        f"a second (every {REFERENCE_EVERY}th passage of the first column)."
    )
