"""`manage.py receipt verify FILE`: whether a receipt that somebody shows is as it was issued."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from intake.receipts import ReceiptCheck, receipt_verify
from tenants.encryption.signatures import Verdict
from tenants.management.actions import add_action, print_json

SIZE_LIMIT: Final = 1024 * 1024


class Command(BaseCommand):
    help = "Check receipts that were saved as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(required=True, metavar="ACTION")
        check = add_action(actions, "verify", verify, text="check a receipt's signature")
        check.add_argument("file", help="a receipt as the API or the drop folder gave it; -: stdin")
        check.add_argument("--json", action="store_true", dest="as_json", help="for programs")

    def handle(self, *, run: Any, **options: Any) -> None:
        run(self, **options)


def verify(command: BaseCommand, *, file: str, as_json: bool, **_options: Any) -> None:
    """Tell whether the platform signed this receipt, and whether a member was changed since.

    Ends with 0 for a receipt that is as it was issued, with 1 for any other.
    """
    shown = _read(file)
    check = receipt_verify(shown)
    if as_json:
        print_json(command, _facts(check))
    if not check.is_valid:
        raise CommandError(_reason(check), returncode=1)
    if not as_json:
        command.stdout.write(command.style.SUCCESS(_told(shown, check)))


def _read(file: str) -> dict[str, Any]:
    try:
        data = sys.stdin.buffer.read(SIZE_LIMIT + 1) if file == "-" else _bytes(Path(file))
        shown = json.loads(data, object_pairs_hook=_without_repeats)
    except (OSError, ValueError, RecursionError) as error:
        raise CommandError(f"No receipt can be read from it ({type(error).__name__}).") from error
    if not isinstance(shown, dict):
        raise CommandError("A receipt is a JSON object.")
    return shown


def _bytes(path: Path) -> bytes:
    with path.open("rb") as source:
        data = source.read(SIZE_LIMIT + 1)
    if len(data) > SIZE_LIMIT:
        raise ValueError
    return data


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a member that is there twice: others might read the one that is not checked."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _told(shown: dict[str, Any], check: ReceiptCheck) -> str:
    return (
        f"Valid: {shown['filename']!r} of {shown['tenant']}, {shown['outcome']} at "
        f"{shown['created_at']}, signed by {check.key_id}."
    )


def _reason(check: ReceiptCheck) -> str:
    if not check.key_id:
        return "The receipt bears no signature: nothing vouches for it."
    if check.verdict == Verdict.UNKNOWN_KEY:
        return f"The key {check.key_id!r} was never this platform's."
    told = "NOT valid: something of the receipt was changed after it was signed."
    if check.missing:
        told += f" Missing: {', '.join(check.missing)}."
    if check.unsigned:
        told += f" Not of a receipt: {', '.join(check.unsigned)}."
    return told


def _facts(check: ReceiptCheck) -> dict[str, Any]:
    return {
        "valid": check.is_valid,
        "verdict": check.verdict.value,
        "signing_key": check.key_id,
        "missing": list(check.missing),
        "unsigned": list(check.unsigned),
    }
