"""Which recogniser looks for what, and where in a text it is worth looking.

Recognisers are thorough and slow, most text holds nothing for them. So each rule first finds its
places with something cheap: a shape that nothing else has, or the words beside which a shape that
could be anything (nine digits, a date) means personal data.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from processing.policy.pii import recognizers as of
from tenants.configuration import PiiType

RULES_VERSION: Final = "1"
CONTEXT_BONUS: Final = 0.35
"""What a label adds to the score of a shape; the same as Presidio's own enhancer."""

_MARGIN: Final = 48
"""Characters beyond a place that a recogniser sees: more than the longest value has."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look, as a span of the text, and where a match must start or end to count."""

    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One recogniser and its places.

    `cue` is searched in the text, lower case unless `exact`, of pages that hold one of `stems`;
    matches count from `before` characters before the cue to `after` characters after it.
    """

    kind: PiiType
    recognizer: Callable[[], Any]
    cue: re.Pattern[str]
    stems: tuple[str, ...] = ()
    before: int = 0
    after: int = 0
    exact: bool = False
    bonus: float = 0.0

    def places(self, text: str, lowered: str) -> Iterator[Place]:
        """Yield the places of `text` that are worth a look; `lowered` has the same length."""
        if self.stems and not any(stem in lowered for stem in self.stems):
            return
        for match in self.cue.finditer(text if self.exact else lowered):
            first, last = match.start() - self.before, match.end() + self.after
            yield Place(
                _word_edge(text, first - _MARGIN, -1),
                _word_edge(text, last + _MARGIN, 1),
                first,
                last,
            )


def _word_edge(text: str, place: int, step: int) -> int:
    """Return the nearest place outward that does not cut a word."""
    place = min(max(place, 0), len(text))
    while 0 < place < len(text) and not text[place - 1 if step < 0 else place].isspace():
        place += step
    return place


def _shape(kind: PiiType, recognizer: Callable[[], Any], cue: str, *stems: str) -> Rule:
    return Rule(kind=kind, recognizer=recognizer, cue=re.compile(cue), stems=stems, exact=True)


def _label(
    kind: PiiType,
    recognizer: Callable[[], Any],
    cue: str,
    *stems: str,
    before: int = 5,
    after: int = 35,
) -> Rule:
    return Rule(
        kind=kind,
        recognizer=recognizer,
        cue=re.compile(cue),
        stems=stems,
        before=before,
        after=after,
        bonus=CONTEXT_BONUS,
    )


RULES: Final = (
    _shape(PiiType.SSN, of.social_security, r"\d{3}-\d\d-\d{4}"),
    _shape(PiiType.SSN, of.masked_social_security, r"[Xx*]{3}-[Xx*]{2}-\d{4}", "xxx-", "***-"),
    _label(
        PiiType.SSN, of.labelled_social_security,
        r"\bssns?\b|\bss ?#|social\s+security|\btax(?:payer)?\s+id|\bitin\b",
        "ssn", "ss#", "ss #", "social", "tax", "itin", before=15,
    ),
    _label(
        PiiType.DOB, of.date,
        r"\bd\.?o\.?b\b|\bbirth|\bborn\b",
        "dob", "d.o.b", "birth", "born", before=20, after=50,
    ),
    Rule(
        kind=PiiType.EMAIL, recognizer=of.email, cue=re.compile("@"), stems=("@",),
        before=64, after=255, exact=True,
    ),
    _shape(PiiType.PHONE, of.phone, r"(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[ .-]\d{4}|\+\d[\d ().-]{6}"),
    _label(
        PiiType.PHONE, of.labelled_phone,
        r"\b(?:tele)?phones?\b|\btel\b|\bmobile\b|\bcell(?:phone|ular)?\b|\bcall\b|\bfax\b"
        r"|\bwhatsapp\b|\bhotline\b|\bph\b",
        "phone", "tel", "mobile", "cell", "call", "fax", "whatsapp", "hotline", "ph", after=25,
    ),
    _shape(PiiType.FINANCIAL_ACCOUNT, of.card, r"[2-6]\d{3}[ -]?\d{4}[ -]?\d{4}[ -]?\d{3}"),
    _shape(PiiType.FINANCIAL_ACCOUNT, of.card, r"3[47]\d\d[ -]?\d{6}[ -]?\d{5}"),
    _label(
        PiiType.FINANCIAL_ACCOUNT, of.labelled_card,
        r"\bcards?\b|\bvisa\b|\bmaster ?card\b|\bamex\b|\bmaestro\b|\bcc\b",
        "card", "visa", "amex", "maestro", "cc",
    ),
    _shape(PiiType.FINANCIAL_ACCOUNT, of.iban, r"\b[A-Z]{2}\d{2}[ -]?[A-Z0-9]{4}[ -]?[A-Z0-9]{4}"),
    _label(PiiType.FINANCIAL_ACCOUNT, of.labelled_iban, r"\biban\b", "iban"),
    _label(
        PiiType.FINANCIAL_ACCOUNT, of.routing,
        r"\brouting\b|\baba\b|\brtn\b|\btransit\b",
        "routing", "aba", "rtn", "transit",
    ),
    _label(
        PiiType.FINANCIAL_ACCOUNT, of.bank_account,
        r"\bacc(?:oun)?t\b|\ba/c\b|\bbban\b",
        "account", "acct", "a/c", "bban", before=0, after=30,
    ),
    _label(PiiType.FINANCIAL_ACCOUNT, of.sort_code, r"\bsort\s+code\b", "sort"),
    _label(
        PiiType.MEDICAL_RECORD, of.identifier,
        r"\bmrn|medical\s+rec|\bpatient\s+(?:id|no|num|#|account|record|chart)"
        r"|\bchart\s+(?:id|no|num|#)|health\s+(?:record|card|plan|insurance)"
        r"|\bnhs\s+(?:no|num|#)|\bmedicare\b|\bmedicaid\b|\bmember\s+(?:id|no|num|#)",
        "mrn", "medical", "patient", "chart", "health", "nhs", "medica", "member", before=0,
    ),
    _label(
        PiiType.PASSPORT, of.passport, r"\bpassport", "passport", after=45,
    ),
    _label(
        PiiType.DRIVERS_LICENSE, of.driving_license,
        r"\bdriv(?:er['\u2019]?s?['\u2019]?|ing)[\s-]+(?:licen[cs]e|permit|lic\b)"
        r"|\bd\.?l\.?(?:\s*#|\s+(?:no|num))|\bdln\b|\bcdl\b",
        "driver", "driving", "dl", "d.l", after=45,
    ),
    _shape(
        PiiType.ADDRESS, of.postal_address,
        r"\b\d{1,6}[A-Za-z]?,?\s+(?:[A-Z]|\d+(?:st|nd|rd|th))|P\.?\s?O\.?\s+Box|\b[A-Z]{2}\s+\d{5}"
        r"|\b[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b",
    ),
)  # fmt: skip
"""Every rule; a tenant's types select among them."""
