"""Identities of the embedded object store, its master key, and the IAM API of another store."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from botocore.exceptions import ClientError
from pyrage import x25519
from pytest_django import Settings

from frostbyte.embedded import identities, seaweed
from frostbyte.embedded.endpoints import MASTER_KEY_NAME, load_endpoints
from frostbyte.embedded.errors import MasterKeyLostError
from frostbyte.embedded.identities import identity_exists, identity_put, identity_remove
from frostbyte.embedded.servers import EmbeddedServers, running
from frostbyte.kernel.age import identities_of
from tenants.stores.buckets import bucket_create
from tenants.stores.credentials import IamIdentities, _require_refused, _settle
from tenants.stores.s3 import Access, client_for, tenant_access

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

OWN, OTHER = "test-own-bucket", "test-other-bucket"


def client(home: Path, access_key: str, secret_key: str) -> "S3Client":
    """Return a client of this home's store."""
    url = load_endpoints(home).s3_endpoint_url
    return client_for(Access(url, access_key, secret_key, "us-east-1"))


def platform(home: Path) -> "S3Client":
    endpoints = load_endpoints(home)
    return client(home, endpoints.s3_access_key, endpoints.s3_secret_key)


def status_of(attempt: Callable[[], object]) -> int:
    try:
        attempt()
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    return 200


def settled(attempt: Callable[[], object], status: int) -> bool:
    """Return whether the store comes to answer so: it reads its file again in its own time."""
    return any(status_of(attempt) == status for _ in range(500))


def test_an_identity_opens_its_bucket_through_kill_9_until_it_is_removed(
    servers: EmbeddedServers, home: Path
) -> None:
    for bucket in (OWN, OTHER):
        platform(home).create_bucket(Bucket=bucket)
        identity_put(home, bucket=bucket, secret_key=f"secret of {bucket}")

    def put(bucket: str) -> Callable[[], object]:
        own = client(home, OWN, f"secret of {OWN}")
        return lambda: own.put_object(Bucket=bucket, Key="x", Body=b"1")

    assert settled(put(OWN), 200)
    assert status_of(put(OTHER)) == 403
    found = identities.store_process(home)
    assert found is not None
    psutil.Process(found.pid).kill()
    found.wait(10)
    assert servers.start() == ("objects",)
    assert (status_of(put(OWN)), status_of(put(OTHER))) == (200, 403)
    servers.stop(["objects"])
    identity_remove(home, bucket=OWN)
    servers.start()
    assert status_of(put(OWN)) == 403
    assert not identity_exists(home, bucket=OWN)
    assert identity_exists(home, bucket=OTHER)
    identity_put(home, bucket=OWN, secret_key=f"secret of {OWN}")
    assert settled(put(OWN), 200)
    identity_remove(home, bucket=OWN)
    assert settled(put(OWN), 403)
    assert stat.S_IMODE((home / identities.FILE_NAME).stat().st_mode) == 0o600


def test_the_master_key_is_made_once_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / MASTER_KEY_NAME
    with running(tmp_path, services=["valkey"]):
        [made] = identities_of(path.read_text())
        assert isinstance(made, x25519.Identity)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    held = path.rename(tmp_path / "elsewhere")
    with pytest.raises(MasterKeyLostError, match="is gone"), running(tmp_path, services=["valkey"]):
        pytest.fail("it started without its master key")
    with running(tmp_path, services=["valkey"], own_master_key=False):
        assert not path.exists()
    held.rename(path)
    with running(tmp_path, services=["valkey"]):
        assert str(made) in path.read_text()


@pytest.fixture
def iam_store(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A store whose IAM API is open, as one of one's own has it, in place of the embedded one."""
    options = [option for option in seaweed.OPTIONS if not option.startswith("-s3.iam")]
    monkeypatch.setattr(seaweed, "OPTIONS", (*options, "-s3.iam.readOnly=false"))
    with running(tmp_path, services=["objects"]):
        endpoints = load_endpoints(tmp_path)
        settings.S3_ENDPOINT_URL = endpoints.s3_endpoint_url
        settings.S3_ACCESS_KEY = endpoints.s3_access_key
        settings.S3_SECRET_KEY = endpoints.s3_secret_key
        settings.S3_IDENTITIES = "iam"
        yield


def test_a_user_of_an_iam_api_opens_its_bucket_and_no_other(iam_store: None) -> None:
    iam = IamIdentities()
    made = []
    for bucket in (OWN, OTHER):
        bucket_create(bucket)
        made.append(iam.create(bucket))
    own, other = (tenant_access(keys.access_key, keys.secret_key) for keys in made)
    for access, mine, theirs in ((own, OWN, OTHER), (other, OTHER, OWN)):
        _settle(access, mine)
        _require_refused(access, theirs)
    again = iam.create(OWN)
    assert again.access_key != made[0].access_key
    _settle(tenant_access(again.access_key, again.secret_key), OWN)
    _require_refused(own, OWN)
    for _ in range(2):
        iam.remove(OWN)
        assert (iam.exists(OWN), iam.exists(OTHER)) == (False, True)
