"""The first command in a new home finds a migrated database, however the servers came up."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from frostbyte.embedded.servers import EmbeddedServers
from frostbyte.settings.env import PROJECT_DIR


def run(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    variables = {"FROSTBYTE_HOME": str(home), "DJANGO_SETTINGS_MODULE": "frostbyte.settings.dev"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT_DIR,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def new_home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="frostbyte-first-"))
    yield home
    EmbeddedServers(home).stop()
    shutil.rmtree(home)


@pytest.mark.parametrize("first", [("embedded", "start"), ("tenant", "list")])
def test_a_new_home_is_migrated_by_the_first_command(
    new_home: Path, first: tuple[str, ...]
) -> None:
    started = run(new_home, *first)
    assert started.returncode == 0, started.stderr
    for slug in ("acme", "globex"):
        created = run(new_home, "tenant", "create", slug)
        assert f"{slug} is ACTIVE." in created.stdout, created.stderr
    listed = run(new_home, "tenant", "list").stdout
    assert "acme" in listed
    assert "globex" in listed


def test_other_migrations_than_those_applied_are_looked_at_again(new_home: Path) -> None:
    assert run(new_home, "tenant", "list").returncode == 0
    stamp = new_home / "upgraded"
    current = stamp.read_text()
    stamp.write_text("those of another version")
    listed = run(new_home, "tenant", "list")
    assert listed.returncode == 0, listed.stderr
    assert stamp.read_text() == current
