"""What commands share: subcommands, how errors end, how things print."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from frostbyte.kernel.errors import FrostbyteError

REFUSED: Final = 1
TRY_AGAIN: Final = 3
"""How a command ends: refused for good, or failed at something that may work later. 2 is misuse."""
_DAYS_LIMIT: Final = 36_500

Action = Callable[..., None]


def add_action(actions: Any, name: str, run: Action, *, text: str) -> ArgumentParser:
    """Add a subcommand that calls `run(command, **options)`, and return its parser."""
    parser: ArgumentParser = actions.add_parser(name, help=text, description=run.__doc__ or text)
    parser.set_defaults(run=run)
    return parser


def add_days(parser: ArgumentParser) -> None:
    """Let a command that issues a key take `--days`; it gets `expires_at`, None without."""
    parser.add_argument(
        "--days",
        type=_end_after,
        dest="expires_at",
        metavar="DAYS",
        help="how long it works, 1 to 36500 days; without: until revoked",
    )


def _end_after(days: str) -> datetime:
    if not days.isdecimal() or not 1 <= int(days) <= _DAYS_LIMIT:
        raise ArgumentTypeError(f"1 to {_DAYS_LIMIT} days")
    return timezone.now() + timedelta(days=int(days))


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
