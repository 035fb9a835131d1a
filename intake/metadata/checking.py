"""Checking metadata by a JSON Schema (2020-12), in bounded work and without a network.

jsonschema does the checking. Three things are ours, since schema and metadata both come from
outside: patterns run on RE2, whose time grows with the text only; `uniqueItems` compares by hash;
and each keyword that is tried takes from a budget, which ends what would go on too long.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from datetime import date, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Final, cast
from uuid import UUID

import re2
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry

from frostbyte.kernel.errors import ValidationError as InvalidInputError
from intake.errors import MetadataInvalidError
from intake.metadata.limits import breach_of

METADATA_BYTES: Final = 16 * 1024
METADATA_DEPTH: Final = 8
METADATA_VALUES: Final = 1000
PATTERN_LENGTH: Final = 500
WORK: Final = 100_000
"""Keywords that may be tried on one document's metadata; about half a second."""
BREACHES_TOLD: Final = 20

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError]]
_REMEDY: Final = "Correct the metadata; `GET /api/v1/schema` tells what is wanted."
_budget: ContextVar[list[int]] = ContextVar("budget")


class TooMuchWorkError(Exception):
    """The budget is used up."""


def metadata_check(metadata: Any, *, schema: Mapping[str, Any] | None) -> None:
    """Raise `MetadataInvalidError` unless metadata is within the limits and fits the schema.

    `errors` of the error names each failing place by its JSON pointer below `/metadata`, and the
    constraint; values are not told.
    """
    if not isinstance(metadata, dict):
        raise _refused([("", "type: object")])
    limits = {"most_bytes": METADATA_BYTES, "most_depth": METADATA_DEPTH}
    if breach := breach_of(metadata, **limits, most_values=METADATA_VALUES):
        raise _refused([("", breach)])
    if schema is not None and (breaches := list(_breaches(metadata, schema))):
        raise _refused(breaches)


def metadata_read(text: str) -> dict[str, Any]:
    """Return the metadata that a form brings as JSON text; raises the kernel's error."""
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidInputError(
            "The metadata is no JSON object.",
            remediation='Send an object such as {"department": "sales"}, or leave it out.',
            extra={"errors": [{"field": "metadata", "constraint": "A JSON object."}]},
        )
    return found


def metadata_fits(metadata: Any, *, schema: Mapping[str, Any] | None) -> bool:
    """Return whether metadata would be accepted under the schema."""
    try:
        metadata_check(metadata, schema=schema)
    except MetadataInvalidError:
        return False
    return True


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Any:
    """Return the RE2 of a pattern; raises `re2.error` for what RE2 does not know."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1024 * 1024
    return re2.compile(pattern, options=options)


def _breaches(metadata: Any, schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    token = _budget.set([WORK])
    try:
        checker = _CHECKER(schema, registry=Registry(), format_checker=_FORMATS)
        for error in islice(checker.iter_errors(metadata), BREACHES_TOLD):
            yield _pointer(error), _constraint(error)
    except (TooMuchWorkError, RecursionError):
        yield "", "Checking it takes too much work: make it smaller."
    finally:
        _budget.reset(token)


def _refused(breaches: list[tuple[str, str]]) -> MetadataInvalidError:
    places = "; ".join(f"/metadata{pointer} ({constraint})" for pointer, constraint in breaches[:3])
    more = f", and {len(breaches) - 3} more" if len(breaches) > 3 else ""
    return MetadataInvalidError(
        f"The metadata does not fit: {places}{more}.",
        remediation=_REMEDY,
        extra={
            "errors": [
                {"field": f"/metadata{pointer}", "value": None, "constraint": constraint}
                for pointer, constraint in breaches
            ]
        },
    )


def _pointer(error: ValidationError) -> str:
    """Return the JSON pointer (RFC 6901) of where the error is."""
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in error.absolute_path)
    return "".join(f"/{part[:100]}" for part in parts)


def _constraint(error: ValidationError) -> str:
    """Return the keyword that failed with its value from the schema; never the metadata's."""
    keyword, wanted = error.validator, cast("Any", error.validator_value)
    if not isinstance(keyword, str):
        return "nothing is allowed here"
    if keyword == "required" and isinstance(error.instance, dict):
        missing = [name for name in wanted if name not in error.instance]
        return f"required: {', '.join(missing)}"[:200]
    if keyword == "additionalProperties" and isinstance(error.schema, dict):
        return f"no other members than: {', '.join(error.schema.get('properties', {}))}"[:200]
    return f"{keyword}: {json.dumps(wanted, ensure_ascii=False)}"[:200]


def _within_budget(keyword: Keyword) -> Keyword:
    def tried(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        left = _budget.get()
        left[0] -= 1 + (len(value) if isinstance(value, list | dict) else 0)
        if left[0] < 0:
            raise TooMuchWorkError
        yield from keyword(validator, value, instance, schema) or ()

    return tried


def _pattern(validator: Any, value: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not compiled(value).search(instance):
        yield ValidationError("The text does not match.")


def _unique_items(
    validator: Any, value: Any, instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if not (value and validator.is_type(instance, "array")):
        return
    _budget.get()[0] -= len(instance)
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
        name: _within_budget(keyword)
        for name, keyword in {
            **Draft202012Validator.VALIDATORS,
            "pattern": _pattern,
            "uniqueItems": _unique_items,
        }.items()
    },
)

_FORMATS: Final = FormatChecker(formats=())
"""Formats that are enforced; any other is a note to readers, as the standard has it."""
FORMATS: Final = ("date", "date-time", "email", "uuid")


def _checks(name: str, read: Callable[[str], object]) -> None:
    def check(value: object) -> bool:
        return not isinstance(value, str) or bool(read(value))

    _FORMATS.checks(name, raises=ValueError)(check)


_checks("date", date.fromisoformat)
_checks("date-time", lambda text: datetime.fromisoformat(text).tzinfo)
_checks("uuid", lambda text: str(UUID(text)) == text.lower())
_checks("email", lambda text: "@" in text[1:-1] and not any(c.isspace() for c in text))
