"""The walk through a tenant's life in docs/operations.md: each command prints what stands there."""

import re
import shlex
from dataclasses import dataclass
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from frostbyte.settings.env import PROJECT_DIR
from tenants.models import Tenant

GUIDE = PROJECT_DIR / "docs" / "operations.md"
TIME = re.compile(r"\d+(\.\d+)? (ms|s)\b")


@dataclass(frozen=True)
class Example:
    """One command of the guide, and what it is said to print; `...` stands for anything."""

    command: str
    printed: str


def examples() -> list[Example]:
    """Return the commands of the walk in their order."""
    text = GUIDE.read_text().split("<!-- walk: begin -->")[1].split("<!-- walk: end -->")[0]
    blocks = "".join(re.findall(r"```console\n(.*?)```", text, re.DOTALL))
    found = re.findall(r"^\$ manage\.py (.*)\n((?:(?!\$ ).*\n)*)", blocks, re.MULTILINE)
    return [Example(command, printed) for command, printed in found]


def run(command: str) -> str:
    """Run it as a shell would, and return what it prints, errors with their prefix."""
    out = StringIO()
    try:
        call_command(*shlex.split(command), stdout=out, no_color=True)
    except CommandError as error:
        return f"CommandError: {error}\n"
    return out.getvalue()


def squeezed(text: str) -> str:
    """Return the text with times left out and runs of blanks made one: both differ by the day."""
    lines = (re.sub(r"[ \t]+", " ", TIME.sub("T", line)).strip() for line in text.splitlines())
    return "\n".join(lines)


def pattern_of(printed: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in squeezed(printed).split("...")]
    return re.compile("[^$]*?".join(parts))


def test_the_walk_prints_what_the_guide_says(committed: None) -> None:
    walk = examples()
    actions = {tuple(example.command.split()[:2]) for example in walk}
    for action in ("create", "config", "suspend", "resume", "show", "deprovision", "list"):
        assert ("tenant", action) in actions
    for example in walk:
        printed = squeezed(run(example.command))
        assert pattern_of(example.printed).fullmatch(printed), (example.command, printed)
    assert Tenant.objects.get(slug="north-clinic").state == "DEPROVISIONED"


# Without a test that asks for `db`, pytest-django makes no test database.
@pytest.mark.usefixtures("acme", "globex")
@pytest.mark.parametrize("name", ["create", "list", "show", "deprovision", "retry", "config"])
def test_every_action_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("tenant", name, "--help")
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out
