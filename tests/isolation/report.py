"""The table of the attacks: surface, tries, leaks. Printed when the tests are over.

A pytest plugin. Test processes that run side by side hand their counts to the one that prints.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import pytest

TRIES: Final[Counter[str]] = Counter()
LEAKS: Final[Counter[str]] = Counter()
_HANDED_OVER: Final = "isolation_attacks"


def count(surface: str, *, tries: int = 1, leaks: int = 0) -> None:
    """Add to the counts of a surface."""
    TRIES[surface] += tries
    LEAKS[surface] += leaks


def lines() -> list[str]:
    """Return the table, one line a surface, and the totals."""
    width = max(len(surface) for surface in (*TRIES, "surface"))
    rows = [(surface, TRIES[surface], LEAKS[surface]) for surface in sorted(TRIES)]
    rows.append(("total", TRIES.total(), LEAKS.total()))
    head = f"{'surface':<{width}} {'tries':>8} {'leaks':>6}"
    return [head, *(f"{name:<{width}} {tries:>8,} {leaks:>6}" for name, tries, leaks in rows)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of xdist: hand the counts over."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_HANDED_OVER] = {"tries": dict(TRIES), "leaks": dict(LEAKS)}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the controller of xdist: take a worker's counts."""
    handed: Mapping[str, Any] = getattr(node, "workeroutput", {}).get(_HANDED_OVER, {})
    TRIES.update(handed.get("tries", {}))
    LEAKS.update(handed.get("leaks", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table where anything was tried."""
    if TRIES:
        terminalreporter.section("attacks on isolation")
        for line in lines():
            terminalreporter.write_line(line)
