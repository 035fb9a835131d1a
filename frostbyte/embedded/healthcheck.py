"""A container's health check: `python -m frostbyte.embedded.healthcheck` asks for readiness.

Exits 0 when the web server on port 8000 of this container says that every dependency answers.
It asks as the TLS proxy would, for the public host.
"""

import asyncio
import os
import sys

from frostbyte.embedded.probe import is_ready, ready_status

PORT = 8000


def main() -> int:
    """Return the exit code."""
    host = os.environ.get("FROSTBYTE_BASE_DOMAIN", "localhost")
    return 0 if is_ready(asyncio.run(ready_status(PORT, host=host))) else 1


if __name__ == "__main__":
    sys.exit(main())
