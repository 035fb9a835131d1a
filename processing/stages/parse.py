"""Stage 2: bytes to the canonical document."""

from typing import Any

from processing.canonical import ParsedDocument
from processing.parsers.confined import parse_confined
from processing.payloads import Receipt
from processing.ports import ParseContext
from processing.stages.context import StageContext


def parse(receipt: Receipt, context: StageContext) -> ParsedDocument:
    """Parse the raw object in a process of its own; raises `ParseError` for what cannot be read."""
    with context.stores.objects.open(receipt.raw_key) as stream:
        return parse_confined(
            stream,
            context=ParseContext(
                raw_sha256=receipt.raw_sha256,
                media_type=receipt.media_type,
                filename=receipt.filename,
            ),
            limits=context.limits,
        )


def details(document: ParsedDocument) -> dict[str, Any]:
    """Return what the audit event of this stage tells: counts, no content."""
    return {
        "pages": document.stats.pages,
        "sections": document.stats.sections,
        "tables": document.stats.tables,
        "chunks": document.stats.chunks,
        "characters": document.stats.characters,
        "dropped": len(document.dropped),
        "parser": document.lineage.parser,
        "parser_version": document.lineage.parser_version,
    }
