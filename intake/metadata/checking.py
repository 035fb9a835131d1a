"""Checking a document's metadata: the limits of all, then the tenant's JSON Schema."""

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final, cast

from jsonschema.exceptions import ValidationError

from frostbyte.kernel.errors import ValidationError as InvalidInputError
from intake.errors import MetadataInvalidError
from intake.metadata.keywords import TooMuchWorkError, Work, errors_of, within
from intake.metadata.limits import breach_of

METADATA_BYTES: Final = 16 * 1024
METADATA_DEPTH: Final = 8
METADATA_VALUES: Final = 1000
WORK: Final = 100_000
"""What may be tried on one document's metadata; about half a second."""
BREACHES_TOLD: Final = 20

_REMEDY: Final = "Correct the metadata; `GET /api/v1/schema` tells what is wanted."


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
    if schema is None:
        return
    if breaches := _breaches(metadata, schema, work=Work(WORK), most=BREACHES_TOLD):
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


def metadata_fits(metadata: Any, *, schema: Mapping[str, Any], work: Work | None = None) -> bool:
    """Return whether metadata that is within the limits fits the schema; takes from `work`."""
    return not _breaches(metadata, schema, work=work or Work(WORK), most=1)


def _breaches(
    metadata: Any, schema: Mapping[str, Any], *, work: Work, most: int
) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    try:
        with within(work):
            errors = islice(errors_of(metadata, schema=schema), most)
            found.extend((_pointer(error), _constraint(error)) for error in errors)
    except (TooMuchWorkError, RecursionError):
        found.append(("", "Checking it takes too much work: make it smaller."))
    return found


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
