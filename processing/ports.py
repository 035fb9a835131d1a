"""What the pipeline needs of parsers and embedders, whoever provides them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from processing.canonical import ParsedDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseContext:
    """What a parser is told beside the bytes: their hash, their media type, their name."""

    raw_sha256: str
    media_type: str
    filename: str


class Parser(Protocol):
    """Turns one file of a media type into the canonical document; keeps nothing in itself.

    Raises `processing.errors.ParseError` (or a subclass) for a file that it cannot read.
    """

    name: str
    version: str
    media_types: frozenset[str]

    def parse(self, source: BinaryIO, *, context: ParseContext) -> ParsedDocument: ...


class Embedder(Protocol):
    """Turns texts into unit vectors, shape (n, dimensions), float32, in the order given."""

    model_id: str
    dimensions: int

    def embed(self, inputs: Sequence[str]) -> NDArray[np.float32]: ...
