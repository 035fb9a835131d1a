"""`manage.py facts_check --tenant acme FACTS.jsonl ROOT`: known questions, known answers."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from audit.events import COMMAND_LINE
from frostbyte.kernel.errors import FrostbyteError
from intake.models import Document
from search.facts import TOP, Fact, FactResult, fact_check, facts_load
from tenants.context import tenant_context
from tenants.management.actions import refused
from tenants.selectors import tenant_get


class Command(BaseCommand):
    help = (
        "Ask each fact of a JSON-lines file (query, answers: path and page, text_contains) and "
        f"report how many had the right file, page and words among the first {TOP} hits. Facts "
        "none of whose files the tenant has are left out, and counted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, help="slug of the tenant that is asked")
        parser.add_argument("facts", type=Path, metavar="FACTS.jsonl")
        parser.add_argument("root", type=Path, metavar="ROOT", help="folder that paths start from")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(
        self, *, tenant: str, facts: Path, root: Path, as_json: bool, **_options: Any
    ) -> None:
        loaded = _load(facts, root)
        try:
            found = tenant_get(slug=tenant)
            with tenant_context(found):
                askable = _askable(loaded)
                results = [
                    fact_check(tenant=found, fact=fact, actor=COMMAND_LINE) for fact in askable
                ]
        except FrostbyteError as error:
            raise refused(error) from error
        summary = _summary(results, left_out=len(loaded) - len(results))
        if as_json:
            facts_json = [_as_json(result) for result in results]
            self.stdout.write(json.dumps({**summary, "facts": facts_json}, indent=2))
        else:
            Console(file=self.stdout).print(_table(results))  # type: ignore[arg-type]
            self.stdout.write(", ".join(f"{name} {value}" for name, value in summary.items()))


def _load(facts: Path, root: Path) -> list[Fact]:
    try:
        return facts_load(facts, root)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandError(f"{facts} cannot be read: {type(error).__name__}: {error}") from error


def _askable(facts: list[Fact]) -> list[Fact]:
    published = Document.objects.exclude(published_run_id=None)
    known = set(published.values_list("sha256", flat=True))
    return [fact for fact in facts if any(answer.sha256 in known for answer in fact.answers)]


def _summary(results: list[FactResult], *, left_out: int) -> dict[str, int]:
    return {
        "asked": len(results),
        "right_file": sum(result.right_file for result in results),
        "right_page": sum(result.right_page for result in results),
        "right_words": sum(result.right_words for result in results),
        "left_out": left_out,
    }


def _as_json(result: FactResult) -> dict[str, object]:
    return {
        "query": result.fact.query,
        "right_file": result.right_file,
        "right_page": result.right_page,
        "right_words": result.right_words,
    }


def _table(results: list[FactResult]) -> Table:
    table = Table("question", "file", "page", "words")
    for result in results:
        marks = (result.right_file, result.right_page, result.right_words)
        table.add_row(result.fact.query, *("yes" if mark else "NO" for mark in marks))
    return table
