"""What the console shows of a tenant's life: its runs as timelines, and what can be done now."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tenants.lifecycle.recovery import is_stuck
from tenants.lifecycle.states import TRANSITIONS, TenantState
from tenants.models import LifecycleKind, LifecycleOutcome, LifecycleRun, LifecycleStep, Tenant

S = TenantState
_DONE: Final = {"make": "made", "check": "checked", "undo": "undone", "remove": "removed"}
_FAILED: Final = {
    "make": "not made", "check": "check failed", "undo": "not undone", "remove": "not removed",
}  # fmt: skip
_NAMES: Final = {
    "role": "Database role", "schema": "Database schema and rows", "vectors": "Vectors",
    "bucket": "Objects", "key": "API keys", "domain": "Host name", "work": "Waiting work",
    "credential": "Store credential", "data_key": "Data key",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One thing on a timeline: how it stands, what was done to it, and the code of a failure."""

    name: str
    state: str
    told: str
    error_code: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """One run: its heading, and a line for each thing in the order in which it was first met."""

    title: str
    run: LifecycleRun
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Possibility:
    """Something that an operator may want to do: `why_not` is empty where the state allows it."""

    name: str
    label: str
    why_not: str

    @property
    def is_allowed(self) -> bool:
        """Whether it can be done from here."""
        return not self.why_not


def name_of(step: str) -> str:
    """Return what the pages call a step."""
    return _NAMES.get(step, step.replace("_", " ").capitalize())


def timeline_of(run: LifecycleRun) -> Timeline:
    """Return a run for its page; the steps are prefetched."""
    word = "Set-up" if run.kind == LifecycleKind.PROVISION else "Removal"
    return Timeline(f"{word}, attempt {run.attempt}", run, list(_lines(run)))


def _lines(run: LifecycleRun) -> Iterator[Line]:
    met: dict[str, list[LifecycleStep]] = {}
    for step in run.steps.all():
        met.setdefault(step.name, []).append(step)
    for name, steps in met.items():
        broken = [step for step in steps if step.state == LifecycleOutcome.FAILED]
        state = LifecycleOutcome.FAILED if broken else LifecycleOutcome.DONE
        told = ", ".join(map(_told, steps))
        yield Line(name_of(name), state, told, broken[-1].error_code if broken else "")


def _told(step: LifecycleStep) -> str:
    words = _FAILED if step.state == LifecycleOutcome.FAILED else _DONE
    counted = ""
    if "left" in step.details:
        counted = f" ({step.details['found']} found, {step.details['left']} left)"
    return f"{words[step.action]} in {step.duration_ms} ms{counted}"


def possibilities(tenant: Tenant, *, is_interrupted: bool) -> list[Possibility]:
    """Return everything that can be done with a tenant, and why not what its state forbids."""
    state = TenantState(tenant.state)
    at_work = is_stuck(tenant) and state != S.FAILED and not is_interrupted
    busy = "A process is at work on this tenant." if at_work else ""
    retry = "" if state in {S.FAILED, S.PENDING} or is_interrupted else "Nothing of it has failed."
    remove = "" if S.DEPROVISIONING in TRANSITIONS[state] or is_interrupted else _no_removal(state)
    gone = "It is removed." if state == S.DEPROVISIONED else ""
    return [
        Possibility("key_new", "Issue a key", _only(state, S.ACTIVE, "an active")),
        Possibility("tenant_settings", "Change settings", gone),
        Possibility("tenant_suspend", "Suspend", _only(state, S.ACTIVE, "an active")),
        Possibility("tenant_resume", "Resume", _only(state, S.SUSPENDED, "a suspended")),
        Possibility("tenant_retry", "Retry", busy or retry),
        Possibility("tenant_remove", "Remove", busy or remove),
    ]


def _only(state: TenantState, wanted: TenantState, words: str) -> str:
    return "" if state == wanted else f"Only {words} tenant can; this one is {state.lower()}."


def _no_removal(state: TenantState) -> str:
    if state == S.DEPROVISIONED:
        return "It is removed already; its history and its slug stay."
    return "It was never set up; retry that first."
