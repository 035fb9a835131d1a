"""Reading collections, documents and receipts, inside the tenant's context.

What the reader of the connection may not see, PostgreSQL does not return: not here, nor in what
is joined or counted.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count, QuerySet

from intake.errors import CollectionNotFoundError, DocumentNotFoundError, ReceiptNotFoundError
from intake.models import Collection, Document, MetadataSchema, Receipt
from tenants.access.readers import EVERYTHING
from tenants.context import reading
from tenants.naming import LABEL_PATTERN


def collection_list() -> QuerySet[Collection]:
    """Return the collections that the reader sees, by name."""
    return Collection.objects.order_by("name")


def collection_get(*, name: str) -> Collection:
    """Return one collection; raises `CollectionNotFoundError`, the same for a hidden one."""
    # A name that no collection can have may hold what PostgreSQL does not take, such as NUL.
    possible = LABEL_PATTERN.fullmatch(name)
    collection = Collection.objects.filter(name=name).first() if possible else None
    if collection is None:
        raise collection_missing()
    return collection


def collection_missing() -> CollectionNotFoundError:
    """Return the error for a collection that is not there, or that the reader does not see."""
    return CollectionNotFoundError(
        "There is no such collection.",
        remediation="Name one that you read, or leave it out for 'default'.",
    )


def collections_managed() -> list[Collection]:
    """Return every collection with its groups, by name, for those who say who reads what."""
    with reading(EVERYTHING):
        return list(collection_list().prefetch_related("groups"))


def collection_managed(*, name: str) -> Collection:
    """Return one collection for those who say who reads it; raises `CollectionNotFoundError`."""
    with reading(EVERYTHING):
        return collection_get(name=name)


def document_counts(collections: Iterable[Collection]) -> dict[UUID, int]:
    """Return how many documents each of the collections holds that the reader sees."""
    named = [collection.pk for collection in collections]
    counted = collection_list().filter(pk__in=named).annotate(count=Count("documents"))
    return dict(counted.values_list("pk", "count"))


def same_content(collection: Collection, sha256: str) -> Document | None:
    """Return the collection's document of these bytes, or None."""
    return Document.objects.filter(collection=collection, sha256=sha256).first()


def document_list() -> QuerySet[Document]:
    """Return the tenant's documents with their collections, newest first."""
    return Document.objects.select_related("collection").order_by("-created_at", "-id")


def document_get(*, document_id: UUID) -> Document:
    """Return one document; raises `DocumentNotFoundError`."""
    document = document_list().filter(pk=document_id).first()
    if document is None:
        raise DocumentNotFoundError("There is no such document.")
    return document


def receipt_list() -> QuerySet[Receipt]:
    """Return the tenant's receipts with their documents, newest first."""
    return Receipt.objects.select_related("document").order_by("-created_at", "-id")


def receipt_get(*, receipt_id: UUID) -> Receipt:
    """Return one receipt; raises `ReceiptNotFoundError`."""
    receipt = receipt_list().filter(pk=receipt_id).first()
    if receipt is None:
        raise ReceiptNotFoundError("There is no such receipt.")
    return receipt


def metadata_schema_list() -> QuerySet[MetadataSchema]:
    """Return every version of the metadata's schemas, newest first."""
    return MetadataSchema.objects.order_by("-version")


def metadata_schema_in_force() -> MetadataSchema:
    """Return the schemas in force; before the first are declared, version 0 without any."""
    return metadata_schema_list().first() or MetadataSchema(version=0)
