"""A report as its page shows it."""

from dataclasses import dataclass
from typing import Any

from processing.batches.figure import WIDTH, bar, tone_of
from processing.batches.outcomes import TITLES, FileState
from processing.batches.pdf import reasons_of
from processing.batches.report import FileReport
from processing.batches.selectors import StoredReport


@dataclass(frozen=True, slots=True)
class FileLine:
    """One file of the report: its outcome in words, with the tone, and why it is not whole."""

    file: FileReport
    title: str
    tone: str
    reasons: list[str]


def report_context(stored: StoredReport) -> dict[str, Any]:
    """Return what the report's template needs."""
    report = stored.report
    return {
        "section": "batches",
        "report": report,
        "row": stored.row,
        "bar": bar(report.outcomes),
        "bar_width": WIDTH,
        "legend": [(each, tone_of(each.outcome)) for each in report.outcomes],
        "lines": [_line(file) for file in report.files],
    }


def _line(file: FileReport) -> FileLine:
    title = TITLES[FileState(file.outcome)]
    return FileLine(file, title, tone_of(file.outcome), reasons_of(file))
