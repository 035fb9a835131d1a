"""Versions of a file: other bytes of the same name in the same collection, one series.

Search finds the newest that is published; the others stay to be read.
"""

from uuid import UUID

from django.db.models import QuerySet

from frostbyte.kernel.ids import new_id
from intake.locks import lock
from intake.models import Collection, Document
from tenants.models import Tenant
from tenants.stores import for_tenant


def version_take(document: Document) -> None:
    """Make a document that is not stored yet the next version of its name in its collection.

    Runs in the transaction that stores it: another of the name waits until that ends.
    """
    lock(f"name {document.collection_id} {document.filename}")
    before = _of_name(document.collection, document.filename).first()
    if before is not None:
        newest = series_list(before.series)[0]
        document.series, document.version = newest.series, newest.version + 1
        document.is_current = False


def series_list(series: UUID) -> QuerySet[Document]:
    """Return the versions of a series that the reader sees, newest first."""
    return Document.objects.filter(series=series).order_by("-version")


def series_settle(*, tenant: Tenant, series: UUID) -> None:
    """Let search find the newest published version of a series and no other, in a transaction.

    Two versions that are published at once come one after the other.
    """
    lock(f"series {series}")
    published = list(series_list(series).exclude(published_run_id=None))
    if not published:
        return
    newest, *older = published
    vectors = for_tenant(tenant).vectors
    for document in older:
        vectors.hide(document_id=document.pk)
    if newest.published_run_id is not None:
        vectors.publish(document_id=newest.pk, run_id=newest.published_run_id)
    series_list(series).filter(is_current=True).exclude(pk=newest.pk).update(is_current=False)
    series_list(series).filter(pk=newest.pk).update(is_current=True)


def series_leave(*, tenant: Tenant, document: Document) -> None:
    """Begin a series of its own for a document that moves away; what stays is settled anew."""
    left = document.series
    document.series, document.version, document.is_current = new_id(), 1, True
    document.save(update_fields=["series", "version", "is_current"])
    series_settle(tenant=tenant, series=left)
    series_settle(tenant=tenant, series=document.series)


def _of_name(collection: Collection, filename: str) -> QuerySet[Document]:
    return Document.objects.filter(collection=collection, filename=filename).order_by(
        "-created_at", "-version"
    )
