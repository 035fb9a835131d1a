"""What became of a document's content: pages, what was left out, what the gates found.

Read from the stages' stored payloads, which never change, and only the members that are wanted:
a long document's payload is large, and its page is looked at often.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

from django.core.cache import cache

from processing.canonical import Dropped, Stats, decode, encode
from processing.models import Run, StageState
from processing.payloads import GateOutcome, GateResult
from processing.runner import payload_key
from tenants.models import Tenant
from tenants.stores import for_tenant

_KEEP_SECONDS: Final = 24 * 60 * 60
GATE_TITLES: Final = {"pii": "Personal data"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseSummary:
    """The part of the canonical document that its page shows."""

    stats: Stats
    dropped: tuple[Dropped, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySummary:
    """The gates' verdicts."""

    gates: tuple[GateResult, ...]


@dataclass(frozen=True, slots=True)
class GateLine:
    """One gate in words."""

    title: str
    text: str
    redacted: bool = False


def parse_summary(*, tenant: Tenant, run: Run) -> ParseSummary | None:
    """Return what the parse stage of a run (stages prefetched) found, or None before its end."""
    return _read(tenant, run, "parse", ParseSummary)


def gate_lines(*, tenant: Tenant, run: Run) -> list[GateLine]:
    """Return what each gate decided; none before the policy stage has ended."""
    summary = _read(tenant, run, "policy", PolicySummary)
    return [_line(gate) for gate in summary.gates] if summary else []


def _read(tenant: Tenant, run: Run, stage: str, kind: type[T]) -> T | None:
    states = {row.stage: row.state for row in run.stages.all()}
    if states.get(stage) != StageState.DONE:
        return None
    key = f"summary:{run.pk}:{stage}"
    kept: bytes | None = cache.get(key)
    if kept is not None:
        return decode(kept, kind)
    found = decode(for_tenant(tenant).objects.get(payload_key(run.pk, stage)), kind)
    cache.set(key, encode(found), _KEEP_SECONDS)
    return found


def _line(gate: GateResult) -> GateLine:
    title = GATE_TITLES.get(gate.gate, gate.gate)
    found = ", ".join(f"{count} {kind}" for kind, count in sorted(gate.counts.items()))
    if not found:
        return GateLine(title, "Nothing found.")
    redacted = gate.outcome is GateOutcome.REDACTED
    return GateLine(title, f"{'Taken out' if redacted else 'Found'}: {found}.", redacted)
