"""A tenant's bucket without sealing, to measure against; nothing else may use it."""

from typing import BinaryIO

from tenants.models import Tenant
from tenants.stores import for_tenant
from tenants.stores.keyring import keyring
from tenants.stores.s3 import client_for, translated, upload


class PlainObjects:
    """Writes and reads bytes as they are, by the tenant's own credential."""

    def __init__(self, tenant: Tenant) -> None:
        self._client = client_for(keyring(tenant.pk).access())
        self._bucket = for_tenant(tenant).objects.bucket

    def put(self, key: str, data: BinaryIO) -> None:
        """Store a stream, a large one in parts."""
        with translated():
            upload(
                self._client,
                {"Bucket": self._bucket, "Key": key},
                data.read,
                content_type="application/octet-stream",
            )

    def get(self, key: str) -> bytes:
        """Return the whole object."""
        with translated():
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def delete(self, key: str) -> None:
        """Delete the object; nothing happens when there is none."""
        with translated():
            self._client.delete_object(Bucket=self._bucket, Key=key)
