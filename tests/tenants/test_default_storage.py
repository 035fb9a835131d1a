"""Django's default storage: files saved through it are the tenant's own, sealed, or nobody's."""

from collections.abc import Iterator

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from frostbyte.kernel.errors import NotFoundError
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.stores import for_tenant
from tenants.stores.errors import WrongTenantError
from tenants.stores.s3 import client_for, platform_access

NAME = "letters/plan.txt"
WORDS = b"the plan of the bridge"


@pytest.fixture
def saved(acme: Tenant, globex: Tenant) -> Iterator[str]:
    """A file of acme's, by the name that the storage gave it."""
    with tenant_context(acme):
        name = default_storage.save(NAME, ContentFile(WORDS))
    yield name
    with tenant_context(acme):
        default_storage.delete(name)


def test_a_file_comes_back_to_its_own_tenant_only(acme: Tenant, globex: Tenant, saved: str) -> None:
    with tenant_context(acme):
        with default_storage.open(saved) as file:
            assert file.read() == WORDS
        assert default_storage.size(saved) == len(WORDS)
        assert default_storage.exists(saved)
        assert default_storage.listdir("letters") == ([], ["plan.txt"])
    with tenant_context(globex):
        assert not default_storage.exists(saved)
        assert default_storage.listdir("letters") == ([], [])
        with pytest.raises(NotFoundError):
            default_storage.open(saved)


def test_what_lies_in_the_bucket_is_sealed(acme: Tenant, globex: Tenant, saved: str) -> None:
    bucket = for_tenant(acme).objects.bucket
    found = client_for(platform_access()).get_object(Bucket=bucket, Key=f"files/{saved}")
    assert WORDS not in found["Body"].read()


def test_a_name_that_is_taken_gives_another(acme: Tenant, globex: Tenant, saved: str) -> None:
    with tenant_context(acme):
        second = default_storage.save(NAME, SimpleUploadedFile("plan.txt", b"another"))
        assert second != saved
        with default_storage.open(saved) as file:
            assert file.read() == WORDS
        default_storage.delete(second)
        assert not default_storage.exists(second)


def test_outside_a_tenant_nothing_is_saved(acme: Tenant, globex: Tenant) -> None:
    with pytest.raises(WrongTenantError):
        default_storage.save(NAME, ContentFile(WORDS))


@pytest.mark.parametrize("name", ["../../raw/x", "/etc/passwd", "a/../../b"])
def test_a_name_does_not_leave_the_folder(acme: Tenant, globex: Tenant, name: str) -> None:
    before = [set(for_tenant(tenant).objects.list()) for tenant in (acme, globex)]
    with tenant_context(acme), pytest.raises(SuspiciousFileOperation):
        default_storage.save(name, ContentFile(WORDS))
    assert [set(for_tenant(tenant).objects.list()) for tenant in (acme, globex)] == before


def test_there_are_no_addresses(acme: Tenant, globex: Tenant, saved: str) -> None:
    with tenant_context(acme), pytest.raises(NotImplementedError):
        default_storage.url(saved)
