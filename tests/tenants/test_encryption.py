"""What a tenant's bucket holds, who can open it, and what is left once the key is destroyed."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from django.db import DatabaseError, connection, transaction
from pyrage import x25519
from pytest_django import Settings

from tenants.context import tenant_context
from tenants.encryption import keys
from tenants.encryption.keys import data_keys_count, data_keys_destroy
from tenants.encryption.sealed import CHUNK_BYTES
from tenants.errors import (
    DataKeyUnavailableError,
    MasterKeyError,
    ObjectDamagedError,
    StoreRefusedError,
)
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import DataKeyVersion, StoreCredential, Tenant
from tenants.stores import for_tenant
from tenants.stores.credentials import (
    credential_create,
    credential_is_gone,
    credential_remove,
)
from tenants.stores.errors import WrongTenantError
from tenants.stores.keyring import keyring
from tenants.stores.objects import S3Objects
from tenants.stores.s3 import Access, client_for, platform_access

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

TEXT = b"The parties agree on the following. " * 20


@pytest.fixture
def platform() -> "S3Client":
    """The platform's own client, which sees every bucket."""
    return client_for(platform_access())


@pytest.fixture
def stored(acme: Tenant, globex: Tenant) -> Iterator[S3Objects]:
    """Objects of acme, with `raw/text` among them."""
    objects = for_tenant(acme).objects
    objects.put("raw/text", TEXT, content_type="text/plain")
    yield objects
    for key in list(objects.list()):
        objects.delete(key)


def ciphertext(platform: "S3Client", objects: S3Objects, key: str) -> bytes:
    return platform.get_object(Bucket=objects.bucket, Key=key)["Body"].read()


