"""New keys while people write, read and delete: nothing is lost, nothing comes back, nothing stays
under the old key; killed at any time, the same command goes on."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pyrage import x25519
from pytest_django import Settings

from audit.models import AuditEvent
from audit.verification import chain_verify
from frostbyte.kernel.age import identity_lines
from frostbyte.kernel.errors import NotFoundError
from tenants.encryption import keys as data_keys
from tenants.encryption.master import master_key
from tenants.encryption.rotation import data_key_rotate, master_key_rotate
from tenants.encryption.sealed import (
    HEADER_BYTES,
    DataKey,
    Place,
    key_version,
    sealed_chunks,
)
from tenants.errors import MasterKeyError, RotationError, StoreRefusedError, TenantBusyError
from tenants.lifecycle.gate import exclusive
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import DataKeyVersion, Tenant
from tenants.stores import S3Objects, for_tenant
from tenants.stores.keyring import keyring
from tenants.stores.s3 import client_for, platform_access

PROJECT_DIR = Path(__file__).resolve().parents[2]


@pytest.fixture
def two(committed: None) -> Iterator[tuple[Tenant, Tenant]]:
    """A tenant of this test's own and the shared other one, outside of any transaction."""
    other = Tenant.objects.get(slug="globex")
    yield tenant_provision(slug="turned", name="", actor="tester"), other
    for key in list(for_tenant(other).objects.list()):
        for_tenant(other).objects.delete(key)


def versions(objects: S3Objects) -> set[int]:
    """Return which versions of the data key the bucket's objects are sealed with."""
    client = client_for(platform_access())
    found = set()
    for key in objects.list():
        body = client.get_object(Bucket=objects.bucket, Key=key)["Body"]
        found.add(key_version(body.read(HEADER_BYTES)))
    return found


def test_everything_is_sealed_anew_and_the_old_key_destroyed(two: tuple[Tenant, Tenant]) -> None:
    tenant, other = two
    objects, apart = for_tenant(tenant).objects, for_tenant(other).objects
    large = os.urandom(20_000_000)
    objects.put("raw/large", BytesIO(large), content_type="application/pdf")
    for number in range(5):
        objects.put(f"raw/{number}", f"text {number}".encode(), content_type="text/plain")
    apart.put("raw/0", b"of the other")
    before, secret = keyring(tenant.pk), keyring(tenant.pk).access().secret_key

    done = data_key_rotate(tenant=tenant, actor="tester")

    assert (done.version, done.resealed, done.destroyed) == (2, 6, 1)
    assert versions(objects) == {2}
    assert objects.get("raw/large") == large
    assert objects.head("raw/large").content_type == "application/pdf"
    assert [objects.get(f"raw/{n}") for n in range(5)] == [f"text {n}".encode() for n in range(5)]
    old, new = tenant.data_keys.order_by("version")
    assert (bytes(old.wrapped), old.destroyed_at is None) == (b"", False)
    assert bytes(before.wrapped[1]) not in bytes(new.wrapped)
    assert keyring(tenant.pk).access().secret_key == secret
    assert versions(apart) == {1}
    told = AuditEvent.objects.filter(tenant=tenant.slug, event_type__startswith="DATA_KEY")
    assert [event.event_type for event in told.order_by("sequence")][-3:] == [
        *("DATA_KEY_CREATED", "DATA_KEY_ROTATED", "DATA_KEY_DESTROYED")
    ]
    assert chain_verify(tenant=tenant.slug).valid


