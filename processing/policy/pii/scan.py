"""Running the rules over a text: one pass for their places, the recognisers only there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from processing.policy.pii.rules import RULES, Place, Rule
from tenants.configuration import PiiType

MIN_SCORE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Match:
    """Personal data in a text: its kind, its span, and how sure the rule is (0 to 1)."""

    kind: PiiType
    start: int
    end: int
    score: float


def scan(text: str, kinds: Iterable[PiiType]) -> list[Match]:
    """Return what the rules for these kinds find in a text; matches may overlap."""
    lowered = _lowered(text)
    wanted = frozenset(kinds)
    return [
        match
        for number, rule in enumerate(RULES)
        if rule.kind in wanted
        for place in rule.places(text, lowered)
        for match in _matches(rule, _recognizer(number), text, place)
    ]


def _matches(rule: Rule, recognizer: Any, text: str, place: Place) -> Iterator[Match]:
    found = recognizer.analyze(text[place.start : place.end], recognizer.supported_entities)
    for result in found:
        start, end = place.start + result.start, place.start + result.end
        score = min(1.0, result.score + rule.bonus)
        if start <= place.last and end >= place.first and score >= MIN_SCORE:
            yield Match(rule.kind, start, end, score)


@cache
def _recognizer(number: int) -> Any:
    return RULES[number].recognizer()


def _lowered(text: str) -> str:
    """Return the text in lower case, each character in its place."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := each.lower()) == 1 else each for each in text)
