"""Passages that are embedded, found and cited: spans of one page, cut along its structure.

A passage has at most `TEXT_TOKENS` tokens of the default embedding model. Headings stay with
the text under them, table rows stay whole, small neighbours share a passage, and only where one
paragraph is too long do two passages overlap, by its last sentence.
"""

from processing.chunking.embedding import embedding_text
from processing.chunking.passages import CHUNKING_VERSION, Passage, passages_of

__all__ = ["CHUNKING_VERSION", "Passage", "embedding_text", "passages_of"]
