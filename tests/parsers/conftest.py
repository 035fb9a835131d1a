"""Parsing bytes as the pipeline does, without stores."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from frostbyte.kernel.hashing import sha256_hex
from processing.canonical import ParsedDocument
from processing.parsers import parse_document
from processing.ports import ParseContext
from tests.samples.make import MEDIA_TYPES

Parse = Callable[[str, bytes], ParsedDocument]


def parse_bytes(filename: str, data: bytes) -> ParsedDocument:
    """Parse bytes as the format that their name claims."""
    context = ParseContext(
        raw_sha256=sha256_hex(data),
        media_type=MEDIA_TYPES[Path(filename).suffix],
        filename=filename,
    )
    return parse_document(BytesIO(data), context=context)


@pytest.fixture
def parse() -> Parse:
    """A function from file name and bytes to the canonical document."""
    return parse_bytes
