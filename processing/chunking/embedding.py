"""What the embedding model is given of a passage."""

import re
from typing import Final

from processing.canonical import Chunk

_HYPHENATED: Final = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_])")
_LEADERS: Final = re.compile(r"([.·_\-=*…])(?:\s?\1){3,}")
_REDACTED: Final = re.compile(r"\[REDACTED:([A-Z_]+)\]")


def plain(text: str) -> str:
    """Return text as it is embedded: words whole again, dot leaders and rules as one mark.

    What was redacted is named by its kind, in a word: its mark alone would be seven tokens.
    """
    if "-\n" in text:
        text = _HYPHENATED.sub("", text)
    if "[REDACTED:" in text:
        text = _REDACTED.sub(lambda mark: mark[1].replace("_", " ").lower(), text)
    return _LEADERS.sub(r"\1", text)


def embedding_text(chunk: Chunk) -> str:
    """Return what to embed for a passage: its text as `plain` makes it, at most `TEXT_TOKENS` long.

    The headings above a passage are left out on purpose: put before each passage of a section
    they make all of them alike, and the one that answers a question no longer stands out.
    """
    return plain(chunk.text)
