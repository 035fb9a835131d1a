"""What the embedding model is given of a passage."""

import re
from functools import lru_cache
from typing import Final

from processing.canonical import Chunk
from processing.chunking.tokens import TEXT_TOKENS, count_tokens

_HYPHENATED: Final = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_])")
_LEADERS: Final = re.compile(r"([.·_\-=*…])(?:\s?\1){3,}")
_MAX_PATH_TOKENS: Final = 40


def plain(text: str) -> str:
    """Return text as it is embedded: words whole again, dot leaders and rules as one mark."""
    if "-\n" in text:
        text = _HYPHENATED.sub("", text)
    return _LEADERS.sub(r"\1", text)


def embedding_text(chunk: Chunk) -> str:
    """Return what to embed for a passage: the headings above it that it does not show, its text.

    At most as many tokens as the default model reads, as long as the text itself has no more.
    """
    text = plain(chunk.text)
    path = [title for title in chunk.section_path if not chunk.text.startswith(title)]
    room = min(_MAX_PATH_TOKENS, TEXT_TOKENS - chunk.tokens)
    while path and _tokens_of(heading := " > ".join(path)) > room:
        path = path[1:]
    return f"{heading}\n{text}" if path else text


@lru_cache(maxsize=4096)
def _tokens_of(heading: str) -> int:
    return count_tokens([heading])[0]
