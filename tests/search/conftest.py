"""A published document in each tenant."""

from collections.abc import Callable

import pytest

from intake.models import Document
from processing.models import Run, RunState
from processing.runner import run_advance
from processing.services import run_start
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.conftest import Receive

ACME_TEXT = b"""Crane inspection

The crane on pier four is inspected every ninety days by the harbour engineer.
Reports go to Dana Field, dana.field@example.org, before noon.
"""
GLOBEX_TEXT = b"""Sample storage

Blood samples are stored at minus eighty degrees in the north freezer.
The freezer alarm rings at the night desk.
"""

Publish = Callable[[Tenant, str, bytes], Document]


@pytest.fixture
def publish(receive: Receive) -> Publish:
    """A function that takes a file all the way to search."""

    def _publish(tenant: Tenant, filename: str, data: bytes) -> Document:
        receipt = receive(tenant, filename, data)
        with tenant_context(tenant):
            assert receipt.document is not None
            document = Document.objects.get(pk=receipt.document.pk)
            run = Run.objects.filter(document=document).first()
            run = run or run_start(tenant=tenant, document=document)
            assert run_advance(tenant=tenant, run_id=run.pk).state == RunState.PUBLISHED
            document.refresh_from_db()
        return document

    return _publish


@pytest.fixture
def published(acme: Tenant, globex: Tenant, publish: Publish) -> dict[str, Document]:
    """By slug: the one document of each tenant."""
    return {
        "acme": publish(acme, "crane.txt", ACME_TEXT),
        "globex": publish(globex, "samples.txt", GLOBEX_TEXT),
    }
