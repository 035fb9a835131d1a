"""Reading documents and receipts, inside the tenant's context."""

from uuid import UUID

from django.db.models import QuerySet

from intake.errors import DocumentNotFoundError, ReceiptNotFoundError
from intake.models import Document, Receipt


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
