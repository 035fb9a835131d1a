"""The keywords of JSON Schema (2020-12) as metadata is checked by them: in bounded work.

jsonschema does the checking. Ours is what makes it safe with schemas and metadata from outside:
patterns run on RE2, whose time grows with the text only; `uniqueItems` compares by hash; and
everything that is tried takes from a budget, which ends what would go on too long.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import re2
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError]]

_TEXT_UNIT: Final = 100
"""Characters that are looked through in about the time in which a keyword is tried."""
_DEEP: Final = frozenset({"const", "dependentRequired", "enum", "uniqueItems"})
"""Keywords that look at all that is in their value and in the instance, not at its members only."""


class TooMuchWorkError(Exception):
    """The budget is used up."""


@dataclass(slots=True)
class Work:
    """A budget: keywords that may be tried, and values that may be looked at, about 5 µs each."""

    left: int

    def take(self, units: int) -> None:
        """Take from the budget; raises `TooMuchWorkError` when there is not so much left."""
        self.left -= units
        if self.left < 0:
            raise TooMuchWorkError


_work: ContextVar[Work] = ContextVar("work")


@contextmanager
def within(work: Work) -> Iterator[None]:
    """Take what is tried in the block from this budget."""
    token = _work.set(work)
    try:
        yield
    finally:
        _work.reset(token)


def errors_of(metadata: Any, *, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """Yield what does not fit, `within` a budget; raises `TooMuchWorkError`, `RecursionError`."""
    checker = _CHECKER(schema, registry=Registry(), format_checker=_FORMATS)
    yield from checker.iter_errors(metadata)


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """Return the RE2 of a pattern; raises `re2.error` for what RE2 does not know."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1024 * 1024
    return re2.compile(pattern, options=options)


def _within_budget(name: str, keyword: Keyword) -> Keyword:
    size = _size if name in _DEEP else _members

    def tried(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        work = _work.get()
        work.take(1 + size(value) + size(instance) + _shut(value) * _size(instance))
        for error in keyword(validator, value, instance, schema) or ():
            # jsonschema's messages quote what does not fit.
            work.take(len(error.message) // _TEXT_UNIT)
            yield error

    return tried


def _members(value: Any) -> int:
    if isinstance(value, str):
        return len(value) // _TEXT_UNIT
    return len(value) if isinstance(value, list | dict) else 0


def _size(value: Any) -> int:
    return _members(value) + sum(map(_size, _inside(value)))


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _shut(value: Any) -> int:
    """Return how many schemas `false` are in a keyword's value: each quotes the whole instance."""
    return sum(each is False for each in (value, *_inside(value)))


def _pattern(validator: Any, value: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not compiled(value).search(instance):
        yield ValidationError("The text does not match.")


def _multiple_of(
    validator: Any, value: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    try:
        yield from Draft202012Validator.VALIDATORS["multipleOf"](validator, value, instance, schema)
    except OverflowError:
        # An integer beyond every float: exact arithmetic knows no such end.
        if (Fraction(instance) / Fraction(value)).denominator != 1:
            yield ValidationError("The number is no multiple.")


def _unique_items(
    validator: Any, value: Any, instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if not (value and validator.is_type(instance, "array")):
        return
    if len({_identity(item) for item in instance}) != len(instance):
        yield ValidationError("There are items twice.")


def _identity(value: Any) -> str:
    """Return a text that is the same for values that JSON Schema calls equal: 1 and 1.0 are."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


_CHECKER: Final = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    validators={
        name: _within_budget(name, keyword)
        for name, keyword in {
            **Draft202012Validator.VALIDATORS,
            "multipleOf": _multiple_of,
            "pattern": _pattern,
            "uniqueItems": _unique_items,
        }.items()
    },
)

_FORMATS: Final = FormatChecker(formats=())
"""Formats that are enforced; any other is a note to readers, as the standard has it."""
FORMATS: Final = ("date", "date-time", "email", "uuid")

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME: Final = re.compile(
    rf"{_DATE.pattern}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(\.[0-9]+)?(Z|[+-][0-9]{{2}}:[0-9]{{2}})"
)
"""The form of RFC 3339; Python reads all of ISO 8601, such as days of weeks."""


def _checks(name: str, read: Callable[[str], object]) -> None:
    def check(value: object) -> bool:
        return not isinstance(value, str) or bool(read(value))

    _FORMATS.checks(name, raises=ValueError)(check)


def _read_date_time(text: str) -> bool:
    written = text.upper()
    return bool(_DATE_TIME.fullmatch(written) and datetime.fromisoformat(written))


_checks("date", lambda text: _DATE.fullmatch(text) and date.fromisoformat(text))
_checks("date-time", _read_date_time)
_checks("uuid", lambda text: str(UUID(text)) == text.lower())
_checks("email", lambda text: "@" in text[1:-1] and not any(c.isspace() for c in text))
