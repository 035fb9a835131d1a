"""Waits for the end of the test run that started it, then stops its servers and removes its home.

Homes that tests make directly inside that home are stopped with it.

    python -m tests.guard HOME

The end shows as the end of standard input, whose other side the test run holds open.
"""

import shutil
import sys
from pathlib import Path

from frostbyte.embedded.servers import EmbeddedServers


def main() -> None:
    """Wait, stop, remove."""
    home = Path(sys.argv[1])
    sys.stdin.buffer.read()
    for secrets in (*home.glob("*/secrets.json"), home / "secrets.json"):
        EmbeddedServers(secrets.parent).stop()
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
