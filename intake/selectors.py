"""Reading collections, documents and receipts, inside the tenant's context.

What the reader of the connection may not see, PostgreSQL does not return: not here, nor in what
is joined or counted.
"""

from uuid import UUID

from django.db.models import QuerySet

from intake.errors import CollectionNotFoundError, DocumentNotFoundError, ReceiptNotFoundError
from intake.models import Collection, Document, Receipt


def collection_list() -> QuerySet[Collection]:
    """Return the collections that the reader sees, by name."""
    return Collection.objects.order_by("name")


def collection_get(*, name: str) -> Collection:
    """Return one collection; raises `CollectionNotFoundError`, the same for a hidden one."""
    collection = Collection.objects.filter(name=name).first()
    if collection is None:
        raise CollectionNotFoundError(
            "There is no such collection.",
            remediation="Name one that you read, or leave it out for 'default'.",
        )
    return collection


def document_list() -> QuerySet[Document]:
    """Return the tenant's documents, newest first."""
    return Document.objects.order_by("-created_at", "-id")


def document_get(*, document_id: UUID) -> Document:
    """Return one document; raises `DocumentNotFoundError`."""
    document = Document.objects.filter(pk=document_id).first()
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
