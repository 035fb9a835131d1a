"""What PostgreSQL shows of a tenant's rows to each reader, whatever the query forgets."""

import threading
from collections.abc import Iterator
from io import BytesIO

import pytest
from celery import shared_task
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from frostbyte.kernel.ids import new_id
from intake.collections import collection_delete
from intake.errors import CollectionNotEmptyError, CollectionNotFoundError
from intake.models import DEFAULT_COLLECTION, DEFAULT_COLLECTION_ID, Collection, Document, Receipt
from intake.services import document_receive
from processing.embedders import get_embedder
from processing.models import Chunk, Redaction, Run, StageRun
from tenants.access.readers import EVERYTHING, NOBODY, reader_of
from tenants.context import reading, tenant_context
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import Tenant
from tenants.stores import for_tenant
from tenants.tasks import TenantTask
from tests.collections.conftest import COLLECTION, READERS, SECRET_NAME, SECRET_TEXT, Shelf

MEMBER = reader_of([READERS, "another"])
OUTSIDERS = [reader_of([]), reader_of(["another"]), reader_of(["tenant_admin"]), reader_of(["*"])]

TABLES = {
    "intake_batch": "manifest_sha256 = '{sha256}'",
    "intake_batchfile": "sha256 = '{sha256}'",
    "intake_collection": "id = '{collection}'",
    "intake_collection_groups": "collection_id = '{collection}'",
    "intake_document": "id = '{document}'",
    "intake_receipt": "document_id = '{document}'",
    "intake_upload": "header = '{sha256}'",
    "intake_uploadpart": "key = '{sha256}'",
    "processing_batchreport": "sha256 = '{sha256}'",
    "processing_run": "document_id = '{document}'",
    "processing_chunk": "document_id = '{document}'",
    "processing_stagerun": "run_id = '{run}'",
    "processing_redaction": "run_id = '{run}'",
    "vector_point": "document_id = '{document}'",
}
"""Every table that tells of a document or collection, and how the secret one's rows are found."""

OPEN_TABLES = {"intake_documenttotals", "intake_idempotencykey", "intake_metadataschema"}
"""Tables of ours in a tenant's schema that tell of no document, or to their own caller only."""

FROM_LIBRARIES = ("account_", "auth_", "django_", "socialaccount_")
"""What tables of people and sessions begin with; no library knows of documents."""


