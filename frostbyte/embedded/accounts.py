"""The account that PostgreSQL runs under: it refuses to run as root."""

import os
import pwd
import stat
import subprocess
from pathlib import Path
from typing import Final

from frostbyte.embedded.processes import OWN_ACCOUNT, Account

SERVICE_ACCOUNT: Final = "frostbyte-postgres"
FALLBACK_ACCOUNT: Final = "nobody"
_USERADD: Final = ("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin")
_OTHERS_PASS: Final = stat.S_IXOTH
_OTHERS_READ: Final = stat.S_IROTH | stat.S_IXOTH


def database_account(data: Path) -> Account:
    """Return the account for PostgreSQL on `data`: our own, or when root a service account.

    Data that an account has made stays its own; else it is `frostbyte-postgres`, made when
    missing, or `nobody` where no account can be made.
    """
    if os.geteuid() != 0:
        return OWN_ACCOUNT
    if data.exists() and data.stat().st_uid != 0:
        found = data.stat()
        return Account(found.st_uid, found.st_gid)
    entry = _service_account()
    return Account(entry.pw_uid, entry.pw_gid)


def _service_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVICE_ACCOUNT)
    except KeyError:
        made = subprocess.run([*_USERADD, SERVICE_ACCOUNT], check=False, capture_output=True)
    return pwd.getpwnam(SERVICE_ACCOUNT if made.returncode == 0 else FALLBACK_ACCOUNT)


def let_pass(account: Account, path: Path) -> None:
    """Let the service account pass (not list) the folders above `path`, where it cannot yet.

    Only root has another account to let pass; its home folder is closed to others by default.
    """
    if account.uid is None:
        return
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & _OTHERS_PASS:
            folder.chmod(stat.S_IMODE(mode) | _OTHERS_PASS)


def let_read(account: Account, folder: Path) -> None:
    """Let the service account read and run what is in `folder`, where it cannot yet."""
    if account.uid is None:
        return
    let_pass(account, folder)
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        wanted = _OTHERS_READ if path.is_dir() or mode & stat.S_IXUSR else stat.S_IROTH
        if mode & wanted != wanted:
            path.chmod(stat.S_IMODE(mode) | wanted)
