"""`manage.py pipeline dead-letters|retry|skip|abandon|cancel`."""

from functools import partial
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from audit.events import COMMAND_LINE
from intake.models import Batch
from processing.cancelling import batch_cancel_runs, run_cancel
from processing.dead_letters import (
    REASON_LIMIT,
    Decision,
    dead_letter_decide,
    dead_letter_list,
    dead_letters_decide,
    letter_facts,
)
from processing.models import OPEN_STATES, Resolution, Run
from tenants.context import tenant_context
from tenants.management.actions import add_action, print_json, print_table
from tenants.models import Tenant
from tenants.selectors import tenant_get

_TEXTS = {
    Decision.RETRY: "try dead letters again, with all their tries",
    Decision.SKIP: "set dead letters aside; they can be tried again later",
    Decision.ABANDON: "close dead letters for good; the files as received stay",
}
_DONE = {
    Decision.RETRY: "tried again",
    Decision.SKIP: "set aside",
    Decision.ABANDON: "closed for good",
}


def add_letters(actions: Any) -> None:
    """Add the actions on dead letters and on runs."""
    listing = add_action(actions, "dead-letters", list_letters, text="runs that failed, and why")
    listing.add_argument("--tenant", required=True, help="slug")
    listing.add_argument("--resolution", choices=Resolution.values, default=Resolution.OPEN)
    listing.add_argument("--json", action="store_true", dest="as_json", help="for programs")
    for decision in Decision:
        text = _TEXTS[decision]
        parser = add_action(actions, decision.value, partial(decide, decision), text=text)
        parser.add_argument("--tenant", required=True, help="slug")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--run", action="append", type=UUID, dest="runs", help="id; repeatable")
        which.add_argument("--all", action="store_true", dest="every", help="every open one")
        parser.add_argument("--code", help="with --all: those that ended with this code only")
        parser.add_argument("--reason", default="", help=f"for the record, {REASON_LIMIT} at most")
    cancel = add_action(actions, "cancel", cancel_runs, text="end runs that are not final")
    cancel.add_argument("--tenant", required=True, help="slug")
    which = cancel.add_mutually_exclusive_group(required=True)
    which.add_argument("--run", action="append", type=UUID, dest="runs", help="id; repeatable")
    which.add_argument("--batch", help="the sender's name of a batch: all that is left of it")


def list_letters(
    command: BaseCommand, *, tenant: str, resolution: str, as_json: bool, **_options: Any
) -> None:
    """List a tenant's dead letters, newest first: where each ended, why, what can be done."""
    found = tenant_get(slug=tenant)
    with tenant_context(found):
        letters = list(dead_letter_list(resolution=Resolution(resolution)))
    facts = [letter_facts(letter) for letter in letters]
    if as_json:
        print_json(command, facts)
        return
    names = ("id", "filename", "outcome", "stage", "code", "attempts", "message")
    print_table(command, [names, *(tuple(str(each[n]) for n in names) for each in facts)])


def decide(
    decision: Decision,
    command: BaseCommand,
    *,
    tenant: str,
    runs: list[UUID] | None,
    every: bool,
    code: str | None,
    reason: str,
    **_options: Any,
) -> None:
    """Decide over dead letters, on record with the reason."""
    if len(reason) > REASON_LIMIT:
        raise CommandError(f"The reason is longer than {REASON_LIMIT} characters.", returncode=2)
    found = tenant_get(slug=tenant)
    given: dict[str, Any] = {
        "tenant": found,
        "decision": decision,
        "actor": COMMAND_LINE,
        "reason": reason,
    }
    with tenant_context(found):
        if every:
            count = dead_letters_decide(run_ids=_open(code), **given)
        else:
            count = sum(bool(dead_letter_decide(run_id=run, **given)) for run in runs or ())
    command.stdout.write(f"{count} {_DONE[decision]}.")


def _open(code: str | None) -> list[UUID]:
    letters = dead_letter_list()
    wanted = letters.filter(error_code=code) if code else letters
    return list(wanted.values_list("pk", flat=True))


def cancel_runs(
    command: BaseCommand, *, tenant: str, runs: list[UUID] | None, batch: str | None, **_opts: Any
) -> None:
    """Cancel runs: what waits ends at once, what is in work writes nothing any more."""
    found = tenant_get(slug=tenant)
    with tenant_context(found):
        if batch:
            count = _cancel_batch(found, batch)
        else:
            wanted = runs or ()
            count = sum(run_cancel(tenant=found, run_id=r, actor=COMMAND_LINE) for r in wanted)
        left = Run.objects.filter(state__in=OPEN_STATES).count()
    command.stdout.write(f"{count} cancelled; {left} of the tenant's are not final.")


def _cancel_batch(tenant: Tenant, reference: str) -> int:
    found = Batch.objects.filter(reference=reference).first()
    if found is None:
        raise CommandError(f"There is no batch '{reference}'.")
    return batch_cancel_runs(tenant=tenant, batch_id=found.pk, actor=COMMAND_LINE)
