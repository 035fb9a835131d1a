"""Buckets, which the platform's own credential makes and removes."""

from typing import Any

from frostbyte.kernel.errors import NotFoundError
from tenants.stores.s3 import client_for, platform_access, translated


def bucket_create(bucket: str) -> None:
    """Make a bucket; nothing happens when it is there."""
    if not bucket_exists(bucket):
        with translated():
            client_for(platform_access()).create_bucket(Bucket=bucket)


def bucket_exists(bucket: str) -> bool:
    """Return whether there is such a bucket."""
    try:
        with translated():
            client_for(platform_access()).head_bucket(Bucket=bucket)
    except NotFoundError:
        return False
    return True


def bucket_count(bucket: str) -> int:
    """Return how many objects the bucket has; none where there is no bucket."""
    try:
        with translated():
            pages = client_for(platform_access()).get_paginator("list_objects_v2")
            return sum(page["KeyCount"] for page in pages.paginate(Bucket=bucket))
    except NotFoundError:
        return 0


def bucket_destroy(bucket: str) -> None:
    """Delete every object, then the bucket; nothing happens when there is none."""
    if not bucket_exists(bucket):
        return
    client = client_for(platform_access())
    with translated():
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            keys: Any = [{"Key": item["Key"]} for item in page.get("Contents", [])]
            if keys:
                client.delete_objects(Bucket=bucket, Delete={"Objects": keys})
        client.delete_bucket(Bucket=bucket)
