"""Talking to an S3 service: clients, uploads, and its errors in our words."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypedDict
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from frostbyte.kernel.errors import FrostbyteError, NotFoundError, ServiceUnavailableError
from tenants.errors import StoreRefusedError
from tenants.stores.errors import ChangedMeanwhileError

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES: Final = 8 * 1024 * 1024
"""What is larger goes up in parts of this size; one part is in memory."""
PROBE: Final = ".frostbyte-probe"
"""The key of an object that is written and removed to see what the store lets one do."""
_CLIENTS: Final = 512
_MISSING: Final = {"404", "NoSuchKey", "NotFound", "NoSuchBucket", "NoSuchEntity"}
_REFUSED: Final = {"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_CHANGED: Final = {"412", "PreconditionFailed", "ConditionalRequestConflict"}


@dataclass(frozen=True, slots=True)
class Access:
    """Where the store is and what opens it."""

    endpoint_url: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str

    def arguments(self) -> dict[str, Any]:
        """Return what a boto3 session takes to make a client or a resource."""
        return {
            "endpoint_url": self.endpoint_url,
            "region_name": self.region,
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "config": _client_config(),
        }


class Target(TypedDict):
    """The object that an upload writes."""

    Bucket: str
    Key: str


def platform_access() -> Access:
    """Return the platform's own access, which makes and removes buckets and identities."""
    return tenant_access(settings.S3_ACCESS_KEY, settings.S3_SECRET_KEY)


def tenant_access(access_key: str, secret_key: str) -> Access:
    """Return access to the configured store by some credential."""
    return Access(settings.S3_ENDPOINT_URL, access_key, secret_key, settings.S3_REGION)


@lru_cache(maxsize=_CLIENTS)
def client_for(access: Access) -> "S3Client":
    """Return the one client of this process for an access: clients serve all threads at once."""
    with _session_lock:
        return _session().client("s3", **access.arguments())


def resource_for(access: Access) -> Any:
    """Return a resource of boto3, as django-storages wants it; threads must not share one."""
    with _session_lock:
        return _session().resource("s3", **access.arguments())


def iam_client() -> "IAMClient":
    """Return a client of the store's IAM API: at AWS its own endpoint, elsewhere the store's."""
    access = platform_access()
    is_aws = (urlsplit(access.endpoint_url).hostname or "").endswith("amazonaws.com")
    with _session_lock:
        own = {"endpoint_url": None} if is_aws else {}
        return _session().client("iam", **{**access.arguments(), **own})


def upload(
    client: "S3Client",
    target: Target,
    read: Callable[[int], bytes],
    *,
    content_type: str,
    if_match: str = "",
) -> None:
    """Write what `read` gives, in parts where it is large; all of it is seen at once, or nothing.

    With `if_match`, an ETag, only in the place of that very object: raises
    `ChangedMeanwhileError` where it was replaced or deleted.
    """
    first = read(PART_BYTES)
    following = read(PART_BYTES) if len(first) == PART_BYTES else b""
    condition: Any = {"IfMatch": if_match} if if_match else {}
    if not following:
        client.put_object(**target, Body=first, ContentType=content_type, **condition)
        return
    begun = client.create_multipart_upload(**target, ContentType=content_type)["UploadId"]
    try:
        parts = list(_sent_parts(client, target, begun, (first, following), read))
        client.complete_multipart_upload(
            **target, UploadId=begun, MultipartUpload={"Parts": parts}, **condition
        )
    except BaseException:
        client.abort_multipart_upload(**target, UploadId=begun)
        raise


def _sent_parts(
    client: "S3Client",
    target: Target,
    begun: str,
    ahead: tuple[bytes, bytes],
    read: Callable[[int], bytes],
) -> Iterator["CompletedPartTypeDef"]:
    number, (part, following) = 1, ahead
    while part:
        sent = client.upload_part(
            **target, UploadId=begun, PartNumber=number, Body=io.BytesIO(part)
        )
        yield {"ETag": sent["ETag"], "PartNumber": number}
        number, part = number + 1, following
        following = read(PART_BYTES) if part else b""


@contextmanager
def translated() -> Iterator[None]:
    """Turn botocore's errors into ours; the messages name the operation, never a key or a body."""
    try:
        yield
    except ClientError as error:
        raise _from_client_error(error) from error
    except BotoCoreError as error:
        raise _unavailable() from error


def _from_client_error(error: ClientError) -> FrostbyteError:
    code = error.response.get("Error", {}).get("Code", "")
    if code in _MISSING:
        return NotFoundError("There is no such object.")
    if code in _CHANGED:
        return ChangedMeanwhileError("The object was changed or deleted meanwhile.")
    if code in _REFUSED:
        return StoreRefusedError(
            "The object store refuses the credential.",
            remediation="See the credentials of the object store, and `manage.py keys status`.",
        )
    return _unavailable()


def _unavailable() -> ServiceUnavailableError:
    return ServiceUnavailableError(
        "The object store does not answer as it should.",
        remediation="Try again; if it lasts, see `manage.py embedded status`, or the S3 service.",
    )


_session_lock: Final = threading.RLock()


@lru_cache(maxsize=1)
def _session() -> boto3.Session:
    """Return the one session of this process: making one costs a fifth of a second."""
    return boto3.Session()


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
