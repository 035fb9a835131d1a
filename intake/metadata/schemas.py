"""Which JSON Schemas (2020-12) a tenant may declare for metadata."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import re2
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError

from intake.errors import MetadataSchemaError
from intake.metadata.keywords import compiled
from intake.metadata.limits import breach_of

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_BYTES: Final = 64 * 1024
SCHEMA_DEPTH: Final = 24
SCHEMA_VALUES: Final = 5000
PATTERN_LENGTH: Final = 500

_LOCAL: Final = "#/$defs/"
_ESCAPES: Final = frozenset("/~%")
_ONE: Final = (
    "not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames",
)  # fmt: skip
_LIST: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED: Final = ("properties", "$defs", "dependentSchemas")
_REFUSED: Final = {
    "$id": "Names of schemas are not followed; leave it out.",
    "$anchor": "Refer by '#/$defs/<name>'.",
    "$dynamicRef": "Refer by '$ref' to '#/$defs/<name>'.",
    "$dynamicAnchor": "Refer by '#/$defs/<name>'.",
    "$vocabulary": "The vocabulary is that of 2020-12.",
    "patternProperties": "Name the members in 'properties', or limit them by 'propertyNames'.",
    "unevaluatedProperties": "Use 'additionalProperties'.",
    "unevaluatedItems": "Use 'items'.",
}

Fault = tuple[str, str]
"""A JSON pointer into the schema, and what is wrong there."""


def schema_check(schema: Any, *, of: str) -> None:
    """Raise `MetadataSchemaError` unless the schema is valid, bounded, and needs nothing else.

    `of` is `document` or `chunk`, the first part of the pointers in `errors`.
    """
    faults = list(_faults(schema))
    if faults:
        raise MetadataSchemaError(
            f"The schema for {of} metadata cannot be used: /{of}{faults[0][0]}: {faults[0][1]}",
            remediation="Correct the places that are named; the schema in force stays.",
            extra={
                "errors": [
                    {"field": f"/{of}{pointer}", "value": None, "constraint": constraint}
                    for pointer, constraint in faults[:20]
                ]
            },
        )


def _faults(schema: Any) -> Iterator[Fault]:
    if not isinstance(schema, dict):
        yield "", "A schema is a JSON object."
        return
    limits = {"most_bytes": SCHEMA_BYTES, "most_depth": SCHEMA_DEPTH}
    if breach := breach_of(schema, **limits, most_values=SCHEMA_VALUES):
        yield "", breach
        return
    if schema.get("$schema", DIALECT) != DIALECT:
        yield "/$schema", f"The dialect is {DIALECT}."
        return
    try:
        # No formats: Python's own patterns are not the ones that are used.
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        pointer = "".join(f"/{part}" for part in error.absolute_path)
        yield pointer, f"It is no valid schema: {error.validator}."
        return
    yield from _faults_of_parts(schema)


def _faults_of_parts(schema: Mapping[str, Any]) -> Iterator[Fault]:
    for pointer, part in _parts(schema, ""):
        for keyword in part.keys() & _REFUSED.keys():
            yield f"{pointer}/{keyword}", _REFUSED[keyword]
        if (reference := part.get("$ref")) is not None:
            yield from _faults_of_reference(schema, f"{pointer}/$ref", reference)
        if (pattern := part.get("pattern")) is not None:
            yield from _faults_of_pattern(f"{pointer}/pattern", pattern)
    yield from _loops(schema)


def _faults_of_reference(schema: Mapping[str, Any], at: str, reference: str) -> Iterator[Fault]:
    name = _target(reference)
    if name is None:
        yield at, "A reference is '#/$defs/<name>', and the name has none of / ~ %."
    elif name not in schema.get("$defs", {}):
        yield at, "There is no such definition in '$defs'."


def _faults_of_pattern(at: str, pattern: str) -> Iterator[Fault]:
    if len(pattern) > PATTERN_LENGTH:
        yield at, f"A pattern has at most {PATTERN_LENGTH} characters."
        return
    try:
        compiled(pattern)
    except re2.error:
        yield at, "RE2 does not know this pattern: it has no look-around and no back-references."


def _parts(schema: Any, pointer: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the schema and every schema in it, with where it stands."""
    if not isinstance(schema, dict):
        return
    yield pointer, schema
    for at, inner in _inner(schema):
        yield from _parts(inner, f"{pointer}{at}")


def _inner(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for keyword in _ONE:
        if keyword in schema:
            yield f"/{keyword}", schema[keyword]
    for keyword in _LIST:
        for index, each in enumerate(schema.get(keyword, ())):
            yield f"/{keyword}/{index}", each
    for keyword in _NAMED:
        for name, each in schema.get(keyword, {}).items():
            yield f"/{keyword}/{name}", each


def _target(reference: str) -> str | None:
    """Return the name of the definition that a local reference means, else None.

    Names that stand in a reference by escapes (`~1`, `%20`) are not followed: one way to write one.
    """
    name = reference.removeprefix(_LOCAL)
    is_plain = bool(name) and _ESCAPES.isdisjoint(name)
    return name if reference.startswith(_LOCAL) and is_plain else None


def _loops(schema: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield each definition that leads back to itself: checking by it might never end."""
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    leads_to = {
        name: {
            target
            for _pointer, part in _parts(definition, "")
            if (target := _target(part.get("$ref", "")))
        }
        for name, definition in definitions.items()
    }
    for name in definitions:
        if name in _reachable(name, leads_to):
            yield f"/$defs/{name}", "It refers to itself, directly or by others."


def _reachable(name: str, leads_to: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(leads_to[name])
    while waiting:
        each = waiting.pop()
        if each not in seen:
            seen.add(each)
            waiting.extend(leads_to.get(each, ()))
    return seen
