"""All that opens a tenant's bucket, read in one query: its credential and its data keys.

It is read for each call, so that a rotation, a new credential and a removal take effect in every
process at once. What the keys unwrap to is kept in memory, by the wrapped bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from tenants.encryption.keys import data_key_open, no_data_key
from tenants.encryption.sealed import DataKey, NotAuthenticError, value_open
from tenants.errors import DataKeyUnavailableError, StoreRefusedError
from tenants.stores.s3 import Access, platform_access, tenant_access

WITHOUT_IDENTITIES = "none"
# Before every call to the store, so not by the ORM, which takes three times as long.
_READ = """
SELECT k.version, k.wrapped, k.retired_at IS NULL, c.access_key, c.sealed_secret, c.key_version
FROM public.tenants_datakeyversion k
LEFT JOIN public.tenants_storecredential c ON c.tenant_id = k.tenant_id
WHERE k.tenant_id = %s AND k.destroyed_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class SealedCredential:
    """A credential as the registry holds it; its secret opens with one version of the data key."""

    access_key: str
    sealed_secret: bytes
    key_version: int


@dataclass(frozen=True, slots=True)
class Keyring:
    """The wrapped data keys of a tenant by version, the current one's number, its credential."""

    tenant_id: int
    wrapped: Mapping[int, bytes]
    current_version: int | None
    credential: SealedCredential | None

    def current(self) -> DataKey:
        """Return the key that new objects are sealed with; raises `DataKeyUnavailableError`."""
        if self.current_version is None:
            raise no_data_key()
        return self.version(self.current_version)

    def version(self, version: int) -> DataKey:
        """Return one version of the key; raises `DataKeyUnavailableError`."""
        if version not in self.wrapped:
            raise no_data_key()
        return data_key_open(self.tenant_id, version, self.wrapped[version])

    def access(self) -> Access:
        """Return access to the store: by the tenant's own credential, where tenants have one.

        Raises what `own_access` does.
        """
        if settings.S3_IDENTITIES == WITHOUT_IDENTITIES:
            return platform_access()
        return self.own_access()

    def own_access(self) -> Access:
        """Return access to the store by the tenant's own credential.

        Raises `StoreRefusedError` where it has none, and `DataKeyUnavailableError` where its
        keys are destroyed or not the role's in force to see.
        """
        if not self.wrapped:
            raise no_data_key()
        if self.credential is None:
            raise StoreRefusedError(
                "This tenant has no credential for the object store.",
                remediation="`manage.py keys rotate --tenant SLUG` makes one.",
            )
        return tenant_access(self.credential.access_key, self._secret(self.credential))

    def _secret(self, credential: SealedCredential) -> str:
        purpose = credential_purpose(self.tenant_id, credential.access_key)
        key = self.version(credential.key_version)
        try:
            return value_open(credential.sealed_secret, key=key, purpose=purpose).decode()
        except NotAuthenticError:
            raise DataKeyUnavailableError("The tenant's sealed credential was changed.") from None


def keyring(tenant_id: int) -> Keyring:
    """Return the tenant's keys and credential as they are now; empty where they may not be seen."""
    with connection.cursor() as cursor:
        cursor.execute(_READ, [tenant_id])
        rows = cursor.fetchall()
    found = next((row[3:] for row in rows if row[3] is not None), None)
    return Keyring(
        tenant_id=tenant_id,
        wrapped={version: bytes(wrapped) for version, wrapped, *_rest in rows},
        current_version=next((row[0] for row in rows if row[2]), None),
        credential=SealedCredential(found[0], bytes(found[1]), found[2]) if found else None,
    )


def credential_purpose(tenant_id: int, access_key: str) -> str:
    """Return what a credential's secret is bound to when it is sealed."""
    return f"store credential {tenant_id} {access_key}"
