"""The stores themselves: one tenant's credential, handles and objects, tried on the other's."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import httpx
import numpy as np
import pytest
from botocore.exceptions import ClientError

from tenants.context import tenant_context
from tenants.errors import DataKeyUnavailableError, ObjectDamagedError
from tenants.models import Tenant
from tenants.stores import ObjectStore, Point, VectorStore, for_tenant
from tenants.stores.errors import WrongTenantError
from tenants.stores.keyring import keyring
from tenants.stores.s3 import client_for, platform_access
from tenants.stores.vectors import DIMENSIONS
from tests.isolation.report import count

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

KEY: Final = "raw/of-the-other"
CANARY: Final = b"what only its own tenant may read"
PLANTED: Final = "planted-by-another"

Call = Callable[["S3Client", str, str], object]
CALLS: Final[dict[str, Call]] = {
    "list": lambda s3, theirs, _: s3.list_objects_v2(Bucket=theirs),
    "list, old": lambda s3, theirs, _: s3.list_objects(Bucket=theirs),
    "list versions": lambda s3, theirs, _: s3.list_object_versions(Bucket=theirs),
    "list uploads": lambda s3, theirs, _: s3.list_multipart_uploads(Bucket=theirs),
    "head": lambda s3, theirs, _: s3.head_object(Bucket=theirs, Key=KEY),
    "get": lambda s3, theirs, _: s3.get_object(Bucket=theirs, Key=KEY),
    "get a part": lambda s3, theirs, _: s3.get_object(Bucket=theirs, Key=KEY, Range="bytes=0-9"),
    "put": lambda s3, theirs, _: s3.put_object(Bucket=theirs, Key=PLANTED, Body=b"x"),
    "replace": lambda s3, theirs, _: s3.put_object(Bucket=theirs, Key=KEY, Body=b"x"),
    "delete": lambda s3, theirs, _: s3.delete_object(Bucket=theirs, Key=KEY),
    "delete many": lambda s3, theirs, _: many_deleted(s3, theirs),
    "copy out": lambda s3, theirs, own: s3.copy_object(
        Bucket=own, Key=PLANTED, CopySource={"Bucket": theirs, "Key": KEY}
    ),
    "copy in": lambda s3, theirs, own: s3.copy_object(
        Bucket=theirs, Key=PLANTED, CopySource={"Bucket": own, "Key": KEY}
    ),
    "upload in parts": lambda s3, theirs, _: s3.create_multipart_upload(Bucket=theirs, Key=PLANTED),
    "copy a part out": lambda s3, theirs, own: part_copied(s3, theirs, own=own),
    "climb out of the own bucket": lambda s3, theirs, own: s3.get_object(
        Bucket=own, Key=f"../{theirs}/{KEY}"
    ),
    "tags": lambda s3, theirs, _: s3.get_object_tagging(Bucket=theirs, Key=KEY),
    "rights of the object": lambda s3, theirs, _: s3.get_object_acl(Bucket=theirs, Key=KEY),
    "rights of the bucket": lambda s3, theirs, _: s3.put_bucket_acl(
        Bucket=theirs, ACL="public-read"
    ),
    "policy": lambda s3, theirs, _: s3.get_bucket_policy(Bucket=theirs),
    "life cycle": lambda s3, theirs, _: s3.get_bucket_lifecycle_configuration(Bucket=theirs),
    "delete the bucket": lambda s3, theirs, _: s3.delete_bucket(Bucket=theirs),
    "make a bucket": lambda s3, theirs, _: s3.create_bucket(Bucket=f"{theirs}-planted"),
}
"""What a stolen credential could ask of the store: of the other's bucket, and of its own."""

OTHER_REFUSALS: Final = {"climb out of the own bucket": HTTPStatus.BAD_REQUEST}
"""Where the store's answer is not 403."""

PRESIGNED: Final = {
    "get_object": "GET",
    "head_object": "HEAD",
    "put_object": "PUT",
    "delete_object": "DELETE",
}


def part_copied(s3: "S3Client", theirs: str, *, own: str) -> object:
    """Take the other's object as a part of an upload of one's own."""
    begun = s3.create_multipart_upload(Bucket=own, Key=PLANTED)["UploadId"]
    target: Any = {"Bucket": own, "Key": PLANTED, "UploadId": begun}
    try:
        return s3.upload_part_copy(
            **target, PartNumber=1, CopySource={"Bucket": theirs, "Key": KEY}
        )
    finally:
        s3.abort_multipart_upload(**target)


