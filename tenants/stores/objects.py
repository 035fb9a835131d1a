"""A tenant's objects: one bucket of any S3 service, everything in it sealed by the tenant's key."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, TypeVar

from django.db import connection

from frostbyte.kernel.errors import NotFoundError
from tenants.encryption.sealed import (
    HEADER_BYTES,
    DataKey,
    NotAuthenticError,
    Place,
    SealedReader,
    key_version,
    opened_chunks,
    plain_size,
    read_exactly,
    sealed_chunks,
)
from tenants.errors import DataKeyUnavailableError, ObjectDamagedError, RotationError
from tenants.naming import PUBLIC_SCHEMA
from tenants.stores.buckets import bucket_count, bucket_create, bucket_destroy, bucket_exists
from tenants.stores.errors import ChangedMeanwhileError, WrongTenantError
from tenants.stores.keyring import Keyring, keyring
from tenants.stores.s3 import PART_BYTES, PROBE, Target, client_for, translated, upload
from tenants.workspace import workspace_spool

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

MEMORY_BYTES: Final = 8 * 1024 * 1024
"""An opened object that is larger is in a temporary file of the tenant's folder."""
DEFAULT_TYPE: Final = "application/octet-stream"
_NO_ETAG: Final = '"00000000000000000000000000000000"'
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of an object: its size, the size it is stored in (bytes), its type, when.

    The size is None where something that was not sealed here has taken its place.
    """

    key: str
    size: int | None
    stored_size: int
    content_type: str
    modified_at: datetime


class ObjectStore(Protocol):
    """Objects of one tenant; the handle is bound to its bucket and takes no tenant."""

    def put(self, key: str, data: bytes | BinaryIO, *, content_type: str = ...) -> None: ...
    def get(self, key: str) -> bytes: ...
    def open(self, key: str) -> BinaryIO: ...
    def head(self, key: str) -> ObjectInfo: ...
    def delete(self, key: str) -> None: ...
    def list(self, prefix: str = "") -> Iterator[str]: ...
    def stored_sizes(self, prefix: str = "") -> Iterator[tuple[str, int]]: ...
    def plain_size(self, stored: int) -> int | None: ...


class S3Objects:
    """`ObjectStore` over one bucket, by the tenant's own credential and data key.

    Store faults are `ServiceUnavailableError` or `StoreRefusedError`, so retryable. An object
    that was changed behind our back is `ObjectDamagedError`.
    """

    def __init__(self, bucket: str, *, tenant_id: int, schema: str) -> None:
        self.bucket = bucket
        self._tenant_id = tenant_id
        self._schema = schema

    def create(self) -> None:
        """Make the bucket; nothing happens when it is there."""
        bucket_create(self.bucket)

    def exists(self) -> bool:
        """Return whether the bucket is there."""
        return bucket_exists(self.bucket)

    def destroy(self) -> None:
        """Delete every object, then the bucket; nothing happens when there is none."""
        bucket_destroy(self.bucket)

    def count(self) -> int:
        """Return how many objects the bucket has, whether they can be opened or not."""
        return bucket_count(self.bucket)

    def put(self, key: str, data: bytes | BinaryIO, *, content_type: str = DEFAULT_TYPE) -> None:
        """Store `data` under `key`, sealed; replaces what was there. Memory use is constant."""
        source = BytesIO(data) if isinstance(data, bytes) else data
        with self._opened() as (client, keys):
            used = keys.current()
            self._send(client, key, source.read, used, content_type)
        # A rotation that began meanwhile may have listed the bucket before this object was there.
        if keyring(self._tenant_id).current_version != used.version:
            self.reseal(key, held=used)

    def get(self, key: str) -> bytes:
        """Return the whole object; raises `NotFoundError` or `ObjectDamagedError`."""
        return _twice(lambda: b"".join(self._plain(key)))

    def open(self, key: str) -> BinaryIO:
        """Return a seekable file of the object, on disk past some megabytes until it is closed.

        All of it was authenticated. Raises `NotFoundError` or `ObjectDamagedError`.
        """
        return _twice(lambda: self._spooled(key))

    def head(self, key: str) -> ObjectInfo:
        """Return sizes and media type; raises `NotFoundError`."""
        with self._opened() as (client, _keys):
            found = client.head_object(Bucket=self.bucket, Key=key)
        stored = found["ContentLength"]
        kind, at = found["ContentType"], found["LastModified"]
        return ObjectInfo(key, self.plain_size(stored), stored, kind, at)

    def delete(self, key: str) -> None:
        """Delete one object; nothing happens when there is none."""
        with self._opened() as (client, _keys):
            client.delete_object(Bucket=self.bucket, Key=key)

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys that begin with `prefix`, in order."""
        return (key for key, _size in self.stored_sizes(prefix))

    def stored_sizes(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield each key that begins with `prefix`, in order, with its size in the store."""
        with self._opened() as (client, _keys):
            pages = client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
                yield from ((item["Key"], item["Size"]) for item in page.get("Contents", []))

    def plain_size(self, stored: int) -> int | None:
        """Return the bytes that were put, from the size in the store; None: not of our making."""
        try:
            return plain_size(stored)
        except NotAuthenticError:
            return None

    def require_conditional_writes(self) -> None:
        """Raise `RotationError` unless the store refuses to replace an object that has changed.

        Without that, sealing anew could undo what someone writes or deletes meanwhile.
        """
        # In one request and, sealed, in parts: a store may honour it for one of them only.
        if self._is_refused(b"") and self._is_refused(bytes(PART_BYTES)):
            return
        self.delete(PROBE)
        raise RotationError(
            "The object store ignores If-Match, so objects cannot be sealed anew safely.",
            remediation="Use a store that honours it for PutObject and CompleteMultipartUpload.",
        )

    def _is_refused(self, probe: bytes) -> bool:
        """Return whether the store refuses to write in the place of an object that is not there."""
        try:
            with self._opened() as (client, keys):
                source, key = BytesIO(probe), keys.current()
                self._send(client, PROBE, source.read, key, DEFAULT_TYPE, if_match=_NO_ETAG)
        except (ChangedMeanwhileError, NotFoundError):
            return True
        return False

    def reseal(self, key: str, *, held: DataKey | None = None) -> bool:
        """Seal an object anew with the current data key; False where it is already, or is gone.

        Whoever writes or deletes the object meanwhile wins. `held` is an old key that the
        registry may not have any more.
        """
        resealed = False
        while self._reseal_once(key, held):
            resealed = True
        return resealed

    def _reseal_once(self, key: str, held: DataKey | None) -> bool:
        try:
            with self._opened() as (client, keys), self._reading(client, key) as (found, header):
                current, version = keys.current(), key_version(header)
                if version == current.version:
                    return False
                is_held = held is not None and held.version == version
                old = held if is_held and held else keys.version(version)
                plain = opened_chunks(
                    found["Body"].read, header=header, key=old, place=Place(self.bucket, key)
                )
                kind, etag = found["ContentType"], found["ETag"]
                self._send(client, key, SealedReader(plain).read, current, kind, if_match=etag)
        except NotFoundError:
            return False
        except ChangedMeanwhileError:
            pass
        return True

    def _send(
        self,
        client: "S3Client",
        key: str,
        read: Callable[[int], bytes],
        data_key: DataKey,
        content_type: str,
        *,
        if_match: str = "",
    ) -> None:
        chunks = sealed_chunks(read, key=data_key, place=Place(self.bucket, key))
        target: Target = {"Bucket": self.bucket, "Key": key}
        sealed = SealedReader(chunks)
        upload(client, target, sealed.read, content_type=content_type, if_match=if_match)

    def _plain(self, key: str) -> Iterator[bytes]:
        with self._opened() as (client, keys), self._reading(client, key) as (found, header):
            yield from opened_chunks(
                found["Body"].read,
                header=header,
                key=keys.version(key_version(header)),
                place=Place(self.bucket, key),
            )

    @contextmanager
    def _reading(
        self, client: "S3Client", key: str
    ) -> Iterator[tuple["GetObjectOutputTypeDef", bytes]]:
        """Give the store's answer, its body read past the header, and the header."""
        with _naming(key):
            found = client.get_object(Bucket=self.bucket, Key=key)
            with closing(found["Body"]) as body:
                yield found, read_exactly(body.read, HEADER_BYTES)

    def _spooled(self, key: str) -> BinaryIO:
        target = workspace_spool(self._schema, memory_bytes=MEMORY_BYTES)
        try:
            for chunk in self._plain(key):
                target.write(chunk)
        except BaseException:
            target.close()
            raise
        target.seek(0)
        return target

    @contextmanager
    def _opened(self) -> Iterator[tuple["S3Client", Keyring]]:
        """Give a client of the tenant's own credential, and its keys; store errors become ours."""
        if connection.schema_name not in (self._schema, PUBLIC_SCHEMA):  # type: ignore[attr-defined]
            raise WrongTenantError("An object handle was used outside its own tenant.")
        keys = keyring(self._tenant_id)
        with translated():
            yield client_for(keys.access()), keys


@contextmanager
def _naming(key: str) -> Iterator[None]:
    """Say which object is damaged, never what is in it."""
    try:
        yield
    except NotAuthenticError:
        raise ObjectDamagedError(
            f"The stored object {key} is not what was put there.",
            remediation="Restore it from a backup of the bucket, or hand the file in again.",
            extra={"object": key},
        ) from None


def _twice(read: Callable[[], T]) -> T:
    """Read again where the object was sealed anew, and the old key destroyed, in between."""
    try:
        return read()
    except DataKeyUnavailableError:
        return read()
