"""Stage 3: every gate judges the document before anything of it is embedded."""

from typing import Any

from processing.canonical import ParsedDocument
from processing.payloads import ClearedDocument
from processing.policy import clear_document
from processing.stages.context import StageContext


def clear(document: ParsedDocument, context: StageContext) -> ClearedDocument:
    """Run the gates; raises `PolicyBlockedError`, or `PolicyGateError` when one cannot run."""
    return clear_document(
        document,
        document_id=context.document_id,
        canonical_sha256=context.input_hash,
        configuration=context.configuration,
        configuration_version=context.configuration_version,
    )


def details(cleared: ClearedDocument) -> dict[str, Any]:
    """Return what the audit event of this stage tells: kinds and counts, never values."""
    return {
        "configuration_version": cleared.configuration_version,
        "gates": [
            {
                "gate": gate.gate,
                "version": gate.version,
                "outcome": gate.outcome.value,
                "counts": gate.counts,
            }
            for gate in cleared.gates
        ],
    }
