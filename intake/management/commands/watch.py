"""`manage.py watch --tenant acme DIR`: what appears in a folder is taken in and filed away."""

import json
import signal
import threading
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.events import COMMAND_LINE
from frostbyte.kernel.errors import FrostbyteError
from intake.models import DEFAULT_COLLECTION
from intake.selectors import collection_get
from intake.watching import Told, Watcher
from tenants.context import tenant_context
from tenants.management.actions import refused
from tenants.selectors import tenant_get


class Command(BaseCommand):
    help = (
        "Take in what appears in a folder, and file it away below done/ or rejected/ with its "
        "receipt beside it. A file counts once it has not changed for the settle time and nobody "
        "writes it. Surest and fastest: write under a hidden name (.name), then rename."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, help="slug of the tenant")
        parser.add_argument(
            "--collection", default=DEFAULT_COLLECTION, help="collection that the files go to"
        )
        parser.add_argument(
            "--settle",
            type=_seconds,
            default=2.0,
            metavar="SECONDS",
            help="how long a file must not have changed; 0 where all are renamed into place",
        )
        parser.add_argument("--once", action="store_true", help="end when all is filed away")
        parser.add_argument("--json", action="store_true", dest="as_json", help="a line an event")
        parser.add_argument("folder", type=Path, metavar="DIR")

    def handle(self, **options: Any) -> None:
        over = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: over.set())
        try:
            self._watch(over, **options)
        except FrostbyteError as error:
            raise refused(error) from error
        self._say(Told("ended"), as_json=options["as_json"])

    def _watch(
        self,
        over: threading.Event,
        *,
        tenant: str,
        collection: str,
        settle: float,
        once: bool,
        as_json: bool,
        folder: Path,
        **_options: Any,
    ) -> None:
        if not folder.is_dir():
            raise CommandError(f"There is no folder {folder}.")
        found = tenant_get(slug=tenant)
        with tenant_context(found):
            collection_get(name=collection)
        self._say(Told("watching", str(folder)), as_json=as_json)
        Watcher(
            tenant=found,
            folder=folder.resolve(),
            collection=collection,
            settle_seconds=settle,
            actor=COMMAND_LINE,
            tell=lambda told: self._say(told, as_json=as_json),
            is_over=over.is_set,
        ).run(once=once)

    def _say(self, told: Told, *, as_json: bool) -> None:
        line = json.dumps(_facts(told)) if as_json else _line(told)
        self.stdout.write(line)
        self.stdout.flush()


def _facts(told: Told) -> dict[str, Any]:
    facts: dict[str, Any] = {"at": datetime.now(UTC).isoformat(), "event": told.event}
    optional = {"path": told.path, "filed": told.filed, "reason": told.reason}
    facts |= {name: value for name, value in optional.items() if value}
    if told.receipt is not None:
        receipt = told.receipt
        facts |= {
            "outcome": receipt.outcome,
            "code": receipt.code,
            "is_duplicate": receipt.is_duplicate,
            "receipt_id": str(receipt.pk),
            "document_id": str(receipt.document_id) if receipt.document_id else None,
            "sha256": receipt.sha256,
        }
    return facts


def _line(told: Told) -> str:
    parts = [f"{datetime.now(UTC):%H:%M:%S}", f"{told.event:10}", told.path, told.reason]
    if told.receipt is not None and told.receipt.code:
        parts.append(f"{told.receipt.code}: {told.receipt.remediation}")
    if told.receipt is not None and told.receipt.is_duplicate:
        parts.append("(the same bytes were here already)")
    return " ".join(part for part in parts if part).rstrip()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 3600:
        raise ArgumentTypeError("seconds from 0 to 3600")
    return seconds
