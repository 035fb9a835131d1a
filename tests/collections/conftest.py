"""In each tenant a restricted collection with a document that all of the pipeline has seen."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from intake.models import Batch, BatchFile, BatchState, Collection, Document, Upload, UploadPart
from intake.services import document_receive
from processing.models import BatchReport
from processing.runner import run_advance
from processing.services import run_start
from tenants.context import tenant_context
from tenants.models import Tenant

SECRET_NAME = "merger-papers.txt"
SECRET_TEXT = b"""Merger papers

The takeover of Nordlicht is signed on the ninth of May by Iris Vale, iris.vale@example.org.
"""
OPEN_TEXT = b"""Canteen

The canteen serves soup on Mondays and fish on Fridays.
"""
COLLECTION = "board"
READERS = "board-members"


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a tenant has here: an open document, and a secret one in a restricted collection."""

    tenant: Tenant
    collection: Collection
    group: Group
    open: Document
    secret: Document


Publish = Callable[..., Document]


@pytest.fixture
def publish() -> Publish:
    """A function that takes a file all the way to search, in a collection."""

    def _publish(
        tenant: Tenant, filename: str, data: bytes, collection: str = "default"
    ) -> Document:
        with tenant_context(tenant):
            document = document_receive(
                tenant=tenant,
                filename=filename,
                stream=BytesIO(data),
                actor="tester",
                collection=collection,
            ).document
            assert document is not None
            run = run_advance(tenant=tenant, run_id=run_start(tenant=tenant, document=document).pk)
            assert run.state == "published", run.error_message
            document.refresh_from_db()
        return document

    return _publish


@pytest.fixture
def shelves(acme: Tenant, globex: Tenant, publish: Publish) -> dict[str, Shelf]:
    """By slug: the same names, groups and texts in both tenants."""
    return {tenant.slug: _shelf(tenant, publish) for tenant in (acme, globex)}


def _shelf(tenant: Tenant, publish: Publish) -> Shelf:
    with tenant_context(tenant):
        group = Group.objects.create(name=READERS)
        collection = Collection.objects.create(name=COLLECTION, restricted=True)
        collection.groups.add(group)
    secret = publish(tenant, SECRET_NAME, SECRET_TEXT, COLLECTION)
    with tenant_context(tenant):
        _batch_of(secret)
    return Shelf(
        tenant=tenant,
        collection=collection,
        group=group,
        open=publish(tenant, "canteen.txt", OPEN_TEXT),
        secret=secret,
    )


def _batch_of(secret: Document) -> None:
    """A batch that is over, with its report; all of it is found by the secret's SHA-256."""
    batch = Batch.objects.create(
        reference="Merger",
        state=BatchState.COMPLETED,
        collection=secret.collection,
        file_count=1,
        manifest_sha256=secret.sha256,
        created_by="tester",
    )
    BatchFile.objects.create(
        batch=batch,
        position=0,
        file_id="papers",
        filename=secret.filename,
        media_type=secret.media_type,
        size_bytes=secret.size_bytes,
        sha256=secret.sha256,
    )
    BatchReport.objects.create(batch=batch, sha256=secret.sha256, size_bytes=1)
    upload = Upload.objects.create(
        collection=secret.collection,
        filename=secret.filename,
        header=secret.sha256,
        size_bytes=1,
        created_by="tester",
        expires_at=timezone.now(),
    )
    UploadPart.objects.create(upload=upload, offset=0, size_bytes=1, key=secret.sha256)
