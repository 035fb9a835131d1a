"""A home with running servers, shared by the tests of this folder."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from frostbyte.embedded.servers import EmbeddedServers, running


@pytest.fixture(scope="session")
def servers() -> Iterator[EmbeddedServers]:
    """Servers of a home of their own, inside that of the test run, which the tests may kill."""
    home = Path(tempfile.mkdtemp(prefix="embedded-", dir=os.environ["FROSTBYTE_HOME"]))
    with running(home) as started:
        yield started


@pytest.fixture
def home(servers: EmbeddedServers) -> Path:
    """The home of `servers`, with all of them running."""
    servers.start()
    return servers.home.resolve()
