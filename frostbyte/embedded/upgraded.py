"""Whether a database has this version's migrations: by a stamp in the home, not by asking it."""

import hashlib
from pathlib import Path

from frostbyte.settings.env import PROJECT_DIR


class UpgradeStamp:
    """What was last applied to the database at `database_url`; empty: the embedded one."""

    def __init__(self, home: Path, *, database_url: str = "") -> None:
        self._path = home / "upgraded"
        self._database_url = database_url

    def is_current(self) -> bool:
        """Return whether the migrations on disk are the ones that were applied."""
        return self._path.exists() and self._path.read_text() == self._digest()

    def write(self) -> None:
        """Note that the migrations on disk have been applied."""
        self._path.write_text(self._digest())

    def _digest(self) -> str:
        digest = hashlib.sha256(self._database_url.encode())
        for path in sorted((PROJECT_DIR / "migrations").rglob("*.*")):
            if path.suffix in {".py", ".sql"}:
                digest.update(str(path.relative_to(PROJECT_DIR)).encode())
                digest.update(path.read_bytes())
        return digest.hexdigest()
