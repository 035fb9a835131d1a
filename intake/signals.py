"""What intake tells the apps above it: a document waits for its first run, a batch is received."""

from typing import Any, Final

import structlog
from django.db import transaction
from django.dispatch import Signal

log = structlog.get_logger("frostbyte.intake")

document_received: Final = Signal()
"""Sent on commit, with `tenant` and `document_id`, and for a file of a batch its `batch_id` and
`priority`; processing has the one receiver."""

batch_received: Final = Signal()
"""Sent on commit, with `tenant` and `batch_id`: every file of the batch has its receipt."""


def announce_on_commit(signal: Signal, sender: type, **told: Any) -> None:
    """Send a signal once what it tells of is on record.

    A receiver's fault is not the sender's of the file, whose receipt stands: the sweep does what
    was left undone.
    """
    transaction.on_commit(lambda: _announce(signal, sender, told))


def _announce(signal: Signal, sender: type, told: dict[str, Any]) -> None:
    try:
        signal.send(sender, **told)
    except Exception as error:
        log.error("not announced", what=sender.__name__, exc_info=error)
