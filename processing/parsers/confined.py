"""Parsing in a process of its own: what a file does to its parser, it does to nothing else.

`parse_confined` is the caller's side. `parse_file` runs in the sandbox, which is forked from a
process that has loaded every parser and knows neither Django nor any tenant.
"""

import os
from importlib import import_module
from typing import BinaryIO, Final

from frostbyte.sandbox import (
    Limits,
    SandboxCrashedError,
    SandboxMemoryError,
    SandboxTimeoutError,
    sandboxed,
)
from processing.canonical import ParsedDocument, decode, encode
from processing.chunking.tokens import count_tokens
from processing.parsers import PARSERS, parse_document
from processing.parsers.errors import ParseCrashedError, ParseMemoryError, ParseTimeoutError
from processing.ports import ParseContext

_FUNCTION: Final = "processing.parsers.confined:parse_file"


def parse_confined(source: BinaryIO, *, context: ParseContext, limits: Limits) -> ParsedDocument:
    """Parse a file in a process of its own; raises `ParseError` whatever becomes of that.

    Raises `SandboxUnavailableError` when no process could be had, which says nothing of the file.
    """
    try:
        told = sandboxed(
            _FUNCTION,
            context.raw_sha256,
            context.media_type,
            context.filename,
            files=[source],
            limits=limits,
        )
    except SandboxTimeoutError as error:
        raise ParseTimeoutError(limits.cpu_seconds) from error
    except SandboxMemoryError as error:
        raise ParseMemoryError(limits.memory_mb) from error
    except SandboxCrashedError as error:
        raise ParseCrashedError from error
    return decode(told, ParsedDocument)


def parse_file(source: BinaryIO, raw_sha256: str, media_type: str, filename: str) -> bytes:
    """Return the canonical document of a file as `encode` writes it. Runs in the sandbox."""
    context = ParseContext(raw_sha256=raw_sha256, media_type=media_type, filename=filename)
    return encode(parse_document(source, context=context))


def preload() -> None:
    """Load every parser and the tokenizer, once, for all the processes that are forked."""
    # Its threads would not be there after a fork.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    for _media_type, path in PARSERS:
        import_module(path.rpartition(".")[0])
    count_tokens(["crane"])
