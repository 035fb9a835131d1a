"""Django's storage API over the bucket of the tenant in force, by django-storages.

The default storage of the project, so that a library that saves files through Django keeps them
apart as well: sealed, in the tenant's own bucket, by its own credential. Without it they would lie
beside each other in a folder of the machine.
"""

from typing import Any, BinaryIO

from django.core.files import File
from django.db import connection
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from tenants.models import Tenant
from tenants.stores import for_tenant
from tenants.stores.errors import WrongTenantError
from tenants.stores.keyring import keyring
from tenants.stores.objects import S3Objects
from tenants.stores.s3 import resource_for


class TenantStorage(S3Storage):  # type: ignore[misc]
    """Files of the tenant whose context is entered, under `files/`; outside of one an error.

    Names are looked up by django-storages, contents go through `S3Objects`. There are no URLs:
    what an address gave would be sealed.
    """

    def get_default_settings(self) -> dict[str, Any]:
        """Return django-storages' settings without a bucket of their own."""
        known = super().get_default_settings()
        del known["bucket_name"]
        return {**known, "location": "files", "file_overwrite": False}

    @property
    def bucket_name(self) -> str:
        """The bucket of the tenant in force."""
        return _objects().bucket

    @property
    def connection(self) -> Any:
        """The store, by the credential of the tenant in force."""
        return resource_for(keyring(_tenant().pk).access())

    @property
    def bucket(self) -> Any:
        """The bucket of the tenant in force, not kept: the next call may be another's."""
        return self.connection.Bucket(self.bucket_name)

    def url(self, name: str, *_args: object, **_options: object) -> str:
        """Raise `NotImplementedError`."""
        raise NotImplementedError(f"{type(self).__name__} gives no addresses.")

    def size(self, name: str) -> int | None:
        """Return the bytes that were saved; raises `NotFoundError`."""
        return _objects().head(self._key(name)).size

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        if mode != "rb":
            raise ValueError("A stored file is opened to be read as bytes, by the mode 'rb'.")
        return File(_objects().open(self._key(name)), name)

    def _save(self, name: str, content: "File[bytes]") -> str:
        source: BinaryIO = content.file  # type: ignore[assignment]
        source.seek(0)
        _objects().put(self._key(name), source)
        return str(clean_name(name))

    def _key(self, name: str) -> str:
        return str(self._normalize_name(clean_name(name)))


def _tenant() -> Tenant:
    tenant = connection.tenant  # type: ignore[attr-defined]
    if not isinstance(tenant, Tenant):
        raise WrongTenantError("A file was saved or read outside a tenant's context.")
    return tenant


def _objects() -> S3Objects:
    return for_tenant(_tenant()).objects