def many_deleted(s3: "S3Client", theirs: str) -> object:
    """Delete by the call that answers for each key by itself, inside a success."""
    answer = s3.delete_objects(Bucket=theirs, Delete={"Objects": [{"Key": KEY}]})
    if [error["Code"] for error in answer.get("Errors", [])] == ["AccessDenied"]:
        told: Any = {"ResponseMetadata": {"HTTPStatusCode": HTTPStatus.FORBIDDEN}}
        raise ClientError(told, "DeleteObjects")
    return answer


@pytest.fixture
def platform() -> "S3Client":
    """The platform's own client, which opens every bucket."""
    return client_for(platform_access())


@pytest.fixture
def pair(acme: Tenant, globex: Tenant, platform: "S3Client") -> Iterator[tuple[Tenant, Tenant]]:
    """Both tenants, an object in the bucket of each; what an attack left behind is cleared."""
    for tenant in (acme, globex):
        for_tenant(tenant).objects.put(KEY, CANARY)
    yield acme, globex
    for tenant in (acme, globex):
        for key in (KEY, PLANTED):
            platform.delete_object(Bucket=bucket_of(tenant), Key=key)


def bucket_of(tenant: Tenant) -> str:
    return for_tenant(tenant).objects.bucket


def both_ways(pair: tuple[Tenant, Tenant]) -> Iterator[tuple[Tenant, Tenant]]:
    """Give attacker and victim, each tenant once as either."""
    yield pair
    yield pair[1], pair[0]


def status_of(call: Callable[[], object]) -> int:
    """Return the status that the store answers with."""
    try:
        call()
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    return HTTPStatus.OK


def stored_state(platform: "S3Client", tenant: Tenant) -> dict[str, str]:
    """Return all that is in a bucket: each key with what tells one content from another."""
    listed = platform.list_objects_v2(Bucket=bucket_of(tenant))
    return {item["Key"]: item["ETag"] for item in listed.get("Contents", [])}


def test_the_same_credential_opens_its_own(pair: tuple[Tenant, Tenant]) -> None:
    """What is refused below is refused for whose it is, not for how it was asked."""
    for own in pair:
        client = client_for(keyring(own.pk).access())
        mine = bucket_of(own)
        for name in ("list", "head", "get", "put"):
            assert status_of(lambda: CALLS[name](client, mine, mine)) == HTTPStatus.OK  # noqa: B023
        link = client.generate_presigned_url("get_object", Params={"Bucket": mine, "Key": KEY})
        assert httpx.get(link).status_code == HTTPStatus.OK


@pytest.mark.parametrize("name", CALLS)
def test_a_credential_opens_nothing_of_the_other(
    pair: tuple[Tenant, Tenant], platform: "S3Client", name: str
) -> None:
    for own, other in both_ways(pair):
        before = stored_state(platform, own), stored_state(platform, other)
        client = client_for(keyring(own.pk).access())
        theirs, mine = bucket_of(other), bucket_of(own)
        status = status_of(lambda: CALLS[name](client, theirs, mine))  # noqa: B023
        unchanged = (stored_state(platform, own), stored_state(platform, other)) == before
        refused = status == OTHER_REFUSALS.get(name, HTTPStatus.FORBIDDEN)
        count("S3 by the other's credential", leaks=not (refused and unchanged))
        assert (refused, unchanged) == (True, True), status


def test_a_credential_lists_no_bucket_of_the_other(pair: tuple[Tenant, Tenant]) -> None:
    for own, other in both_ways(pair):
        client = client_for(keyring(own.pk).access())
        try:
            seen = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
        except ClientError:
            seen = set()
        count("S3 by the other's credential", leaks=bucket_of(other) in seen)
        assert seen <= {bucket_of(own)}


@pytest.mark.parametrize("operation", PRESIGNED)
def test_a_link_signed_with_the_credential_opens_nothing(
    pair: tuple[Tenant, Tenant], platform: "S3Client", operation: str
) -> None:
    for own, other in both_ways(pair):
        before = stored_state(platform, other)
        link = client_for(keyring(own.pk).access()).generate_presigned_url(
            operation, Params={"Bucket": bucket_of(other), "Key": KEY}
        )
        answer = httpx.request(PRESIGNED[operation], link)
        unchanged = stored_state(platform, other) == before
        refused = answer.status_code == HTTPStatus.FORBIDDEN
        count("S3 by the other's credential", leaks=not (refused and unchanged))
        assert (refused, unchanged) == (True, True)


