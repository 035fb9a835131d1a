"""What happens at once, and right after a commit: nothing here is rolled back by the test."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO

import pytest
from django.db import connection, transaction

from frostbyte.kernel.errors import FrostbyteError
from intake.collections import collection_change, collection_create, collection_delete
from intake.models import (
    DEFAULT_COLLECTION,
    Batch,
    BatchState,
    Collection,
    Document,
    Outcome,
    Receipt,
)
from intake.selectors import collection_get
from intake.services import document_receive
from intake.signals import batch_received, document_received
from processing.models import Run
from processing.services import start_missing_runs
from tenants.access.readers import EVERYTHING
from tenants.context import reading, tenant_context
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import Tenant
from tenants.stores import for_tenant
from tests.batches.making import announce, hand_in

NOTE = b"A note about cranes.\n"


@pytest.fixture
def pair(committed: None) -> list[Tenant]:
    """Two tenants of this file's own, which go with all that they hold."""
    return [
        tenant_provision(slug=slug, name=slug.title(), actor="tester")
        for slug in ("north", "south")
    ]


@pytest.fixture
def _announcements_fail() -> Iterator[None]:
    def fail(**_signal: object) -> None:
        raise RuntimeError("nobody hears this")

    for signal in (document_received, batch_received):
        signal.connect(fail, weak=False, dispatch_uid="tests.fail")
    yield
    for signal in (document_received, batch_received):
        signal.disconnect(dispatch_uid="tests.fail")


def receive(tenant: Tenant, collection: str = DEFAULT_COLLECTION) -> Receipt:
    return document_receive(
        tenant=tenant,
        filename="note.txt",
        stream=BytesIO(NOTE),
        actor="tester",
        collection=collection,
    )


@pytest.mark.usefixtures("_announcements_fail")
def test_a_fault_after_the_commit_loses_nothing(pair: list[Tenant]) -> None:
    for tenant in pair:
        with tenant_context(tenant), reading(EVERYTHING):
            document = receive(tenant).document
            assert document is not None
            assert for_tenant(tenant).objects.get(document.raw_key) == NOTE
            start_missing_runs(tenant=tenant)
            assert Run.objects.filter(document=document).count() == 1


@pytest.mark.usefixtures("_announcements_fail")
def test_a_fault_after_the_last_file_of_a_batch_is_not_its_senders(pair: list[Tenant]) -> None:
    for tenant in pair:
        files = {"note.txt": NOTE, "empty.txt": b""}
        batch = announce(tenant, files)
        assert [receipt.outcome for receipt in hand_in(tenant, batch, files)] == [
            Outcome.ACCEPTED,
            Outcome.REJECTED,
        ]
        with tenant_context(tenant), reading(EVERYTHING):
            assert Batch.objects.get(pk=batch.pk).state == BatchState.RECEIVED


def test_a_change_of_the_words_does_not_open_what_was_just_restricted(
    acme: Tenant, globex: Tenant
) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant), reading(EVERYTHING):
            read_before = collection_create(tenant=tenant, name="board", actor="tester")
            collection_change(
                tenant=tenant, collection=collection_get(name="board"), restricted=True, actor="a"
            )
            changed = collection_change(
                tenant=tenant, collection=read_before, description="Minutes", actor="b"
            )
            assert (changed.restricted, changed.description) == (True, "Minutes")
            assert collection_get(name="board").restricted


def test_of_two_who_create_one_name_one_is_told(pair: list[Tenant]) -> None:
    for tenant in pair:
        create = partial(collection_create, tenant=tenant, name="legal", actor="tester")
        told = at_once(tenant, create, create)
        assert sorted(told) == ["VALIDATION_ERROR", "done"]


def test_a_file_that_comes_while_its_collection_goes(pair: list[Tenant]) -> None:
    """Either the file is in and the collection stays, or there is no such collection."""
    for tenant in pair:
        with tenant_context(tenant), reading(EVERYTHING):
            inbox = collection_create(tenant=tenant, name="inbox", actor="tester")
        told = at_once(
            tenant,
            partial(receive, tenant, "inbox"),
            partial(collection_delete, tenant=tenant, collection=inbox, actor="tester"),
        )
        assert told in (["done", "COLLECTION_NOT_EMPTY"], ["RESOURCE_NOT_FOUND", "done"])
        with tenant_context(tenant), reading(EVERYTHING):
            kept = Document.objects.count()
            assert kept == Collection.objects.filter(name="inbox").count()
            assert len(list(for_tenant(tenant).objects.list("raw/"))) == kept


def test_the_lock_of_a_deletion_turns_the_file_away(pair: list[Tenant]) -> None:
    """The upload has looked at its collection already when the deletion commits."""
    for tenant in pair:
        with tenant_context(tenant), reading(EVERYTHING):
            inbox = collection_create(tenant=tenant, name="inbox", actor="tester")
            with transaction.atomic():
                collection_delete(tenant=tenant, collection=inbox, actor="tester")
                waiting = Asker(tenant, partial(receive, tenant, "inbox"))
                waiting.start()
                waiting.join(0.5)
            waiting.join(10)
            assert waiting.told == "RESOURCE_NOT_FOUND"
            assert list(for_tenant(tenant).objects.list("raw/")) == []


class Asker(threading.Thread):
    """Does one thing in a tenant, on a connection of its own; `told` is its end."""

    def __init__(self, tenant: Tenant, work: Callable[[], object]) -> None:
        super().__init__()
        self._tenant, self._work = tenant, work
        self.told = "nothing"

    def run(self) -> None:
        try:
            with tenant_context(self._tenant), reading(EVERYTHING):
                self._work()
            self.told = "done"
        except FrostbyteError as error:
            self.told = error.code
        finally:
            connection.close()


def at_once(tenant: Tenant, *works: Callable[[], object]) -> list[str]:
    """Do all of them at once; return how each ended, in their order."""
    askers = [Asker(tenant, work) for work in works]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(20)
    return [asker.told for asker in askers]
