"""A tenant's own credential for the object store: it opens the tenant's bucket and no other.

How an identity is made depends on the store (`settings.S3_IDENTITIES`): `embedded` writes the
embedded store's own file, `iam` speaks the IAM API of AWS, `none` does without, so that the
platform's credential serves all tenants.
"""

import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from botocore.exceptions import ClientError
from django.conf import settings
from django.db import transaction

from frostbyte.embedded.identities import identity_exists, identity_put, identity_remove
from frostbyte.kernel.errors import NotFoundError
from tenants.encryption.sealed import value_seal
from tenants.errors import StoreRefusedError
from tenants.models import StoreCredential, Tenant
from tenants.naming import bucket_name
from tenants.stores.buckets import bucket_create
from tenants.stores.keyring import WITHOUT_IDENTITIES, credential_purpose, keyring
from tenants.stores.s3 import (
    PROBE,
    Access,
    client_for,
    iam_client,
    translated,
)

ACTIONS: Final = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
POLICY: Final = "own-bucket"
SETTLE_SECONDS: Final = 20.0
"""How long a store may take until a new credential works: AWS takes some seconds."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What an identity signs requests with."""

    access_key: str
    secret_key: str


class Identities(Protocol):
    """The store's identities, each named like the bucket that it opens."""

    def create(self, bucket: str) -> Keys: ...
    def remove(self, bucket: str) -> None: ...
    def exists(self, bucket: str) -> bool: ...


class EmbeddedIdentities:
    """The embedded store's own file of identities."""

    def create(self, bucket: str) -> Keys:
        """Make the identity, or give it a new secret."""
        keys = Keys(bucket, secrets.token_urlsafe(32))
        identity_put(_home(), bucket=bucket, secret_key=keys.secret_key)
        return keys

    def remove(self, bucket: str) -> None:
        """Remove the identity; nothing happens when there is none."""
        identity_remove(_home(), bucket=bucket)

    def exists(self, bucket: str) -> bool:
        """Return whether there is such an identity."""
        return identity_exists(_home(), bucket=bucket)


class IamIdentities:
    """Users of an IAM API, with an inline policy and one access key each."""

    def create(self, bucket: str) -> Keys:
        """Make the user anew, with a new key."""
        self.remove(bucket)
        with translated():
            iam = iam_client()
            iam.create_user(UserName=bucket)
            iam.put_user_policy(
                UserName=bucket, PolicyName=POLICY, PolicyDocument=json.dumps(policy(bucket))
            )
            made = iam.create_access_key(UserName=bucket)["AccessKey"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"])

    def remove(self, bucket: str) -> None:
        """Remove the user with all that is its own; nothing happens when there is none."""
        if not self.exists(bucket):
            return
        with translated():
            iam = iam_client()
            for key in iam.list_access_keys(UserName=bucket)["AccessKeyMetadata"]:
                iam.delete_access_key(UserName=bucket, AccessKeyId=key["AccessKeyId"])
            for name in iam.list_user_policies(UserName=bucket)["PolicyNames"]:
                iam.delete_user_policy(UserName=bucket, PolicyName=name)
            iam.delete_user(UserName=bucket)

    def exists(self, bucket: str) -> bool:
        """Return whether there is such a user."""
        try:
            with translated():
                iam_client().get_user(UserName=bucket)
        except NotFoundError:
            return False
        return True


IDENTITIES: Final[dict[str, Identities]] = {
    "embedded": EmbeddedIdentities(),
    "iam": IamIdentities(),
}


def policy(bucket: str) -> dict[str, object]:
    """Return the IAM policy that allows the use of one bucket's objects, and nothing else."""
    arn = f"arn:aws:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [arn]},
            {"Effect": "Allow", "Action": list(ACTIONS), "Resource": [f"{arn}/*"]},
        ],
    }


