"""The servers that the tests need, running before Django reads its settings.

Each run has a home of its own in the temporary folder, so that runs side by side do not meet.
Services named in the environment (DATABASE_URL, REDIS_URL, S3_ENDPOINT_URL) are used as they are.
`tests.guard` stops the servers and removes the home when this process ends, however it ends.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

from frostbyte.embedded.endpoints import OWN_SERVICES
from frostbyte.embedded.home import home_create, secrets_ensure
from frostbyte.embedded.servers import EmbeddedServers

PROJECT_DIR: Final = Path(__file__).resolve().parents[1]
SERVICE_VARIABLES: Final = {
    "DATABASE_URL": "postgres",
    "REDIS_URL": "valkey",
    "S3_ENDPOINT_URL": "objects",
}
UNSET_VARIABLES: Final = (*OWN_SERVICES, "FROSTBYTE_SECRET_KEY")
GUARD: Final = pytest.StashKey["subprocess.Popen[bytes]"]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Start the servers; a wrapper, since pytest-django reads the settings in this same hook."""
    is_xdist_worker = "PYTEST_XDIST_WORKER" in os.environ
    if not is_xdist_worker:
        early_config.stash[GUARD] = _start()
    return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let the guard stop the servers, and wait until it has."""
    guard = config.stash.get(GUARD, None)
    if guard is not None and guard.stdin is not None:
        guard.stdin.close()
        guard.wait(timeout=30)


def _start() -> "subprocess.Popen[bytes]":
    home = home_create(Path(tempfile.mkdtemp(prefix="frostbyte-test-")))
    guard = subprocess.Popen(
        [sys.executable, "-m", "tests.guard", str(home)],
        stdin=subprocess.PIPE,
        cwd=PROJECT_DIR,
        start_new_session=True,
    )
    secrets_ensure(home)
    services = [name for url, name in SERVICE_VARIABLES.items() if not os.environ.get(url)]
    EmbeddedServers(home, services=services, durable=False).start()
    os.environ["FROSTBYTE_HOME"] = str(home)
    for name in UNSET_VARIABLES:
        # Empty rather than absent: a developer's .env must not reach the tests.
        os.environ.setdefault(name, "")
    return guard
