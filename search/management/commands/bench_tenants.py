"""`manage.py bench_tenants`: what it costs that there are many tenants."""

import json
import shutil
import tempfile
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from frostbyte.kernel.errors import FrostbyteError
from search.benchmark.home import run_in_home
from search.benchmark.machine import machine_description
from search.benchmark.tenants import TenantFigures, measure_tenants

COUNTS = "1,100,300"


class Command(BaseCommand):
    help = (
        "Make tenants in a temporary home with servers of its own, and measure at each count: "
        "making one, a request to the first, migrating with nothing to do, a sweep; at the end a "
        "migration over all."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--counts", default=COUNTS, help=f"default: {COUNTS}")
        parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
        parser.add_argument("--in-home", action="store_true", help="internal: the servers run")

    def handle(self, *, counts: str, json: bool, in_home: bool, **_options: Any) -> None:
        if in_home:
            self._measure([int(each) for each in counts.split(",")], as_json=json)
            return
        home = Path(tempfile.mkdtemp(prefix="frostbyte-bench-"))
        arguments = [f"--counts={counts}", *(["--json"] if json else [])]
        try:
            run_in_home(home, "bench_tenants", *arguments)
        finally:
            shutil.rmtree(home)

    def _measure(self, counts: list[int], *, as_json: bool) -> None:
        call_command("upgrade", verbosity=0, stdout=self.stderr)
        try:
            figures = measure_tenants(counts, tell=self.stderr.write)
        except FrostbyteError as error:
            raise CommandError(f"{error.message} {error.remediation}") from error
        machine = machine_description()
        if as_json:
            told = {"machine": machine, "ratios": figures.ratios, **asdict(figures)}
            self.stdout.write(json.dumps(told, indent=2))
        else:
            _print(figures, machine)


def _print(figures: TenantFigures, machine: dict[str, str]) -> None:
    console = Console(width=100)
    for name, value in machine.items():
        console.print(f"{name:<12}{value}")
    table = Table("tenants", "create s", "list ms", "query ms", "list ratio", "query ratio",
                  "migrate, nothing s", "sweep ms", "memory MB")  # fmt: skip
    for at, (_count, listed, asked) in zip(figures.counts, figures.ratios, strict=True):
        table.add_row(
            str(at.tenants), f"{at.create:.2f}", f"{at.list_documents * 1000:.1f}",
            f"{at.query * 1000:.1f}", f"{listed:.2f}", f"{asked:.2f}",
            f"{at.migrate_nothing:.2f}", f"{at.sweep * 1000:.0f}", f"{at.memory:.0f}",
        )  # fmt: skip
    console.print(table)
    steps = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in figures.steps.items())
    console.print(f"Making one, by step: {steps}.")
    last = figures.counts[-1].tenants
    console.print(f"A migration of a table over {last} tenants: {figures.migrate_all:.1f} s.")
