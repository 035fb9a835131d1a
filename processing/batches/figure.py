"""The figure of a report: what became of the files, as one bar of parts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from processing.batches.outcomes import TONES, FileState
from processing.batches.report import OutcomeCount

WIDTH: Final = 1000.0
"""The bar's length, in units of its own."""
_LEAST: Final = 6.0
"""No part is shorter: one file in ten thousand must show."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the bar: from `x`, `width` long, of so many files."""

    title: str
    tone: str
    files: int
    x: float
    width: float


def bar(outcomes: Iterable[OutcomeCount]) -> list[Part]:
    """Return the bar's parts, in the order of the outcomes, over the whole of `WIDTH`."""
    shown = [each for each in outcomes if each.files]
    total = sum(each.files for each in shown)
    wanted = [max(_LEAST, WIDTH * each.files / total) for each in shown]
    scale = WIDTH / sum(wanted) if wanted else 0.0
    parts, x = [], 0.0
    for each, length in zip(shown, wanted, strict=True):
        width = round(length * scale, 2)
        parts.append(Part(each.title, tone_of(each.outcome), each.files, round(x, 2), width))
        x += length * scale
    return parts


def tone_of(outcome: str) -> str:
    """Return the tone in which an outcome is drawn."""
    return TONES.get(FileState(outcome), "plain")
