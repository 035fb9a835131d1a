"""`manage.py demo`: two organisations, their documents, cited answers, and nothing across."""

import json
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, transaction

from processing.bulk import FileOutcome, ingest_files
from processing.models import RunState
from search.management.commands.demo_tenants import SAMPLES, TENANTS, sample_files
from search.proofs import proof_verify
from search.results import Hit
from search.services import search
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.selectors import tenant_get

ACTOR: Final = "demo"
_GOOD: Final = {RunState.PUBLISHED.value, "duplicate"}


@dataclass(frozen=True, slots=True)
class Question:
    """A question to one tenant, and where its answer stands; no path: it has none there."""

    tenant: str
    query: str
    path: str | None
    page: int | None
    text_contains: str


class Command(BaseCommand):
    help = (
        "Onboard acme and globex, ingest the samples, ask both, print each cited answer with its "
        "proof checked, and show that neither sees the other's. Exits with 1 when a citation is "
        "wrong or something crosses."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--samples", type=Path, default=SAMPLES, help="folder of the samples")

    def handle(self, *, samples: Path, **_options: Any) -> None:
        call_command("upgrade", demo=True, verbosity=0)
        tenants = {slug: tenant_get(slug=slug) for slug in TENANTS}
        questions = questions_load(samples / "questions.jsonl")
        faults = [fault for tenant in tenants.values() for fault in self._ingest(tenant, samples)]
        for tenant in tenants.values():
            own = [question for question in questions if question.tenant == tenant.slug]
            faults += self._ask(tenant, own)
        faults += self._cross(tenants)
        if faults:
            raise CommandError("The demo found faults:\n" + "\n".join(faults))
        self.stdout.write(self.style.SUCCESS("Every citation verified; nothing crossed."))

    def _ingest(self, tenant: Tenant, samples: Path) -> list[str]:
        paths = sample_files(tenant.slug, samples)
        with tenant_context(tenant):
            outcomes = ingest_files(tenant=tenant, paths=paths, actor=ACTOR)
        self.stdout.write(self.style.MIGRATE_HEADING(f"{tenant.name} ({tenant.slug})"))
        for item in outcomes:
            self.stdout.write(f"  {item.path.name:<40} {item.outcome:<10} {item.chunks} passages")
        return [_ingest_fault(item) for item in outcomes if item.outcome not in _GOOD]

    def _ask(self, tenant: Tenant, questions: list[Question]) -> list[str]:
        self.stdout.write(self.style.MIGRATE_HEADING(f"Questions to {tenant.slug}"))
        faults = []
        for question in questions:
            with tenant_context(tenant):
                fault = self._answer(tenant, question)
            if fault:
                faults.append(f"{tenant.slug}: '{question.query}': {fault}")
        return faults

    def _answer(self, tenant: Tenant, question: Question) -> str:
        """Print the answer and return what is wrong with it, or ''."""
        hits = search(tenant=tenant, query_text=question.query, top_k=3, actor=ACTOR).hits
        self.stdout.write(f"  ? {question.query}")
        if question.path is None:
            return self._expect_nothing(question, hits)
        hit = next((hit for hit in hits if _answers(question, hit)), None)
        if hit is None:
            return "the right passage is not among the first three"
        report = proof_verify(tenant=tenant, proof=hit.proof)
        broken = [check.name for check in report.checks if not check.valid]
        mark = "proof holds" if report.valid else f"PROOF BROKEN: {', '.join(broken)}"
        self.stdout.write(f"    {' '.join(hit.text.split())[:160]}")
        self.stdout.write(f"    [{citation(hit)}] score {hit.score:.2f}, {mark}")
        return "" if report.valid else f"proof broken: {', '.join(broken)}"

    def _expect_nothing(self, question: Question, hits: tuple[Hit, ...]) -> str:
        if any(question.text_contains.casefold() in hit.text.casefold() for hit in hits):
            return "another tenant's words were found"
        self.stdout.write("    nothing of it here: the answer belongs to the other tenant")
        return ""

    def _cross(self, tenants: dict[str, Tenant]) -> list[str]:
        """Try, under each tenant's connection, to read every other's schema by raw SQL."""
        self.stdout.write(self.style.MIGRATE_HEADING("Raw SQL across tenants"))
        pairs = [(a, b) for a in tenants.values() for b in tenants.values() if a is not b]
        return [fault for own, other in pairs if (fault := self._try_cross(own, other))]

    def _try_cross(self, own: Tenant, other: Tenant) -> str:
        statement = f"SELECT text FROM {other.schema_name}.processing_chunk"  # noqa: S608 - ours
        try:
            with tenant_context(own), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
        except DatabaseError as error:
            self.stdout.write(f"  as {own.slug}: {statement}\n    {str(error).splitlines()[0]}")
            return ""
        return f"{own.slug} could read the schema of {other.slug}"


def questions_load(path: Path) -> list[Question]:
    """Read the samples' questions, one JSON object a line."""
    lines = (json.loads(line) for line in path.read_text().splitlines() if line.strip())
    return [
        Question(
            tenant=line["tenant"],
            query=line["query"],
            path=line.get("path"),
            page=line.get("page"),
            text_contains=line["text_contains"],
        )
        for line in lines
    ]


def citation(hit: Hit) -> str:
    """Return where a passage stands, for people: file, page, span."""
    page = f", page {hit.page}" if hit.page else ""
    return f"{hit.filename}{page}, characters {hit.start_char}-{hit.end_char}"


def _answers(question: Question, hit: Hit) -> bool:
    return (
        hit.filename == Path(question.path or "").name
        and question.page in (None, hit.page)
        and question.text_contains.casefold() in " ".join(hit.text.split()).casefold()
    )


def _ingest_fault(item: FileOutcome) -> str:
    return f"{item.path.name}: {item.outcome} {item.code} {item.detail}"
