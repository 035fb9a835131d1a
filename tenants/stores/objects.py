"""A tenant's objects: one bucket of any S3 service, reached through django-storages and boto3."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from storages.backends.s3 import S3Storage

from frostbyte.kernel.errors import NotFoundError, ServiceUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_MISSING: Final = {"404", "NoSuchKey", "NotFound", "NoSuchBucket"}
_DELETE_BATCH: Final = 1000


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the store says of an object: its bytes, the media type it was put with, and when."""

    key: str
    size: int
    content_type: str
    modified_at: datetime


class ObjectStore(Protocol):
    """Objects of one tenant; the handle is bound to its bucket and takes no tenant."""

    def put(
        self, key: str, data: bytes | BinaryIO, *, content_type: str = "application/octet-stream"
    ) -> None: ...
    def get(self, key: str) -> bytes: ...
    def open(self, key: str) -> BinaryIO: ...
    def head(self, key: str) -> ObjectInfo: ...
    def delete(self, key: str) -> None: ...
    def list(self, prefix: str = "") -> Iterator[str]: ...
    def stored_sizes(self, prefix: str = "") -> Iterator[tuple[str, int]]: ...
    def plain_size(self, stored: int) -> int | None: ...
    def presign(self, key: str, *, expires_seconds: int = 300) -> str: ...


class S3Objects:
    """`ObjectStore` over one bucket. Store faults are `ServiceUnavailableError`, so retryable."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        self._access = _Access(
            settings.S3_ENDPOINT_URL,
            settings.S3_ACCESS_KEY,
            settings.S3_SECRET_KEY,
            settings.S3_REGION,
        )
        self._storage = _SharedSessionStorage(
            bucket_name=bucket,
            endpoint_url=self._access.endpoint_url,
            access_key=self._access.access_key,
            secret_key=self._access.secret_key,
            region_name=self._access.region,
            client_config=_client_config(),
        )

    @property
    def _client(self) -> "S3Client":
        return _client(self._access)

    def create(self) -> None:
        """Make the bucket; nothing happens when it is there."""
        with _translated():
            if not self.exists():
                self._client.create_bucket(Bucket=self.bucket)

    def exists(self) -> bool:
        """Return whether the bucket is there."""
        try:
            with _translated():
                self._client.head_bucket(Bucket=self.bucket)
        except NotFoundError:
            return False
        return True

    def destroy(self) -> None:
        """Delete every object, then the bucket; nothing happens when there is none."""
        if not self.exists():
            return
        with _translated():
            self._empty()
            self._client.delete_bucket(Bucket=self.bucket)

    def put(
        self, key: str, data: bytes | BinaryIO, *, content_type: str = "application/octet-stream"
    ) -> None:
        """Store `data` under `key`, large streams in parts; replaces what was there."""
        with _translated():
            if isinstance(data, bytes):
                self._client.put_object(
                    Bucket=self.bucket, Key=key, Body=data, ContentType=content_type
                )
            else:
                self._client.upload_fileobj(
                    data, self.bucket, key, ExtraArgs={"ContentType": content_type}
                )

    def get(self, key: str) -> bytes:
        """Return the whole object; raises `NotFoundError`."""
        with _translated():
            return self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def open(self, key: str) -> BinaryIO:
        """Return a seekable file of the object, on disk past some megabytes."""
        with _translated():
            handle = self._storage.open(key, "rb")
            handle.seek(0)
            return cast("BinaryIO", handle)

    def head(self, key: str) -> ObjectInfo:
        """Return size and media type; raises `NotFoundError`."""
        with _translated():
            found = self._client.head_object(Bucket=self.bucket, Key=key)
            return ObjectInfo(
                key, found["ContentLength"], found["ContentType"], found["LastModified"]
            )

    def delete(self, key: str) -> None:
        """Delete one object; nothing happens when there is none."""
        with _translated():
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys that begin with `prefix`, in order."""
        return (key for key, _size in self.stored_sizes(prefix))

    def stored_sizes(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield each key that begins with `prefix`, in order, with its size in the store."""
        with _translated():
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
                yield from ((item["Key"], item["Size"]) for item in page.get("Contents", []))

    def plain_size(self, stored: int) -> int | None:
        """Return the bytes that were put, from the size in the store; None: not of our making."""
        return stored

    def presign(self, key: str, *, expires_seconds: int = 300) -> str:
        """Return a URL that reads this one object until it expires."""
        with _translated():
            return self._client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self.bucket, "Key": key},
                ExpiresIn=expires_seconds,
            )

    def _empty(self) -> None:
        keys = list(self.list())
        for start in range(0, len(keys), _DELETE_BATCH):
            batch = keys[start : start + _DELETE_BATCH]
            self._client.delete_objects(
                Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in batch]}
            )


@dataclass(frozen=True, slots=True)
class _Access:
    """Where the store is and what opens it."""

    endpoint_url: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str


class _SharedSessionStorage(S3Storage):  # type: ignore[misc]
    """django-storages' S3, on one session a process: making one costs a fifth of a second."""

    @property
    def connection(self) -> Any:
        """The calling thread's resource; a session makes one at a time."""
        with _session_lock:
            return super().connection

    def _create_session(self) -> boto3.Session:
        return _session(self.access_key, self.secret_key)


_session_lock: Final = threading.RLock()


@lru_cache(maxsize=8)
def _session(access_key: str, secret_key: str) -> boto3.Session:
    return boto3.Session(aws_access_key_id=access_key, aws_secret_access_key=secret_key)


@lru_cache(maxsize=8)
def _client(access: _Access) -> "S3Client":
    """Return the one client of this process for an access: clients serve all threads at once."""
    with _session_lock:
        return _session(access.access_key, access.secret_key).client(
            "s3",
            endpoint_url=access.endpoint_url,
            region_name=access.region,
            config=_client_config(),
        )


@lru_cache(maxsize=1)
def _client_config() -> Config:
    return Config(
        connect_timeout=3,
        read_timeout=60,
        retries={"max_attempts": 3, "mode": "standard"},
        s3={"addressing_style": "path"},
        # Not every S3 service knows the newer checksum trailers.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


class _translated:  # noqa: N801 - reads as a word where it is used
    """Turn botocore's errors into ours; the messages name the operation, never a key or a body."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: Any, error: BaseException | None, _trace: Any) -> None:
        if isinstance(error, FileNotFoundError):
            raise NotFoundError("There is no such object.") from error
        if isinstance(error, ClientError):
            raise _from_client_error(error) from error
        if isinstance(error, BotoCoreError):
            raise _unavailable() from error


def _from_client_error(error: ClientError) -> Exception:
    if error.response.get("Error", {}).get("Code") in _MISSING:
        return NotFoundError("There is no such object.")
    return _unavailable()


def _unavailable() -> ServiceUnavailableError:
    return ServiceUnavailableError(
        "The object store does not answer as it should.",
        remediation="Try again; if it lasts, see `manage.py embedded status`, or the S3 service.",
    )
