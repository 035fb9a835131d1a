"""What is kept of a stage's result beside its row, so that nobody has to read the object for it."""

from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from processing.canonical import Dropped, ParsedDocument

_PAGES: Final = 20
"""So many pages are named for one kind of dropped content; the count tells of all."""

_kind = attrgetter("element", "reason", "remediation")


def stage_summary(output: Any, details: dict[str, Any]) -> dict[str, Any]:
    """Return counts and versions of a stage's output, and the kinds of content that it left out."""
    if not isinstance(output, ParsedDocument):
        return details
    return {
        **details,
        "ocr_pages": output.stats.ocr_pages,
        "dropped_kinds": dropped_kinds(output.dropped),
    }


def dropped_kinds(dropped: tuple[Dropped, ...]) -> list[dict[str, Any]]:
    """Return what was left out, equal kinds as one with their number and first pages."""
    grouped = groupby(sorted(dropped, key=_kind), key=_kind)
    return [_told(kind, list(cases)) for kind, cases in grouped]


def _told(kind: tuple[str, str, str], cases: list[Dropped]) -> dict[str, Any]:
    element, reason, remediation = kind
    pages = sorted({case.page for case in cases if case.page is not None})
    return {
        "element": element,
        "reason": reason,
        "remediation": remediation,
        "count": len(cases),
        "pages": pages[:_PAGES],
    }