def count(table: str, shelf: Shelf) -> int:
    """Count the secret's rows with raw SQL, as whoever the connection is."""
    where = TABLES[table].format(
        collection=shelf.collection.pk,
        document=shelf.secret.pk,
        run=shelf.secret.published_run_id,
        sha256=shelf.secret.sha256,
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE {where}")
        return int(cursor.fetchone()[0])


def test_no_table_of_a_tenant_escapes_the_list(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        with tenant_context(tenant), connection.cursor() as cursor:
            cursor.execute(
                "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class"
                " WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
            )
            found = dict(cursor.fetchall())
        assert {name for name, guarded in found.items() if guarded} == set(TABLES)
        ours = {name for name in found if not name.startswith(FROM_LIBRARIES)}
        assert ours == {*TABLES, *OPEN_TABLES}


def test_each_reader_sees_the_rows_that_its_groups_open(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        with tenant_context(shelf.tenant):
            for table in TABLES:
                for reader in (EVERYTHING, MEMBER):
                    with reading(reader):
                        assert count(table, shelf) > 0, (table, reader)
                for reader in (*OUTSIDERS, NOBODY):
                    with reading(reader):
                        assert count(table, shelf) == 0, (table, reader)


def test_without_a_reader_nothing_is_seen_not_even_open_documents(
    shelves: dict[str, Shelf],
) -> None:
    for shelf in shelves.values():
        with tenant_context(shelf.tenant), reading(NOBODY):
            assert not Collection.objects.exists()
            assert not Document.objects.exists()
            assert for_tenant(shelf.tenant).vectors.count() == 0
        connection.set_tenant(shelf.tenant)  # type: ignore[attr-defined]
        assert not Document.objects.exists()
        with connection.cursor() as cursor:
            cursor.execute("RESET frostbyte.reader")
        assert not Document.objects.exists()
        connection.set_schema_to_public()  # type: ignore[attr-defined]


@pytest.mark.parametrize("setting", ["board-members", "{", '"board-members"', "{}", "null"])
def test_a_setting_that_is_no_list_is_an_error(shelves: dict[str, Shelf], setting: str) -> None:
    for shelf in shelves.values():
        with tenant_context(shelf.tenant), reading(setting):
            with pytest.raises(DatabaseError), transaction.atomic():
                Document.objects.count()


def test_an_outsider_writes_nothing_there(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        with tenant_context(shelf.tenant), reading(OUTSIDERS[0]):
            assert Document.objects.filter(pk=shelf.secret.pk).update(filename="x") == 0
            assert Chunk.objects.filter(document=shelf.secret).delete()[0] == 0
            for_tenant(shelf.tenant).vectors.delete_document(shelf.secret.pk)
            with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
                Document.objects.filter(pk=shelf.open.pk).update(collection=shelf.collection)
            with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
                Run.objects.create(document_id=shelf.secret.pk)
        with tenant_context(shelf.tenant):
            assert Chunk.objects.filter(document=shelf.secret).exists()
            assert for_tenant(shelf.tenant).vectors.count(document_id=shelf.secret.pk) > 0


def test_counts_and_joins_leave_out_what_is_hidden(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        with tenant_context(shelf.tenant):
            assert Redaction.objects.exists()
            with reading(OUTSIDERS[0]):
                assert Document.objects.count() == Receipt.objects.count() == 1
                assert Run.objects.filter(document__sha256=shelf.secret.sha256).count() == 0
                assert StageRun.objects.count() == 6
                assert not Redaction.objects.exists()
                assert [c.name for c in Collection.objects.all()] == ["default"]
                assert Collection.objects.filter(documents__filename=SECRET_NAME).count() == 0


def test_the_same_bytes_in_a_hidden_collection_are_no_duplicate(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        with tenant_context(shelf.tenant):
            for reader, collection, is_duplicate in (
                (OUTSIDERS[0], "default", False),
                (MEMBER, COLLECTION, True),
                (MEMBER, "default", True),
            ):
                with reading(reader):
                    receipt = document_receive(
                        tenant=shelf.tenant,
                        filename="copy.txt",
                        stream=BytesIO(SECRET_TEXT),
                        actor="tester",
                        collection=collection,
                    )
                assert receipt.is_duplicate is is_duplicate
                assert (receipt.document_id == shelf.secret.pk) is (collection == COLLECTION)


def test_a_hidden_collection_takes_nothing_in_and_does_not_exist(
    shelves: dict[str, Shelf],
) -> None:
    for shelf in shelves.values():
        with tenant_context(shelf.tenant), reading(OUTSIDERS[0]):
            told = []
            for name in (COLLECTION, "nowhere"):
                with pytest.raises(CollectionNotFoundError) as caught:
                    document_receive(
                        tenant=shelf.tenant,
                        filename="a.txt",
                        stream=BytesIO(b"words"),
                        actor="tester",
                        collection=name,
                    )
                told.append((caught.value.message, caught.value.remediation))
            assert told[0] == told[1]


def test_the_receipt_of_a_refused_file_stays_in_its_collection(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        with tenant_context(shelf.tenant), reading(MEMBER):
            refused = document_receive(
                tenant=shelf.tenant,
                filename="empty.txt",
                stream=BytesIO(b""),
                actor="tester",
                collection=COLLECTION,
            )
            assert Receipt.objects.filter(pk=refused.pk).exists()
            with reading(OUTSIDERS[0]):
                assert not Receipt.objects.filter(pk=refused.pk).exists()
            Document.objects.filter(collection=shelf.collection).update(
                collection=DEFAULT_COLLECTION_ID
            )
            shelf.collection.uploads.all().delete()
            with pytest.raises(CollectionNotEmptyError, match="receipts"):
                collection_delete(tenant=shelf.tenant, collection=shelf.collection, actor="tester")
            assert Receipt.objects.filter(pk=refused.pk).exists()


def test_the_quota_counts_what_the_sender_does_not_see(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        with tenant_context(shelf.tenant):
            Document.objects.create(
                collection=shelf.collection, size_bytes=200 * 1024**3, sha256="0" * 64
            )
            with reading(OUTSIDERS[0]):
                receipt = document_receive(
                    tenant=shelf.tenant,
                    filename="a.txt",
                    stream=BytesIO(b"words enough"),
                    actor="tester",
                )
        assert receipt.code == "QUOTA_EXCEEDED"


def test_vectors_of_hidden_documents_are_not_compared(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        vectors = for_tenant(shelf.tenant).vectors
        model_id = get_embedder(shelf.tenant.settings.embedding_model).model_id
        with tenant_context(shelf.tenant):
            point = next(p for p in vectors.snapshot() if p.document_id == shelf.secret.pk)
            for reader, is_member in ((MEMBER, True), (OUTSIDERS[0], False)):
                with reading(reader):
                    found = vectors.query(point.vector, model_id=model_id, limit=50)
                    assert (shelf.secret.pk in {m.document_id for m in found}) is is_member
                    assert shelf.open.pk in {m.document_id for m in found}


def test_a_nested_block_does_not_widen_and_leaving_restores(shelves: dict[str, Shelf]) -> None:
    acme, globex = shelves["acme"], shelves["globex"]
    with tenant_context(acme.tenant), reading(OUTSIDERS[0]):
        with tenant_context(acme.tenant):
            assert Document.objects.count() == 1
            with reading(EVERYTHING):
                assert Document.objects.count() == 2
            assert Document.objects.count() == 1
        with tenant_context(globex.tenant):
            assert Document.objects.count() == 2
        assert Document.objects.count() == 1
    assert connection.reader == NOBODY  # type: ignore[attr-defined]


def look_and_fail(reader: str, expected: int) -> None:
    """See the documents as this reader within a transaction that then fails."""
    with transaction.atomic(), reading(reader):
        assert Document.objects.count() == expected
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM nowhere")


def test_the_reader_returns_after_a_rollback(shelves: dict[str, Shelf]) -> None:
    for shelf in shelves.values():
        with tenant_context(shelf.tenant):
            with pytest.raises(DatabaseError):
                look_and_fail(OUTSIDERS[0], 1)
            assert Document.objects.count() == 2
            with reading(OUTSIDERS[0]):
                with pytest.raises(DatabaseError):
                    look_and_fail(EVERYTHING, 2)
                assert Document.objects.count() == 1


@pytest.fixture
def kept(committed: None, acme_kept: Tenant) -> Iterator[Tenant]:
    """A tenant whose restricted collection is committed, and taken away again at the end."""
    with tenant_context(acme_kept):
        group = Group.objects.create(name=READERS)
        collection = Collection.objects.create(name=COLLECTION, restricted=True)
        collection.groups.add(group)
        ids = [new_id(), new_id()]
        for pk, home in zip(ids, (collection.pk, DEFAULT_COLLECTION_ID), strict=True):
            Document.objects.create(
                pk=pk,
                collection_id=home,
                filename="a.txt",
                media_type="text/plain",
                size_bytes=1,
                sha256=pk.hex * 2,
                raw_key=f"raw/{pk}",
                uploaded_by="tester",
            )
    yield acme_kept
    with tenant_context(acme_kept):
        Document.objects.filter(pk__in=ids).delete()
        collection.delete()
        group.delete()


@pytest.fixture
def acme_kept(committed: None) -> Tenant:
    """The tenant, outside of the test's transaction."""
    return Tenant.objects.get(slug="acme")


def test_threads_that_interleave_readers_keep_their_own(kept: Tenant) -> None:
    wanted = {MEMBER: 2, OUTSIDERS[0]: 1, EVERYTHING: 2, NOBODY: 0}
    seen: dict[str, set[int]] = {reader: set() for reader in wanted}
    gate = threading.Barrier(len(wanted))

    def look(reader: str) -> None:
        try:
            for _ in range(20):
                gate.wait(timeout=20)
                with tenant_context(kept), reading(reader):
                    seen[reader].add(Document.objects.count())
        finally:
            connection.close()

    threads = [threading.Thread(target=look, args=(reader,)) for reader in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {reader: {number} for reader, number in wanted.items()}


def test_a_connection_that_is_lost_or_used_again_keeps_no_reader(kept: Tenant) -> None:
    with tenant_context(kept), reading(MEMBER):
        assert Document.objects.count() == 2
        connection.close()
        assert Document.objects.count() == 2
    with tenant_context(kept), reading(OUTSIDERS[0]):
        assert Document.objects.count() == 1
        connection.close()
        assert Document.objects.count() == 1
    connection.set_tenant(kept)  # type: ignore[attr-defined]
    assert Document.objects.count() == 0
    connection.set_schema_to_public()  # type: ignore[attr-defined]


@shared_task(base=TenantTask, name="tests.count_documents")
def count_documents(_tenant: Tenant) -> int:
    """Count the documents that a task of the tenant sees."""
    return Document.objects.count()


def test_a_task_reads_everything_and_leaves_nothing_behind(kept: Tenant) -> None:
    with tenant_context(kept), reading(OUTSIDERS[0]):
        assert Document.objects.count() == 1
    assert count_documents.apply(args=(kept.slug,)).get() == 2
    assert connection.reader == NOBODY  # type: ignore[attr-defined]
    with tenant_context(kept), reading(OUTSIDERS[0]):
        assert Document.objects.count() == 1


INSERT = """
INSERT INTO intake_document (id, filename, media_type, size_bytes, sha256, raw_key, uploaded_by,
                             created_at)
VALUES (%s, 'old.txt', 'text/plain', 3, %s, 'raw/old', 'tester', now())
"""


def migrate(tenant: Tenant, *target: str) -> None:
    """Bring the tenant's schema to a migration, or to the newest ones."""
    call_command(
        "migrate_schemas", *target, tenant=True, schema_name=tenant.schema_name, verbosity=0
    )
    connection.set_schema_to_public()  # type: ignore[attr-defined]


def test_documents_from_before_are_open_to_all_and_migrations_see_them(committed: None) -> None:
    tenant = tenant_provision(slug="old-times", name="Old", actor="tester")
    migrate(tenant, "processing", "0001_initial")
    migrate(tenant, "intake", "0004_document_totals")
    old = new_id()
    with tenant_context(tenant), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('intake_collection')")
        assert cursor.fetchone() == (None,)
        cursor.execute(INSERT, [old, "a" * 64])
    migrate(tenant)
    with tenant_context(tenant):
        with reading(reader_of([])):
            assert Document.objects.get(pk=old).collection.name == DEFAULT_COLLECTION
            assert [each.name for each in Collection.objects.all()] == [DEFAULT_COLLECTION]
        with reading(NOBODY):
            assert not Document.objects.exists()