def test_what_is_sealed_with_the_newest_key_is_left_alone(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        objects = for_tenant(tenant).objects
        objects.put("raw/x", b"x")
        assert not objects.reseal("raw/x")
        assert not objects.reseal("raw/nothing")
        objects.delete("raw/x")


class Others(threading.Thread):
    """Somebody else, at work until told to stop; keeps the error that it met."""

    def __init__(self, work: Callable[[int], None], stop: threading.Event) -> None:
        super().__init__()
        self._work, self._stop_asked = work, stop
        self.error: BaseException | None = None
        self.rounds = 0

    def run(self) -> None:
        """Work, and close the connection of this thread."""
        try:
            while not self._stop_asked.is_set():
                self._work(self.rounds)
                self.rounds += 1
        except BaseException as error:  # noqa: BLE001 - it is raised where the thread is joined
            self.error = error
        finally:
            connection.close()


def test_writers_readers_and_deleters_work_throughout(two: tuple[Tenant, Tenant]) -> None:
    tenant, other = two
    objects, apart = for_tenant(tenant).objects, for_tenant(other).objects
    for number in range(40):
        objects.put(f"kept/{number}", f"kept {number}".encode() * 1000)
        objects.put(f"gone/{number}", b"to be deleted")
    written: dict[str, bytes] = {}

    def write(number: int) -> None:
        # Some keys again and again, so that the rotation meets objects that change under it.
        key, data = f"new/{number % 15}", f"version {number}".encode() * 200
        objects.put(key, data)
        written[key] = data

    def read(number: int) -> None:
        wanted = number % 40
        assert objects.get(f"kept/{wanted}") == f"kept {wanted}".encode() * 1000

    def delete(number: int) -> None:
        objects.delete(f"gone/{number % 40}")
        with pytest.raises(NotFoundError):
            objects.get(f"gone/{number % 40}")

    stop = threading.Event()
    others = [Others(work, stop) for work in (write, read, delete)]
    for each in others:
        each.start()
    try:
        for _ in range(3):
            data_key_rotate(tenant=tenant, actor="tester")
    finally:
        stop.set()
        for each in others:
            each.join()
    assert [each.error for each in others] == [None, None, None]
    assert all(each.rounds > 3 for each in others)
    data_key_rotate(tenant=tenant, actor="tester")
    assert versions(objects) == {5}
    assert {key: objects.get(key) for key in written} == written
    deleted = min(others[2].rounds, 40)
    assert len(list(objects.list("gone/"))) == 40 - deleted
    assert list(apart.list()) == []


def test_an_object_put_during_a_rotation_ends_under_the_new_key(
    two: tuple[Tenant, Tenant],
) -> None:
    tenant, _other = two
    objects = for_tenant(tenant).objects

    class Slow(BytesIO):
        """A stream during whose reading the whole rotation takes place."""

        rotated = False

        def read(self, size: int | None = -1, /) -> bytes:
            if not self.rotated:
                self.rotated = True
                assert data_key_rotate(tenant=tenant, actor="tester").destroyed == 1
            return super().read(size)

    objects.put("raw/slow", Slow(b"a slow upload" * 1000))
    assert versions(objects) == {2}
    assert objects.get("raw/slow") == b"a slow upload" * 1000


def test_a_damaged_object_keeps_the_old_key_and_is_named(two: tuple[Tenant, Tenant]) -> None:
    tenant, other = two
    objects = for_tenant(tenant).objects
    objects.put("raw/good", b"good")
    platform = client_for(platform_access())
    platform.put_object(Bucket=objects.bucket, Key="raw/bad", Body=b"something foreign" * 10)
    with pytest.raises(RotationError, match="raw/bad") as caught:
        data_key_rotate(tenant=tenant, actor="tester")
    assert caught.value.extra == {"objects": ["raw/bad"]}
    assert set(keyring(tenant.pk).wrapped) == {1, 2}
    assert objects.get("raw/good") == b"good"
    objects.delete("raw/bad")
    done = data_key_rotate(tenant=tenant, actor="tester")
    assert (done.version, done.resealed, done.destroyed) == (2, 0, 1)
    assert set(keyring(other.pk).wrapped) == {1}


def test_an_object_under_a_key_that_is_gone_is_named(two: tuple[Tenant, Tenant]) -> None:
    tenant, other = two
    objects = for_tenant(tenant).objects
    for key in ("raw/a", "raw/z"):
        objects.put(key, b"good")
    lost, place = DataKey(99, os.urandom(32)), Place(objects.bucket, "raw/lost")
    sealed = b"".join(sealed_chunks(BytesIO(b"lost").read, key=lost, place=place))
    platform = client_for(platform_access())
    platform.put_object(Bucket=objects.bucket, Key="raw/lost", Body=sealed)
    with pytest.raises(RotationError) as caught:
        data_key_rotate(tenant=tenant, actor="tester")
    assert caught.value.extra == {"objects": ["raw/lost"]}
    assert objects.get("raw/z") == b"good"
    assert set(keyring(other.pk).wrapped) == {1}


def test_a_tenant_from_before_credentials_gets_one(committed: None, settings: Settings) -> None:
    other = Tenant.objects.get(slug="globex")
    before = keyring(other.pk).credential
    with_own, settings.S3_IDENTITIES = settings.S3_IDENTITIES, "none"
    tenant = tenant_provision(slug="turned", name="", actor="tester")
    objects = for_tenant(tenant).objects
    objects.put("raw/a", b"from before")
    settings.S3_IDENTITIES = with_own
    with pytest.raises(StoreRefusedError) as caught:
        objects.get("raw/a")
    assert "keys rotate" in caught.value.remediation
    data_key_rotate(tenant=tenant, actor="tester")
    assert objects.get("raw/a") == b"from before"
    assert keyring(tenant.pk).access() != platform_access()
    assert keyring(other.pk).credential == before


def test_a_rotation_without_credentials_keeps_the_one_there_is(
    two: tuple[Tenant, Tenant], settings: Settings
) -> None:
    tenant, _other = two
    own = keyring(tenant.pk).own_access()
    with_own, settings.S3_IDENTITIES = settings.S3_IDENTITIES, "none"
    data_key_rotate(tenant=tenant, actor="tester")
    settings.S3_IDENTITIES = with_own
    assert keyring(tenant.pk).access() == own != platform_access()


@pytest.mark.parametrize("ignored", ["put_object", "complete_multipart_upload"])
def test_a_store_that_ignores_conditions_is_found_out(
    two: tuple[Tenant, Tenant], monkeypatch: pytest.MonkeyPatch, ignored: str
) -> None:
    """The store's own client, told to leave the condition out of one kind of write."""
    tenant, _other = two
    client = client_for(keyring(tenant.pk).access())
    write = getattr(client, ignored)

    def without_condition(*, IfMatch: str = "", **request: object) -> object:  # noqa: N803
        return write(**request)

    monkeypatch.setattr(client, ignored, without_condition)
    with pytest.raises(RotationError, match="ignores If-Match"):
        data_key_rotate(tenant=tenant, actor="tester")
    assert keyring(tenant.pk).current_version == 1
    assert list(for_tenant(tenant).objects.list()) == []


KILLED = """
import os, django
django.setup()
from tenants.models import Tenant
from tenants.encryption.rotation import data_key_rotate

def stop(done, total):
    if done == total // 2:
        os.kill(os.getpid(), 9)

from django.conf import settings
from django.db import connection
settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = os.environ["NAME"]
settings.BUCKET_PREFIX = os.environ["PREFIX"]
data_key_rotate(tenant=Tenant.objects.get(slug="turned"), actor="tester", progress=stop)
"""


def test_a_rotation_that_was_killed_goes_on(two: tuple[Tenant, Tenant], settings: Settings) -> None:
    tenant, other = two
    objects = for_tenant(tenant).objects
    for number in range(10):
        objects.put(f"raw/{number}", f"text {number}".encode())
    name, prefix = connection.settings_dict["NAME"], settings.BUCKET_PREFIX
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        env={**os.environ, "NAME": name, "PREFIX": prefix},
        cwd=PROJECT_DIR,
        check=False,
        capture_output=True,
    )
    assert done.returncode == -9, done.stderr.decode()
    assert versions(objects) == {1, 2}
    assert objects.get("raw/9") == b"text 9"

    out = StringIO()
    call_command("keys", "rotate", "--tenant", "turned", stdout=out)
    assert "version 2 is in force, 5 objects sealed anew, 1 old versions destroyed" in (
        out.getvalue()
    )
    assert versions(objects) == {2}
    assert [objects.get(f"raw/{n}") for n in range(10)] == [f"text {n}".encode() for n in range(10)]
    assert set(keyring(other.pk).wrapped) == {1}