def test_without_a_credential_nothing_opens(
    pair: tuple[Tenant, Tenant], platform: "S3Client"
) -> None:
    for tenant in pair:
        for address in (bucket_of(tenant), f"{bucket_of(tenant)}/{KEY}"):
            answer = httpx.get(f"{platform.meta.endpoint_url}/{address}")
            refused = answer.status_code == HTTPStatus.FORBIDDEN
            count("S3 by the other's credential", leaks=not refused)
            assert refused


def test_an_object_that_was_carried_over_does_not_open(
    pair: tuple[Tenant, Tenant], platform: "S3Client"
) -> None:
    """Under its own name and another, by one who may read and write every bucket."""
    for own, other in both_ways(pair):
        for key in (KEY, PLANTED):
            source: Any = {"Bucket": bucket_of(other), "Key": KEY}
            platform.copy_object(Bucket=bucket_of(own), Key=key, CopySource=source)
            for read in (for_tenant(own).objects.get, for_tenant(own).objects.open):
                opened = False
                with tenant_context(own):
                    try:
                        read(key)
                        opened = True
                    except (ObjectDamagedError, DataKeyUnavailableError):
                        pass
                count("objects carried over", leaks=opened)
                assert not opened
        for_tenant(own).objects.put(KEY, CANARY)


def methods_of(protocol: type) -> list[str]:
    found = inspect.getmembers(protocol, inspect.isfunction)
    return sorted(name for name, _ in found if not name.startswith("_"))


OBJECT_ARGUMENTS: Final[dict[str, Any]] = {"key": KEY, "data": CANARY, "prefix": ""}
VECTOR: Final = np.eye(1, DIMENSIONS, dtype=np.float32)[0]
VECTOR_ARGUMENTS: Final[dict[str, Any]] = {
    "points": [Point(uuid4(), uuid4(), uuid4(), VECTOR)],
    "model_id": "model",
    "document_id": uuid4(),
    "run_id": uuid4(),
    "vector": VECTOR,
    "limit": 10,
}
WITHOUT_STORE: Final = {"plain_size"}
"""Methods of a handle that only compute."""


def called(handle: object, name: str, given: dict[str, Any]) -> object:
    """Call a method with what it takes; an iterator is run through."""
    method = getattr(handle, name)
    wanted = {key: given[key] for key in inspect.signature(method).parameters if key in given}
    result = method(**wanted)
    return list(result) if isinstance(result, Iterator) and name != "open" else result


def is_shut(handle: object, name: str, given: dict[str, Any]) -> bool:
    try:
        called(handle, name, given)
    except WrongTenantError:
        return True
    return False


@pytest.mark.parametrize("name", [m for m in methods_of(ObjectStore) if m not in WITHOUT_STORE])
def test_an_object_handle_is_shut_in_the_other_tenant(
    pair: tuple[Tenant, Tenant], platform: "S3Client", name: str
) -> None:
    for own, other in both_ways(pair):
        before = stored_state(platform, own)
        with tenant_context(other):
            shut = is_shut(for_tenant(own).objects, name, OBJECT_ARGUMENTS)
        count("handles in the other's context", leaks=not shut)
        assert shut
        assert stored_state(platform, own) == before


@pytest.mark.parametrize("name", methods_of(VectorStore))
def test_a_vector_handle_is_shut_in_the_other_tenant(
    acme: Tenant, globex: Tenant, name: str
) -> None:
    for own, other in both_ways((acme, globex)):
        handle = for_tenant(own).vectors
        for context in (tenant_context(other), nullcontext()):
            with context:
                shut = is_shut(handle, name, VECTOR_ARGUMENTS)
            count("handles in the other's context", leaks=not shut)
            assert shut
        with tenant_context(own):
            called(handle, name, VECTOR_ARGUMENTS)
            handle.delete_run(VECTOR_ARGUMENTS["run_id"])


def test_a_stream_put_by_the_wrong_handle_goes_nowhere(
    pair: tuple[Tenant, Tenant], platform: "S3Client"
) -> None:
    for own, other in both_ways(pair):
        with tenant_context(other), pytest.raises(WrongTenantError):
            for_tenant(own).objects.put(PLANTED, BytesIO(CANARY))
        planted = {PLANTED} & (stored_state(platform, own) | stored_state(platform, other)).keys()
        count("handles in the other's context", leaks=bool(planted))
        assert not planted
