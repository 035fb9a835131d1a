"""Where the embedded servers listen, and with which credentials: read by the settings.

Imports nothing of Django, so that settings can use it. PostgreSQL and Valkey listen on unix
sockets whose paths follow from the home folder; the S3 port is picked when the server starts and
written to `endpoints.json`. Credentials are made at the first start, in `secrets.json` (0600).
"""

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

OWN_SERVICES = (
    "DATABASE_URL", "REDIS_URL", "S3_ENDPOINT_URL", "S3_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
    "S3_SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "QDRANT_URL", "CLAMD_HOST", "FROSTBYTE_S3_IDENTITIES",
    "FROSTBYTE_MASTER_KEY_FILE", "FROSTBYTE_WORK_FOLDER", "FROSTBYTE_SECRETS_FILE",
)  # fmt: skip
"""Variables that name services, keys and folders of one's own: what works in a home of its own,
and with nothing else, has them empty."""

SOCKET_PATH_LIMIT = 100
"""Unix socket paths hold 107 bytes; longer homes get a short folder elsewhere."""

MASTER_KEY_NAME = "master-key.txt"
"""The age identities in the home folder that wrap the tenants' data keys."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses and credentials of the three services, as URLs and keys."""

    database_url: str
    redis_url: str
    s3_endpoint_url: str
    s3_access_key: str
    s3_secret_key: str


def socket_folder(home: Path) -> Path:
    """Return the folder for unix sockets of `home`: inside it, or in the temporary folder."""
    inside = home.resolve() / "run"
    if len(str(inside / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT:
        return inside
    digest = hashlib.sha256(str(inside).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"frostbyte-{digest}"


def read_json(path: Path) -> dict[str, str]:
    """Return the flat JSON object in `path`, or an empty one where there is none yet."""
    if not path.exists():
        return {}
    loaded: dict[str, str] = json.loads(path.read_text())
    return loaded


def load_endpoints(home: Path) -> Endpoints:
    """Return the endpoints of the embedded servers under `home`.

    Before the first start the credentials are empty and the S3 port is 0: nothing connects.
    """
    secrets = read_json(home / "secrets.json")
    sockets = socket_folder(home)
    password = quote(secrets.get("database_password", ""), safe="")
    folder = quote(str(sockets), safe="")
    redis_password = quote(secrets.get("redis_password", ""), safe="")
    port = read_json(home / "endpoints.json").get("s3_port", "0")
    return Endpoints(
        database_url=f"postgresql://frostbyte:{password}@{folder}/frostbyte",
        redis_url=f"unix://:{redis_password}@{sockets}/valkey.sock",
        s3_endpoint_url=f"http://127.0.0.1:{port}",
        s3_access_key=secrets.get("s3_access_key", ""),
        s3_secret_key=secrets.get("s3_secret_key", ""),
    )
