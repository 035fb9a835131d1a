"""Declaring the schemas for metadata: versions that are added, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.db.models import Count

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.hashing import canonical_json, sha256_hex
from intake.errors import MetadataSchemaError, PreconditionFailedError
from intake.locks import lock
from intake.metadata.checking import WORK, metadata_fits
from intake.metadata.keywords import Work
from intake.metadata.merging import merge_patch
from intake.metadata.schemas import schema_check
from intake.models import Document, MetadataSchema
from intake.selectors import metadata_schema_in_force
from tenants.models import Tenant

PARTS: Final = ("document", "chunk")
_CHECKED: Final = 10_000
"""Different metadata that are held against a new schema; each stands for all that are the same."""
_WORK: Final = 500_000
"""What may be tried on all of them; a few seconds. One may be tried to its own end beyond it."""
_ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Declared:
    """The schemas now in force, and how many of the documents that are here would not fit them.

    Of the `documents` that the reader sees `checked` were looked at: all, unless it takes too long.
    """

    schema: MetadataSchema
    would_not_fit: int
    checked: int
    documents: int


def metadata_schema_declare(
    *, tenant: Tenant, schemas: Mapping[str, Any], actor: str, expected_version: int | None = None
) -> Declared:
    """Put schemas in force, `document` and `chunk`, inside the tenant's context; None: no schema.

    Documents that are here stay as they are. Raises `MetadataSchemaError`, and
    `PreconditionFailedError` when another version than `expected_version` is in force.
    """
    return _declare(tenant, lambda _current: dict(schemas), actor, expected_version)


def metadata_schema_patch(
    *, tenant: Tenant, patch: Mapping[str, Any], actor: str, expected_version: int | None = None
) -> Declared:
    """The same, with a JSON Merge Patch (RFC 7396) of the schemas in force."""
    return _declare(tenant, lambda current: merge_patch(current, patch), actor, expected_version)


def _declare(tenant: Tenant, change: Any, actor: str, expected_version: int | None) -> Declared:
    return _compared(_put_in_force(tenant, change, actor, expected_version))


@transaction.atomic
def _put_in_force(
    tenant: Tenant, change: Any, actor: str, expected_version: int | None
) -> MetadataSchema:
    lock("metadata schemas")
    current = metadata_schema_in_force()
    _require_version(current, expected_version)
    before = {part: getattr(current, part) for part in PARTS if getattr(current, part) is not None}
    after = _checked(change(before))
    if after != {part: before.get(part) for part in PARTS}:
        current = _add(tenant, current.version + 1, after, actor)
    return current


def _checked(schemas: Any) -> dict[str, Any]:
    unknown = sorted(set(schemas) - set(PARTS))
    if unknown:
        raise MetadataSchemaError(
            "There are schemas for documents and for chunks, and no others.",
            remediation="Send an object with `document`, `chunk`, or both.",
            extra={
                "errors": [
                    {"field": f"/{name[:64]}", "constraint": "There is no such part."}
                    for name in unknown[:20]
                ]
            },
        )
    for part in PARTS:
        if schemas.get(part) is not None:
            schema_check(schemas[part], of=part)
    return {part: schemas.get(part) for part in PARTS}


def _add(tenant: Tenant, version: int, schemas: Mapping[str, Any], actor: str) -> MetadataSchema:
    digest = sha256_hex(canonical_json(dict(schemas)))
    made = MetadataSchema.objects.create(
        version=version, sha256=digest, created_by=actor, **schemas
    )
    record_event(
        tenant=tenant.slug,
        event_type=EventType.SCHEMA_CHANGED,
        actor=actor,
        resource_type="metadata_schema",
        resource_id=str(version),
        details={"component": "intake", "version": version, "sha256": digest},
    )
    return made


def _compared(schema: MetadataSchema) -> Declared:
    """Hold the documents that the reader sees against the schema.

    The caller writes what they are counted by, and so could read them by counts.
    """
    checked, would_not_fit = _checked_and_not_fitting(schema.document)
    return Declared(
        schema=schema,
        would_not_fit=would_not_fit,
        checked=checked,
        documents=Document.objects.count(),
    )


def _checked_and_not_fitting(schema: Mapping[str, Any] | None) -> tuple[int, int]:
    if schema is None:
        return Document.objects.count(), 0
    alike = Document.objects.order_by().values("metadata").annotate(number=Count("pk"))
    checked, would_not_fit, left = 0, 0, _WORK
    for row in alike.order_by("-number")[:_CHECKED].iterator(chunk_size=_ROWS_AT_ONCE):
        work = Work(WORK)
        if not metadata_fits(row["metadata"], schema=schema, work=work):
            would_not_fit += row["number"]
        checked += row["number"]
        left -= WORK - work.left
        if left <= 0:
            break
    return checked, would_not_fit


def _require_version(current: MetadataSchema, expected: int | None) -> None:
    if expected is not None and expected != current.version:
        raise PreconditionFailedError(
            f"Version {current.version} of the schemas is in force, not {expected}.",
            remediation="Read them again, and repeat the change on what is there.",
            extra={"current_version": current.version},
        )