def test_the_bucket_holds_ciphertext_only(platform: "S3Client", stored: S3Objects) -> None:
    raw = ciphertext(platform, stored, "raw/text")
    assert b"parties" not in raw
    assert stored.get("raw/text") == TEXT
    info = stored.head("raw/text")
    assert (info.size, info.stored_size) == (len(TEXT), len(raw))
    assert info.content_type == "text/plain"
    assert list(stored.stored_sizes("raw/")) == [("raw/text", len(raw))]


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, 9_000_000, 16 * 1024 * 1024, 20_000_001])
def test_streams_of_any_size_come_back(stored: S3Objects, size: int) -> None:
    data = bytes(size // 2) + b"z" * (size - size // 2)
    stored.put("raw/large", BytesIO(data))
    assert stored.head("raw/large").size == size
    with stored.open("raw/large") as stream:
        assert stream.read() == data
        stream.seek(size // 2)
        assert stream.read(3) == b"z" * min(3, size - size // 2)


def test_a_large_object_is_in_a_temporary_file_until_it_is_closed(
    acme: Tenant, stored: S3Objects, tmp_path: Path, settings: Settings
) -> None:
    settings.WORK_FOLDER = str(tmp_path)
    stored.put("raw/large", bytes(10_000_000))
    with stored.open("raw/large") as stream:
        held = Path(f"/proc/self/fd/{stream.fileno()}")
        assert held.stat().st_size == 10_000_000
        assert held.readlink().parent == tmp_path / acme.schema_name
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def damaged(raw: bytes, how: str) -> bytes:
    return {
        "cut off": raw[:-5],
        "longer": raw + b"x",
        "changed": raw[:-30] + bytes([raw[-30] ^ 1]) + raw[-29:],
        "plain": TEXT,
        "empty": b"",
    }[how]


@pytest.mark.parametrize("how", ["cut off", "longer", "changed", "plain", "empty"])
def test_a_damaged_object_is_named_and_not_tried_again(
    platform: "S3Client", stored: S3Objects, how: str
) -> None:
    raw = damaged(ciphertext(platform, stored, "raw/text"), how)
    platform.put_object(Bucket=stored.bucket, Key="raw/text", Body=raw)
    for read in (stored.get, stored.open):
        with pytest.raises(ObjectDamagedError, match="raw/text") as caught:
            read("raw/text")
        assert not caught.value.retryable
        assert "parties" not in f"{caught.value} {caught.value.extra}"


def test_an_object_copied_to_another_name_or_tenant_is_refused(
    platform: "S3Client", stored: S3Objects, globex: Tenant
) -> None:
    raw, other = ciphertext(platform, stored, "raw/text"), for_tenant(globex).objects
    platform.put_object(Bucket=stored.bucket, Key="raw/copy", Body=raw)
    platform.put_object(Bucket=other.bucket, Key="raw/text", Body=raw)
    try:
        for objects, key in ((stored, "raw/copy"), (other, "raw/text")):
            with pytest.raises(ObjectDamagedError, match=key):
                objects.get(key)
    finally:
        other.delete("raw/text")


def beyond(client: "S3Client", *, mine: str, theirs: str) -> list[Callable[[], object]]:
    """Return everything that a credential must not be able to do."""
    source: Any = {"Bucket": theirs, "Key": "tried"}
    return [
        lambda: client.list_objects_v2(Bucket=theirs),
        lambda: client.get_object(Bucket=theirs, Key="tried"),
        lambda: client.put_object(Bucket=theirs, Key="tried", Body=b"1"),
        lambda: client.delete_object(Bucket=theirs, Key="tried"),
        lambda: client.copy_object(Bucket=mine, Key="stolen", CopySource=source),
        lambda: client.create_multipart_upload(Bucket=theirs, Key="tried"),
        lambda: client.delete_bucket(Bucket=theirs),
        lambda: client.delete_bucket(Bucket=mine),
        lambda: client.create_bucket(Bucket="a-new-one"),
    ]


def test_a_credential_opens_its_own_bucket_and_no_other(acme: Tenant, globex: Tenant) -> None:
    for own, other in ((acme, globex), (globex, acme)):
        client = client_for(keyring(own.pk).access())
        mine, theirs = for_tenant(own).objects.bucket, for_tenant(other).objects.bucket
        client.put_object(Bucket=mine, Key="tried", Body=b"1")
        client.delete_object(Bucket=mine, Key="tried")
        assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == [mine]
        for attempt in beyond(client, mine=mine, theirs=theirs):
            with pytest.raises(ClientError) as caught:
                attempt()
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def is_refused(access: Access, bucket: str) -> bool:
    try:
        client_for(access).list_objects_v2(Bucket=bucket)
    except ClientError:
        return True
    return False


def test_a_credential_is_taken_away_and_made_again(committed: None) -> None:
    tenant, other = (tenant_provision(slug=s, name="", actor="tester") for s in ("first", "second"))
    before = keyring(tenant.pk).access()
    credential_create(tenant)
    assert keyring(tenant.pk).access() == before
    credential_remove(tenant)
    credential_remove(tenant)
    assert credential_is_gone(tenant)
    assert not credential_is_gone(other)
    bucket = for_tenant(tenant).objects.bucket
    assert any(is_refused(before, bucket) for _ in range(500))
    with pytest.raises(StoreRefusedError, match="no credential"):
        for_tenant(tenant).objects.put("raw/x", b"x")
    credential_create(tenant)
    after = keyring(tenant.pk).access()
    assert after.secret_key != before.secret_key
    assert is_refused(before, bucket)
    assert list(for_tenant(tenant).objects.list("nothing")) == []


@pytest.mark.parametrize("model", [DataKeyVersion, StoreCredential])
def test_a_tenants_role_reads_its_own_rows_and_changes_none(
    acme: Tenant, globex: Tenant, model: type[DataKeyVersion | StoreCredential]
) -> None:
    for own, other in ((acme, globex), (globex, acme)):
        with tenant_context(own):
            rows = model._default_manager.all()
            assert {row.tenant_id for row in rows} == {own.pk}
            assert not rows.filter(tenant_id=other.pk).exists()
            for statement in ("UPDATE {} SET tenant_id = 1", "DELETE FROM {}", "TRUNCATE {}"):
                with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                    with connection.cursor() as cursor:
                        cursor.execute(statement.format(model._meta.db_table))


def test_a_handle_works_in_its_own_tenant_only(stored: S3Objects, globex: Tenant) -> None:
    with tenant_context(globex):
        for attempt in (
            lambda: stored.get("raw/text"),
            lambda: stored.put("raw/text", b"x"),
            lambda: stored.delete("raw/text"),
            lambda: list(stored.list()),
        ):
            with pytest.raises(WrongTenantError):
                attempt()
    assert stored.get("raw/text") == TEXT


def test_a_wrapped_key_moved_to_another_tenant_opens_nothing(acme: Tenant, globex: Tenant) -> None:
    stolen = DataKeyVersion.objects.get(tenant=globex)
    DataKeyVersion.objects.filter(tenant=acme).update(wrapped=stolen.wrapped)
    with pytest.raises(DataKeyUnavailableError):
        keyring(acme.pk).current()
    assert keyring(globex.pk).current().version == 1


def test_a_backup_is_unreadable_once_the_data_key_is_destroyed(
    platform: "S3Client", stored: S3Objects, acme: Tenant, globex: Tenant
) -> None:
    backup = ciphertext(platform, stored, "raw/text")
    other = for_tenant(globex).objects
    other.put("raw/text", TEXT)
    with transaction.atomic():
        data_keys_destroy(tenant=acme, actor="tester")
        data_keys_destroy(tenant=acme, actor="tester")
        assert data_keys_count(acme) == 0
        row = acme.data_keys.get()
        assert bytes(row.wrapped) == b""
        assert row.destroyed_at is not None
        platform.put_object(Bucket=stored.bucket, Key="raw/text", Body=backup)
        with pytest.raises(DataKeyUnavailableError):
            stored.get("raw/text")
        assert other.get("raw/text") == TEXT
        transaction.set_rollback(True)
    other.delete("raw/text")


@pytest.mark.parametrize(
    "content", [None, "", "# nothing\n", "AGE-SECRET-KEY-1NOTONE\n", "another"]
)
def test_without_its_master_key_nothing_opens_and_the_error_says_what_to_do(
    acme: Tenant, globex: Tenant, tmp_path: Path, settings: Settings, content: str | None
) -> None:
    path = tmp_path / "master-key.txt"
    if content is not None:
        another = str(x25519.Identity.generate())
        path.write_text(another if content == "another" else content)
    keys.data_key_open.cache_clear()
    settings.MASTER_KEY_FILE = str(path)
    for tenant in (acme, globex):
        with pytest.raises(MasterKeyError) as caught:
            keyring(tenant.pk).current()
        assert caught.value.retryable
        assert caught.value.remediation
        assert "AGE-SECRET" not in caught.value.message
