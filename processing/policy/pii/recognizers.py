"""Presidio recognisers for the kinds of personal data that rules can find.

Sources of the formats: Social Security numbers (SSA, POMS RM 10201.035), payment cards
(ISO/IEC 7812), IBAN (ISO 13616), telephone numbers (ITU-T E.164, NANP), routing numbers (ABA).
"""

import logging
import re
from typing import Any, Final

import phonenumbers
from presidio_analyzer import Pattern, PatternRecognizer
from presidio_analyzer.predefined_recognizers import (
    AbaRoutingRecognizer,
    CreditCardRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    UsSsnRecognizer,
)

# It writes the text that it fails on into its log.
logging.getLogger("presidio-analyzer").disabled = True

CASE_SENSITIVE: Final = re.MULTILINE
STRONG: Final = 0.85
WEAK: Final = 0.4
"""Scores of shapes that speak for themselves, and of those that count beside a label only."""

_MONTH: Final = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR: Final = r"(?:1[89]|20)\d{2}"
_DATES: Final = (
    rf"\b{_YEAR}[-/.](?:0?[1-9]|1[0-2])[-/.]{_DAY}\b",
    rf"\b{_DAY}[-/.]{_DAY}[-/.](?:{_YEAR}|\d{{2}})\b",
    rf"\b{_DAY}(?:st|nd|rd|th)?(?:\s+of)?[\s-]+{_MONTH},?[\s-]+{_YEAR}\b",
    rf"\b{_MONTH}\s+{_DAY}(?:st|nd|rd|th)?,?\s+{_YEAR}\b",
    r"\b(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\b",
)
_ALONE: Final = r"(?<![\d.,-]){}(?!\d|[.,-]\d)"
_CARDS: Final = (
    _ALONE.format(r"(?:[46]\d{3}|5[1-5]\d\d|2[2-7]\d\d|3\d{3})([ -]?)\d{4}\1\d{4}\1\d{4}"),
    _ALONE.format(r"3[47]\d{2}([ -]?)\d{6}\1\d{5}"),
)
_ID: Final = r"(?<![\w-])[A-Z0-9](?:-?[A-Z0-9]){3,21}(?![\w-])"
_LICENSE_GROUPS: Final = r"(?<![\w-])[A-Z]\d{3}(?: \d{3,4}){2,4}(?![\w-])"
_NANP: Final = (
    r"(?<![\w.,+-])(?:\+?1[ .-]?)?\([2-9]\d{2}\)\s?\d{3}[ .-]\d{4}(?!\d)",
    r"(?<![\w.,+-])(?:1[.-])?[2-9]\d{2}([.-])\d{3}\1\d{4}(?![\d]|[.-]\d)",
)
_E164: Final = r"(?<![\w+])\+\d{1,3}(?:[ .-]?\(\d{1,4}\))?(?:[ .-]?\d{1,5}){1,5}(?![\d])"
_LOCAL_PHONES: Final = (
    r"(?<![\w.,+-])\(?\d{2,5}\)?(?:[ .-]\d{2,6}){1,4}(?![\d]|[.,-]\d)",
    r"(?<![\w.,+-])\d{7,12}(?![\d]|[.,-]\d)",
)


def patterns(score: float, *shapes: str) -> list[Pattern]:
    """Return Presidio patterns of one score, named by their place."""
    return [Pattern(f"shape {number}", shape, score) for number, shape in enumerate(shapes, 1)]


def digits_of(text: str) -> str:
    """Return the digits of a match."""
    return re.sub(r"\D", "", text)


class SocialSecurity(UsSsnRecognizer):
    """Social Security numbers, published samples included: a reader cannot tell them apart."""

    _SAMPLES: Final = frozenset({"123456789", "987654320", "078051120"})

    def invalidate_result(self, pattern_text: str) -> bool:
        return digits_of(pattern_text) not in self._SAMPLES and super().invalidate_result(
            pattern_text
        )


class Email(EmailRecognizer):
    """Addresses of any domain, internal ones too; asks no list of public suffixes."""

    def validate_result(self, pattern_text: str) -> bool | None:
        label = pattern_text.rpartition(".")[2]
        return len(label) > 1 and not label.isdigit()


class Phone(PatternRecognizer):
    """Telephone numbers that `phonenumbers` holds possible."""

    def validate_result(self, pattern_text: str) -> bool | None:
        try:
            number = phonenumbers.parse(pattern_text, "US")
        except phonenumbers.NumberParseException:
            return False
        return None if phonenumbers.is_possible_number(number) else False


class LocalPhone(PatternRecognizer):
    """Seven to twelve digits, which a label makes a telephone number."""

    _YEARS: Final = re.compile(r"(?:1[89]|20)\d{2}[ .-](?:1[89]|20)\d{2}")

    def validate_result(self, pattern_text: str) -> bool | None:
        fits = 7 <= len(digits_of(pattern_text)) <= 12
        return None if fits and not self._YEARS.fullmatch(pattern_text) else False


class Identifier(PatternRecognizer):
    """A number or mixed identifier of at least five digits that is not a date."""

    _DATE: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}-\d{1,2}-\d{2,4}")

    def validate_result(self, pattern_text: str) -> bool | None:
        fits = len(digits_of(pattern_text)) >= 5 and not self._DATE.fullmatch(pattern_text)
        return None if fits else False


