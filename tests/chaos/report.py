"""The table of what was found, and which targets were missed."""

from collections.abc import Sequence
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from search.benchmark.machine import machine_description

Finding = dict[str, Any]


def is_good(finding: Finding) -> bool:
    """Return whether nothing was lost, doubled or stuck, and every target was reached."""
    verdict = finding["verdict"]
    return not (verdict["lost"] or verdict["doubled"] or verdict["stuck"] or finding["missed"])


def told(findings: Sequence[Finding]) -> str:
    """Return machine, table, figures and misses as text."""
    console = Console(file=StringIO(), width=120)
    for name, value in machine_description().items():
        console.print(f"{name:<12}{value}")
    console.print(_table(findings))
    for finding in findings:
        for name, value in finding["figures"].items():
            console.print(f"{finding['fault']}: {name.replace('_', ' ')}: {value}")
        for line in [*finding["missed"], *finding["verdict"]["found"]]:
            console.print(f"MISSED {finding['fault']}: {line}")
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def _table(findings: Sequence[Finding]) -> Table:
    table = Table("fault", "repetitions", "documents", "lost", "doubled", "stuck", "given up",
                  "left over", "longest recovery s", "took s")  # fmt: skip
    for finding in findings:
        verdict = finding["verdict"]
        table.add_row(
            finding["fault"], str(finding["repetitions"]), str(verdict["documents"]),
            str(verdict["lost"]), str(verdict["doubled"]), str(verdict["stuck"]),
            str(sum(verdict["given_up"].values())), str(verdict["left_over"]),
            f"{finding['longest_recovery']:.1f}", f"{finding['seconds']:.0f}",
        )  # fmt: skip
    return table
