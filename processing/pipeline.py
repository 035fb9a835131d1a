"""The pipeline: one tuple, run by one loop (`processing.runner`).

Each stage's function takes what the one before returns; the system check `check_pipeline` holds
them to it. `waits` are the seconds before each new try, so their count is the number of retries.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, get_type_hints

from django.conf import settings

from audit.events import EventType
from frostbyte.sandbox.limits import DEFAULT, Limits
from processing.stages import embed, intake, parse, policy, serve, store
from processing.stages.context import StageContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step: its work, how patient it is, and what the audit trail says of its end.

    `version` changes when the same input may give another output. A stage that `writes_rows`
    runs inside the transaction that marks it done. `outage_waits` are the seconds before each look
    for a store that does not answer, the last of them again and again: such a look is no try.
    `verdict` is what a document is called that does not get past the stage. `limits` bound what the
    stage does in a process of its own.
    """

    name: str
    version: str
    work: Callable[[Any, StageContext], Any]
    details: Callable[[Any], dict[str, Any]]
    event: EventType
    failure_event: EventType
    verdict: str
    waits: tuple[int, ...] = ()
    outage_waits: tuple[int, ...] = ()
    writes_rows: bool = False
    limits: Limits = DEFAULT

    @property
    def input_type(self) -> type:
        """The dataclass that the stage takes."""
        hints = {key: hint for key, hint in get_type_hints(self.work).items() if key != "return"}
        first: type = next(iter(hints.values()))
        return first

    @property
    def output_type(self) -> type:
        """The dataclass that the stage returns."""
        returned: type = get_type_hints(self.work)["return"]
        return returned


PIPELINE: Final = (
    Stage(
        name="intake", version="1", work=intake.confirm, details=intake.details,
        event=EventType.DOCUMENT_CONFIRMED, failure_event=EventType.DOCUMENT_REJECTED,
        verdict="rejected", outage_waits=(10, 60, 300),
    ),
    Stage(
        name="parse", version="1", work=parse.parse, details=parse.details,
        event=EventType.DOCUMENT_PARSED, failure_event=EventType.DOCUMENT_PARSE_FAILED,
        verdict="parse_failed", waits=(10, 60, 300), limits=settings.PARSE_LIMITS,
    ),
    Stage(
        name="policy", version="1", work=policy.clear, details=policy.details,
        event=EventType.POLICY_GATE_PASSED, failure_event=EventType.POLICY_GATE_FAILED,
        verdict="quarantined", waits=(30, 30),
    ),
    Stage(
        name="embed", version="1", work=embed.embed, details=embed.details,
        event=EventType.DOCUMENT_EMBEDDED, failure_event=EventType.EMBEDDING_FAILED,
        verdict="embed_failed", waits=(10, 60, 300),
    ),
    Stage(
        name="store", version="1", work=store.store, details=store.details,
        event=EventType.INDEX_WRITTEN, failure_event=EventType.INDEX_FAILED,
        verdict="index_failed", waits=(10, 60, 300), writes_rows=True,
    ),
    Stage(
        name="serve", version="1", work=serve.serve, details=serve.details,
        event=EventType.DOCUMENT_PUBLISHED, failure_event=EventType.INDEX_FAILED,
        verdict="index_failed", waits=(10, 60, 300), writes_rows=True,
    ),
)  # fmt: skip

STAGE_NAMES: Final = tuple(stage.name for stage in PIPELINE)


def stage_named(name: str) -> Stage:
    """Return the stage of this name."""
    return PIPELINE[STAGE_NAMES.index(name)]