class PassportNumber(Identifier):
    """Six to nine characters."""

    def validate_result(self, pattern_text: str) -> bool | None:
        return super().validate_result(pattern_text) if len(pattern_text) <= 9 else False


class BankAccount(PatternRecognizer):
    """Six to seventeen digits."""

    def validate_result(self, pattern_text: str) -> bool | None:
        return None if 6 <= len(digits_of(pattern_text)) <= 17 else False


def _pattern(kind: type[Any], name: str, score: float, *shapes: str, **options: Any) -> Any:
    return kind(supported_entity=name, name=name, patterns=patterns(score, *shapes), **options)


def social_security() -> Any:
    """Return the recogniser of numbers written as the agency writes them."""
    shape = r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"
    return SocialSecurity(patterns=patterns(STRONG, shape))


def masked_social_security() -> Any:
    """Return the recogniser of numbers of which the last four digits show."""
    return _pattern(PatternRecognizer, "SSN", STRONG, r"(?<!\w)[X*]{3}-[X*]{2}-\d{4}(?!\w)")


def labelled_social_security() -> Any:
    """Return the recogniser of nine digits with or without separators."""
    shape = r"(?<![\w.-])\d{3}([- .]?)\d{2}\1\d{4}(?![\w-]|\.\d)"
    return SocialSecurity(patterns=patterns(WEAK, shape))


def date() -> Any:
    """Return the recogniser of full dates."""
    return _pattern(PatternRecognizer, "DATE", WEAK, *_DATES)


def email() -> Any:
    """Return the recogniser of e-mail addresses."""
    return Email()


def phone() -> Any:
    """Return the recogniser of numbers in national (NANP) or international form."""
    return _pattern(Phone, "PHONE", STRONG, *_NANP, _E164)


def labelled_phone() -> Any:
    """Return the recogniser of numbers in any local form."""
    return _pattern(LocalPhone, "PHONE", WEAK, *_LOCAL_PHONES)


def card() -> Any:
    """Return the recogniser of payment cards, by their groups and check digit."""
    return CreditCardRecognizer(patterns=patterns(WEAK, *_CARDS))


def labelled_card() -> Any:
    """Return the recogniser of payment cards of any length, by their check digit."""
    return CreditCardRecognizer(patterns=patterns(WEAK, r"(?<!\w)\d{4}(?:[ -]?\d{2,6}){2,4}(?!\w)"))


def iban() -> Any:
    """Return the recogniser of IBANs, by country format and check digits."""
    return IbanRecognizer()


def labelled_iban() -> Any:
    """Return the recogniser of IBANs in letters of either case."""
    return IbanRecognizer(regex_flags=re.MULTILINE | re.IGNORECASE)


def routing() -> Any:
    """Return the recogniser of ABA routing numbers, by their check digit."""
    return AbaRoutingRecognizer()


def bank_account() -> Any:
    """Return the recogniser of account numbers, bare or in groups."""
    return _pattern(
        BankAccount, "ACCOUNT", WEAK, r"(?<![\w.,-])\d{2,17}(?:[ -]\d{2,8}){0,4}(?![\w-]|[.,]\d)"
    )


def sort_code() -> Any:
    """Return the recogniser of British sort codes."""
    return _pattern(PatternRecognizer, "SORT_CODE", WEAK, r"(?<![\w-])\d{2}-\d{2}-\d{2}(?![\w-])")


def identifier() -> Any:
    """Return the recogniser of identifiers of any issuer."""
    return _pattern(Identifier, "ID", WEAK, _ID, r"(?<!\w)\d{3} \d{3} \d{4}(?!\w)")


def passport() -> Any:
    """Return the recogniser of passport numbers."""
    return _pattern(PassportNumber, "PASSPORT", WEAK, _ID)


def driving_license() -> Any:
    """Return the recogniser of driving licence numbers."""
    return _pattern(Identifier, "LICENSE", WEAK, _ID, _LICENSE_GROUPS)


_SUFFIX: Final = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Court|Ct|Way|Place|Pl"
    r"|Square|Sq|Terrace|Ter|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Crescent|Close|Alley|Trail|Plaza)"
)
_UNIT: Final = r"(?:,?\s+(?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|Room|Rm|#)\.?\s*[\w-]+)?"
_STATE: Final = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI"
    r"|S[CD]|T[NX]|UT|V[AT]|W[AIVY])"
)


def postal_address() -> Any:
    """Return the recogniser of street addresses, post boxes, US and British post codes."""
    return _pattern(
        PatternRecognizer,
        "ADDRESS",
        STRONG,
        rf"\b\d{{1,6}}[A-Za-z]?,?\s+(?:[A-Z0-9][\w'\u2019.-]*\s+){{1,4}}{_SUFFIX}\b\.?{_UNIT}",
        r"\bP\.?\s?O\.?\s+Box\s+\d+\b",
        rf"\b[A-Z][\w'\u2019.-]+(?:\s[A-Z][\w'\u2019.-]+){{0,2}},?\s+{_STATE}\s+\d{{5}}(?:-\d{{4}})?\b",
        r"\b[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b",
        global_regex_flags=CASE_SENSITIVE,
    )
