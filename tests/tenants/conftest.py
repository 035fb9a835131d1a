"""The fault table, printed after the tests that fill it; a master key to turn."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter
from pytest_django import Settings

from tenants.encryption import keys as data_keys
from tenants.models import DataKeyVersion, SigningKey

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


@pytest.fixture
def own_master(committed: None, tmp_path: Path, settings: Settings) -> Iterator[Path]:
    """A master key file of this test's own, holding the identity in use; it is put back after."""
    before = Path(settings.MASTER_KEY_FILE)
    path = tmp_path / "master.txt"
    path.write_bytes(before.read_bytes())
    settings.MASTER_KEY_FILE = str(path)
    yield path
    path.write_text(path.read_text() + before.read_text())
    for row in DataKeyVersion.objects.filter(destroyed_at=None):
        data_keys.key_rewrap(row)
    for signing in SigningKey.objects.filter(retired_at=None):
        data_keys.key_rewrap(signing)
