"""Changes to collections: what there is, who reads it, and where a document lies.

Called by administrators, who see every collection's name and groups here and no document that
their own groups do not open. Audit events name collections and groups by id.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import transaction

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.errors import ValidationError
from intake.errors import CollectionNotEmptyError
from intake.locks import lock, lock_content
from intake.models import Collection, Document, Receipt
from intake.selectors import collection_get, same_content
from intake.versions import series_leave
from tenants.access.groups import groups_named
from tenants.access.readers import EVERYTHING
from tenants.context import reading
from tenants.models import Tenant


@transaction.atomic
def collection_create(
    *,
    tenant: Tenant,
    name: str,
    description: str = "",
    restricted: bool = False,
    groups: Sequence[str] = (),
    actor: str,
) -> Collection:
    """Create a collection; restricted and without groups it is read by nobody.

    Raises `ValidationError` for a name that is taken or will not do, `GroupNotFoundError`.
    """
    collection = Collection(name=name, description=description, restricted=restricted)
    with reading(EVERYTHING):
        lock(name)
        _check(collection)
        collection.save(force_insert=True)
        collection.groups.set(groups_named(groups))
        _record(tenant, EventType.COLLECTION_CREATED, collection, actor, _told(collection))
    return collection


@transaction.atomic
def collection_change(
    *,
    tenant: Tenant,
    collection: Collection,
    description: str | None = None,
    restricted: bool | None = None,
    groups: Sequence[str] | None = None,
    actor: str,
) -> Collection:
    """Change what is given; who reads the collection changes with the next query.

    Raises `ValidationError` where the default collection would be restricted.
    """
    given = {"description": description, "restricted": restricted}
    given = {field: value for field, value in given.items() if value is not None}
    with reading(EVERYTHING):
        # As it is now, and not as the caller read it: somebody may have restricted it since.
        collection = Collection.objects.select_for_update().get(pk=collection.pk)
        before = _told(collection)
        for field, value in given.items():
            setattr(collection, field, value)
        _check(collection)
        collection.save(update_fields=list(given))
        if groups is not None:
            collection.groups.set(groups_named(groups))
        after = _told(collection)
        details = {
            "changed": {k: {"old": before[k], "new": v} for k, v in after.items() if v != before[k]}
        }
        _record(tenant, EventType.COLLECTION_CHANGED, collection, actor, details)
    return collection


@transaction.atomic
def collection_delete(*, tenant: Tenant, collection: Collection, actor: str) -> None:
    """Delete a collection that nothing was handed in to, or whose documents were moved away.

    Raises `CollectionNotEmptyError`: for documents, also hidden ones, and for receipts of refused
    files and batches, which nobody could read any more.
    """
    if collection.is_default:
        raise _refused("name", "The default collection stays.")
    with reading(EVERYTHING):
        # Against files that come at this moment; see `intake.services._enter`.
        Collection.objects.select_for_update().get(pk=collection.pk)
        under_way = collection.uploads.filter(finished_at=None).exists()
        if under_way or collection.documents.exists():
            raise CollectionNotEmptyError(
                "The collection holds documents, or some are on their way.",
                remediation="Let somebody who reads it move them to another one first.",
            )
        refused = Receipt.objects.filter(collection=collection, document=None)
        if refused.exists() or collection.batches.exists():
            raise CollectionNotEmptyError(
                "Files were handed in to the collection whose receipts stand there.",
                remediation="It stays, so that they can be read; restrict it if it is not used.",
            )
        _record(tenant, EventType.COLLECTION_DELETED, collection, actor, {})
        collection.delete()


@transaction.atomic
def document_move(*, tenant: Tenant, document: Document, collection: str, actor: str) -> Document:
    """Move a document that the reader sees to a collection that the reader sees.

    All that was made of it goes along at once. Raises `CollectionNotFoundError`, or
    `ValidationError` where the same bytes lie there already.
    """
    target = collection_get(name=collection)
    lock_content(target, document.sha256)
    moved = Document.objects.select_for_update(of=("self",)).get(pk=document.pk)
    source_id = moved.collection_id
    if source_id == target.pk:
        return moved
    if same_content(target, moved.sha256):
        raise _refused("collection", "The same file is in that collection already.")
    moved.collection = target
    moved.save(update_fields=["collection"])
    series_leave(tenant=tenant, document=moved)
    record_event(
        tenant=tenant.slug,
        event_type=EventType.DOCUMENT_MOVED,
        actor=actor,
        resource_type="document",
        resource_id=str(moved.pk),
        details={"component": "intake", "from": str(source_id), "to": str(target.pk)},
    )
    return moved


def _check(collection: Collection) -> None:
    if collection.is_default and collection.restricted:
        raise _refused("restricted", "The default collection is open to everybody in the tenant.")
    try:
        collection.full_clean()
    except DjangoValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise _refused(field, " ".join(messages)) from error


def _refused(field: str, constraint: str) -> ValidationError:
    return ValidationError(
        constraint, extra={"errors": [{"field": field, "constraint": constraint}]}
    )


def _told(collection: Collection) -> dict[str, Any]:
    """Return who reads the collection, as the audit trail tells it."""
    groups = sorted(collection.groups.values_list("pk", flat=True))
    return {"restricted": collection.restricted, "groups": groups}


def _record(
    tenant: Tenant, event: EventType, collection: Collection, actor: str, details: Mapping[str, Any]
) -> None:
    record_event(
        tenant=tenant.slug,
        event_type=event,
        actor=actor,
        resource_type="collection",
        resource_id=str(collection.pk),
        details={"component": "intake", **details},
    )
