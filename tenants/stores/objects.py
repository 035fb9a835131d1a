"""A tenant's objects: one bucket of any S3 service, reached through django-storages and boto3."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol, cast

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
    """What the store says of an object: its size in bytes and the media type it was put with."""

    key: str
    size: int
    content_type: str


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
    def presign(self, key: str, *, expires_seconds: int = 300) -> str: ...


class S3Objects:
    """`ObjectStore` over one bucket. Store faults are `ServiceUnavailableError`, so retryable."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        self._storage = S3Storage(
            bucket_name=bucket,
            endpoint_url=settings.S3_ENDPOINT_URL,
            access_key=settings.S3_ACCESS_KEY,
            secret_key=settings.S3_SECRET_KEY,
            region_name=settings.S3_REGION,
            addressing_style="path",
            querystring_auth=True,
            file_overwrite=True,
            client_config=_client_config(),
        )

    @property
    def _client(self) -> "S3Client":
        return cast("S3Client", self._storage.connection.meta.client)

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
        body = BytesIO(data) if isinstance(data, bytes) else data
        with _translated():
            self._client.upload_fileobj(
                body, self.bucket, key, ExtraArgs={"ContentType": content_type}
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
            return ObjectInfo(key, found["ContentLength"], found["ContentType"])

    def delete(self, key: str) -> None:
        """Delete one object; nothing happens when there is none."""
        with _translated():
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def list(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys that begin with `prefix`, in order."""
        with _translated():
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
                yield from (item["Key"] for item in page.get("Contents", []))

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
