"""Checking a chain from its first event to its last."""

from dataclasses import dataclass

from audit.events import hash_event
from audit.models import GENESIS_HASH, AuditEvent
from audit.selectors import event_list
from audit.services import hashed_fields


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """The first place where a chain does not hold, and what is wrong there."""

    sequence: int
    reason: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The outcome for one chain: how many events hold, and where it breaks, if it does."""

    tenant: str
    events: int
    head_hash: str
    broken: ChainBreak | None

    @property
    def valid(self) -> bool:
        """Whether every event is in place and unchanged."""
        return self.broken is None


def chain_verify(*, tenant: str) -> ChainReport:
    """Recompute every hash of the tenant's chain, in order, in constant memory."""
    sequence, head = 0, GENESIS_HASH
    for event in event_list(tenant=tenant).iterator(chunk_size=2000):
        reason = _fault(event, expected_sequence=sequence + 1, previous_hash=head)
        if reason:
            return ChainReport(tenant, sequence, head, ChainBreak(sequence + 1, reason))
        sequence, head = event.sequence, event.event_hash
    return ChainReport(tenant, sequence, head, None)


def _fault(event: AuditEvent, *, expected_sequence: int, previous_hash: str) -> str:
    if event.sequence != expected_sequence:
        return f"event {expected_sequence} is missing"
    if event.previous_hash != previous_hash:
        return "it does not continue the event before it"
    fields = hashed_fields(event)
    if event.event_hash != hash_event(previous_hash=previous_hash, fields=fields):
        return "its content was changed"
    return ""
