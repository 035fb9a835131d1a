"""The embedded S3 store's identities: a file that it reads at its start and on SIGHUP.

The platform's identity may do everything, each other one may use one bucket, whose name it has.
The store's own IAM API does the same over HTTP; with some hundred users one call takes seconds
there, and the file some milliseconds.
"""

import json
import secrets
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil

from frostbyte.embedded import processes
from frostbyte.embedded.home import home_lock, write_private

FILE_NAME: Final = "s3.json"
PLATFORM: Final = "frostbyte platform"
"""No bucket has this name: it holds a space."""
_OWN_BUCKET: Final = ("Read", "Write", "List")


def data_folder(home: Path) -> Path:
    """Return where the store's data are, by which its process is found, too."""
    return home / "objects"


def store_process(home: Path) -> psutil.Process | None:
    """Return the running process that serves this home's objects, if there is one."""
    return processes.find_process("weed", f"-dir={data_folder(home)}")


def platform_put(home: Path, *, access_key: str, secret_key: str) -> None:
    """Write the platform's identity, before the store starts; the others stay, if not removed."""
    known = {name: each for name, each in _read(home).items() if each["actions"]}
    identity = _identity(PLATFORM, access_key, secret_key, ("Admin",))
    _write(home, {**known, PLATFORM: identity})


def identity_put(home: Path, *, bucket: str, secret_key: str) -> None:
    """Let an identity use one bucket, whose name is its access key as well."""
    home = home.resolve()
    allowed = tuple(f"{action}:{bucket}" for action in _OWN_BUCKET)
    with home_lock(home):
        identity = _identity(bucket, bucket, secret_key, allowed)
        _write(home, {**_read(home), bucket: identity})
        _reload(home)


def identity_remove(home: Path, *, bucket: str) -> None:
    """Remove an identity; nothing happens when there is none.

    A running store forgets nobody who is missing from the file, but does what it says of those
    who are in it: until the next start the name stays, with a secret that nobody knows and no
    rights.
    """
    home = home.resolve()
    with home_lock(home):
        known = _read(home)
        if bucket in known:
            nobody = _identity(bucket, bucket, secrets.token_urlsafe(32), ())
            _write(home, {**known, bucket: nobody})
            _reload(home)


def identity_exists(home: Path, *, bucket: str) -> bool:
    """Return whether there is such an identity."""
    found = _read(home.resolve()).get(bucket)
    return found is not None and bool(found["actions"])


def _identity(name: str, access_key: str, secret_key: str, actions: tuple[str, ...]) -> Any:
    credential = {"accessKey": access_key, "secretKey": secret_key}
    return {"name": name, "credentials": [credential], "actions": list(actions)}


def _read(home: Path) -> dict[str, Any]:
    path = home / FILE_NAME
    if not path.exists():
        return {}
    return {identity["name"]: identity for identity in json.loads(path.read_text())["identities"]}


def _write(home: Path, identities: Mapping[str, Any]) -> None:
    write_private(home / FILE_NAME, json.dumps({"identities": list(identities.values())}))


def _reload(home: Path) -> None:
    """Let the store read its file again; under the home's lock it is either up or down."""
    with suppress(psutil.NoSuchProcess):
        process = store_process(home)
        if process is not None:
            process.send_signal(signal.SIGHUP)