def test_one_rotation_of_a_tenant_at_a_time(two: tuple[Tenant, Tenant]) -> None:
    tenant, other = two
    found: list[BaseException] = []

    def rival() -> None:
        try:
            data_key_rotate(tenant=tenant, actor="rival")
        except TenantBusyError as error:
            found.append(error)
        finally:
            connection.close()

    with exclusive(tenant):
        thread = threading.Thread(target=rival)
        thread.start()
        thread.join()
    assert len(found) == 1
    assert set(keyring(tenant.pk).wrapped) == {1} == set(keyring(other.pk).wrapped)


def test_a_new_master_key_wraps_everything_and_the_old_one_goes(
    committed: None, own_master: Path, two: tuple[Tenant, Tenant]
) -> None:
    old = own_master.read_text()
    objects = [for_tenant(tenant).objects for tenant in two]
    for each in objects:
        each.put("raw/x", b"before")
    out = StringIO()
    call_command("keys", "rotate", "--master", stdout=out)
    [recipient], new = master_key().recipients, own_master.read_text()
    assert recipient in out.getvalue()
    assert recipient not in old
    assert own_master.stat().st_mode & 0o777 == 0o600
    wrapped_for = DataKeyVersion.objects.filter(destroyed_at=None).values_list("recipient")
    assert set(wrapped_for) == {(recipient,)}
    data_keys.data_key_open.cache_clear()
    for each in objects:
        assert each.get("raw/x") == b"before"
        each.put("raw/y", b"after")
    own_master.write_text(old)
    data_keys.data_key_open.cache_clear()
    with pytest.raises(MasterKeyError, match="No identity"):
        objects[0].get("raw/x")
    own_master.write_text(identity_lines(x25519.Identity.generate()))
    status = StringIO()
    call_command("keys", "status", stdout=status)
    assert f"{recipient} MISSING" in status.getvalue()
    assert "AGE-SECRET-KEY" not in status.getvalue() + out.getvalue()
    with pytest.raises(MasterKeyError):
        master_key_rotate(actor="tester")
    own_master.write_text(own_master.read_text() + old)
    with pytest.raises(CommandError, match="MASTER_KEY_UNAVAILABLE"):
        call_command("keys", "rotate", "--master")
    own_master.write_text(new)
