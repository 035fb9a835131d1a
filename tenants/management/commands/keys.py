"""`manage.py keys status|rotate`: what protects the tenants' objects, and new keys for it."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand

from audit.events import COMMAND_LINE
from frostbyte.kernel.errors import FrostbyteError
from tenants.encryption.master import master_key, master_key_path
from tenants.encryption.rotation import Progress, data_key_rotate, master_key_rotate
from tenants.encryption.signatures import signing_key_rotate, signing_keys
from tenants.management.actions import add_action, print_table, refused
from tenants.models import DataKeyVersion, SigningKey
from tenants.selectors import data_keys_in_use, tenant_get

STEP = 100


class Command(BaseCommand):
    help = "Show the keys that protect the tenants' objects, and put new ones in their place."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(required=True, metavar="ACTION")
        add_action(actions, "status", status, text="which keys there are, and what is missing")
        rotate = add_action(actions, "rotate", rotate_key, text="a new key in the place of an old")
        which = rotate.add_mutually_exclusive_group(required=True)
        which.add_argument("--tenant", metavar="SLUG", help="a new data key for this tenant")
        which.add_argument("--master", action="store_true", help="a new master key")
        which.add_argument("--signing", action="store_true", help="a new key that signs receipts")

    def handle(self, *, run: Any, **options: Any) -> None:
        try:
            run(self, **options)
        except FrostbyteError as error:
            raise refused(error) from error


def status(command: BaseCommand, **_options: Any) -> None:
    """Name the master key's identities by their public keys, data keys and signing keys."""
    known = master_key().recipients
    command.stdout.write(f"master key {master_key_path()}: {', '.join(known)}")
    heads = ("tenant", "version", "since", "state", "wrapped for")
    print_table(command, [heads, *(_told(row, known) for row in data_keys_in_use())])
    if signing := signing_keys():
        columns = ("signing key", "since", "state", "wrapped for")
        print_table(command, [columns, *(_signing_told(row, known) for row in signing)])


def _told(row: DataKeyVersion, known: tuple[str, ...]) -> tuple[str, ...]:
    state = "current" if row.retired_at is None else "rotation not finished"
    recipient = _recipient_told(row, known)
    return row.tenant.slug, str(row.version), f"{row.created_at:%Y-%m-%d}", state, recipient


def _signing_told(row: SigningKey, known: tuple[str, ...]) -> tuple[str, ...]:
    since = f"{row.created_at:%Y-%m-%d}"
    if row.retired_at is not None:
        return row.pk, since, f"retired {row.retired_at:%Y-%m-%d}, verifies only", ""
    return row.pk, since, "current", _recipient_told(row, known)


def _recipient_told(row: DataKeyVersion | SigningKey, known: tuple[str, ...]) -> str:
    return row.recipient if row.recipient in known else f"{row.recipient} MISSING"


def rotate_key(
    command: BaseCommand, *, tenant: str | None, master: bool, signing: bool, **_options: Any
) -> None:
    """Replace a key while everything goes on; broken off, the same command goes on."""
    if tenant is not None:
        with _told_progress(command, "objects") as progress:
            done = data_key_rotate(
                tenant=tenant_get(slug=tenant), actor=COMMAND_LINE, progress=progress
            )
        command.stdout.write(
            f"{tenant}: version {done.version} is in force, {done.resealed} objects sealed anew, "
            f"{done.destroyed} old versions destroyed."
        )
    if master:
        _rotate_master(command)
    if signing:
        key = signing_key_rotate(actor=COMMAND_LINE)
        command.stdout.write(f"{key.pk} signs from now on; what others signed still verifies.")


def _rotate_master(command: BaseCommand) -> None:
    with _told_progress(command, "keys") as progress:
        done = master_key_rotate(actor=COMMAND_LINE, progress=progress)
    command.stdout.write(f"{done.rewrapped} keys are wrapped for {done.recipient}.")
    for recipient in done.left:
        command.stdout.write(f"Remove {recipient} from {master_key_path()}: it cannot be written.")
    command.stdout.write("Keep a copy of the new master key apart from all other backups.")


@contextmanager
def _told_progress(command: BaseCommand, what: str) -> Iterator[Progress]:
    def tell(done: int, total: int) -> None:
        if done % STEP == 0 or done == total:
            command.stdout.write(f"{done} of {total} {what}")

    yield tell
