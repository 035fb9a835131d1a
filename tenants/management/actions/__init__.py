"""What the commands `tenant` and `operator` share: who acts, how errors end, how things print."""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder

from frostbyte.kernel.errors import FrostbyteError

ACTOR: Final = "command line"
REFUSED: Final = 1
TRY_AGAIN: Final = 3
"""How a command ends: refused for good, or failed at something that may work later. 2 is misuse."""

Action = Callable[..., None]


def add_action(actions: Any, name: str, run: Action, *, text: str) -> ArgumentParser:
    """Add a subcommand that calls `run(command, **options)`, and return its parser."""
    parser: ArgumentParser = actions.add_parser(name, help=text, description=run.__doc__ or text)
    parser.set_defaults(run=run)
    return parser


def refused(error: FrostbyteError) -> CommandError:
    """Return the error as the command line tells it: what, what to do, and the code."""
    told = " ".join(part for part in (error.message, error.remediation, f"[{error.code}]") if part)
    return CommandError(told, returncode=TRY_AGAIN if error.retryable else REFUSED)


def print_json(command: BaseCommand, value: object) -> None:
    """Write a value as JSON, for programs."""
    command.stdout.write(json.dumps(value, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))


def print_table(command: BaseCommand, rows: Sequence[tuple[str, ...]]) -> None:
    """Write rows in columns as wide as what stands in them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        command.stdout.write("  ".join(padded).rstrip())
