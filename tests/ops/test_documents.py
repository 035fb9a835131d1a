"""The operations guide and the Makefile against the code."""

import re
import shutil
import subprocess

from frostbyte.settings.env import PROJECT_DIR, Environment
from tests.ops.variables import environment_defaults

ROW = re.compile(r"^\| `(?P<name>[A-Z0-9_]+)` \|(?P<default>[^|]*)\|", re.MULTILINE)
HOME = Environment.model_fields["home"].default


def test_the_guide_lists_every_environment_variable_with_its_default() -> None:
    guide = (PROJECT_DIR / "docs" / "operations.md").read_text()
    table = guide.split("## Environment variables")[1].split("\n## ")[0]
    listed = {match["name"]: match["default"].strip().strip("`") for match in ROW.finditer(table)}
    expected = environment_defaults()
    expected["FROSTBYTE_HOME"] = str(HOME.relative_to(PROJECT_DIR))
    assert listed == expected


def test_make_help_lists_every_target() -> None:
    make = shutil.which("make")
    assert make is not None
    done = subprocess.run(
        [make, "--no-print-directory", "help"],
        cwd=PROJECT_DIR,
        check=True,
        capture_output=True,
        text=True,
    )
    listed = re.findall(r"^  make (\w+)", done.stdout, flags=re.MULTILINE)
    assert listed == ["help", "run", "test", "check", "fix", "demo", "bench", "chaos", "clean"]


def test_the_guide_names_commands_and_paths_that_exist() -> None:
    guide = (PROJECT_DIR / "docs" / "operations.md").read_text()
    paths = re.findall(r"`((?:requirements|migrations|docs|frostbyte)/[\w./-]+)`", guide)
    assert paths
    assert not [path for path in paths if not (PROJECT_DIR / path).exists()]
