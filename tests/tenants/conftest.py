"""The fault table, printed after the tests that fill it."""

import pytest
from _pytest.terminal import TerminalReporter

FAULT = "fault"


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print a row for each fault that was injected: where, and what became of the tenant."""
    rows = sorted(
        (*map(str, row), category)
        for category in ("passed", "failed")
        for report in terminalreporter.getreports(category)
        for name, row in getattr(report, "user_properties", ())
        # The row of a test that failed on its way is empty; pytest tells of it by itself.
        if name == FAULT and row
    )
    if not rows:
        return
    terminalreporter.section("faults in a tenant's life: step x outcome")
    for step, fault, outcome, after, category in rows:
        terminalreporter.write_line(f"{step:<12} {fault:<20} {outcome:<40} {after:<24} {category}")


@pytest.fixture
def fault_row(request: pytest.FixtureRequest) -> list[str]:
    """A row of the fault table: step, fault, outcome, what came after; reported with the test."""
    row: list[str] = []
    request.node.user_properties.append((FAULT, row))
    return row