def credential_create(tenant: Tenant) -> None:
    """Make the tenant's credential, unless it has one, and wait until the store accepts it."""
    if settings.S3_IDENTITIES == WITHOUT_IDENTITIES:
        return
    held = keyring(tenant.pk)
    if held.credential is None or held.credential.key_version not in held.wrapped:
        _keep(tenant, IDENTITIES[settings.S3_IDENTITIES].create(_bucket(tenant)))
    _settle(keyring(tenant.pk).access(), _bucket(tenant))


def credential_check(tenant: Tenant) -> None:
    """See that the credential opens the tenant's bucket and no other; `StoreRefusedError` if not.

    The other one is the platform's probe bucket, which is made when it is missing.
    """
    access = keyring(tenant.pk).access()
    _use(access, _bucket(tenant))
    if settings.S3_IDENTITIES != WITHOUT_IDENTITIES:
        bucket_create(probe_bucket())
        _require_refused(access, probe_bucket())


def credential_remove(tenant: Tenant) -> None:
    """Take the credential away, from the store first; nothing happens when there is none."""
    if settings.S3_IDENTITIES != WITHOUT_IDENTITIES:
        IDENTITIES[settings.S3_IDENTITIES].remove(_bucket(tenant))
    StoreCredential.objects.filter(tenant=tenant).delete()


def credential_is_gone(tenant: Tenant) -> bool:
    """Return whether neither store nor registry knows a credential of the tenant."""
    if StoreCredential.objects.filter(tenant=tenant).exists():
        return False
    if settings.S3_IDENTITIES == WITHOUT_IDENTITIES:
        return True
    return not IDENTITIES[settings.S3_IDENTITIES].exists(_bucket(tenant))


@transaction.atomic
def credential_reseal(tenant: Tenant) -> None:
    """Seal the credential anew with the tenant's current data key."""
    if StoreCredential.objects.select_for_update().filter(tenant=tenant).exists():
        access = keyring(tenant.pk).own_access()
        _keep(tenant, Keys(access.access_key, access.secret_key))


def _keep(tenant: Tenant, keys: Keys) -> None:
    key = keyring(tenant.pk).current()
    purpose = credential_purpose(tenant.pk, keys.access_key)
    StoreCredential.objects.update_or_create(
        tenant=tenant,
        defaults={
            "access_key": keys.access_key,
            "sealed_secret": value_seal(keys.secret_key.encode(), key=key, purpose=purpose),
            "key_version": key.version,
        },
    )


def _settle(access: Access, bucket: str) -> None:
    deadline, pause = time.monotonic() + SETTLE_SECONDS, 0.01
    while True:
        try:
            return _use(access, bucket)
        except StoreRefusedError:
            if time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 2, 1.0)


def _use(access: Access, bucket: str) -> None:
    with translated():
        client = client_for(access)
        client.put_object(Bucket=bucket, Key=PROBE, Body=b"")
        client.list_objects_v2(Bucket=bucket, MaxKeys=1)
        client.delete_object(Bucket=bucket, Key=PROBE)


def _require_refused(access: Access, bucket: str) -> None:
    client = client_for(access)
    tries = (
        lambda: client.list_objects_v2(Bucket=bucket, MaxKeys=1),
        lambda: client.put_object(Bucket=bucket, Key=PROBE, Body=b""),
        lambda: client.get_object(Bucket=bucket, Key=PROBE),
    )
    for attempt in tries:
        try:
            attempt()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 403:
                continue
        raise StoreRefusedError(
            "The object store lets a tenant's credential into another bucket.",
            remediation="It does not keep to IAM policies: use another store.",
        )


def probe_bucket() -> str:
    """Return a bucket that is no tenant's: its slug is reserved."""
    return bucket_name("health", prefix=settings.BUCKET_PREFIX)


def _bucket(tenant: Tenant) -> str:
    return bucket_name(tenant.slug, prefix=settings.BUCKET_PREFIX)


def _home() -> Path:
    return Path(settings.FROSTBYTE_HOME)
