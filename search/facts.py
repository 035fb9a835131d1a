"""Questions with known answers: does search find the right file, page and words?"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from search.results import Hit
from search.services import search
from tenants.models import Tenant

TOP: Final = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """A place that answers: the file's SHA-256, and its page, or None for any."""

    path: str
    sha256: str
    page: int | None


@dataclass(frozen=True, slots=True)
class Fact:
    """A question, every place that answers it, and words that the right passage contains."""

    query: str
    answers: tuple[Answer, ...]
    text_contains: str


@dataclass(frozen=True, slots=True)
class FactResult:
    """What of a fact was among the first `TOP` hits; `words` are those of a right file and page."""

    fact: Fact
    right_file: bool
    right_page: bool
    right_words: bool


def facts_load(facts: Path, root: Path) -> list[Fact]:
    """Read facts, one JSON object a line; files are told by content, so names may change.

    An answer whose file is not under `root` is left out; a fact left without answers too.
    """
    loaded = [_fact(json.loads(line), root) for line in facts.read_text().splitlines() if line]
    return [fact for fact in loaded if fact.answers]


def fact_check(*, tenant: Tenant, fact: Fact, actor: str) -> FactResult:
    """Ask one fact, inside the tenant's context."""
    hits = search(tenant=tenant, query_text=fact.query, top_k=TOP, actor=actor).hits
    return fact_judge(fact, hits)


def fact_judge(fact: Fact, hits: Sequence[Hit]) -> FactResult:
    """Compare hits with the fact's answers."""
    by_file = [hit for hit in hits if _answers(fact, hit, with_page=False)]
    by_page = [hit for hit in hits if _answers(fact, hit, with_page=True)]
    wanted = _plain(fact.text_contains)
    return FactResult(
        fact=fact,
        right_file=bool(by_file),
        right_page=bool(by_page),
        right_words=any(wanted in _plain(hit.text) for hit in by_page),
    )


def _answers(fact: Fact, hit: Hit, *, with_page: bool) -> bool:
    return any(
        answer.sha256 == hit.proof.raw_sha256
        and (not with_page or answer.page is None or answer.page == hit.page)
        for answer in fact.answers
    )


def _fact(line: dict[str, object], root: Path) -> Fact:
    answers = line["answers"]
    if not isinstance(answers, list):
        raise TypeError("answers must be a list")
    return Fact(
        query=str(line["query"]),
        answers=tuple(
            Answer(item["path"], _sha256(root / item["path"]), item.get("page"))
            for item in answers
            if (root / item["path"]).is_file()
        ),
        text_contains=str(line["text_contains"]),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(text: str) -> str:
    """Return the text without case and white space."""
    return "".join(text.casefold().split())
