#!/usr/bin/env python
"""Frostbyte's command line: `manage.py help` lists the commands.

On one machine a command that needs the servers has them: those that do not run are started for
as long as the command takes. `manage.py up` and `manage.py embedded start` leave them running.
"""

import os
import sys
from contextlib import AbstractContextManager, nullcontext

WITHOUT_SERVERS = frozenset(
    {"help", "version", "-h", "--version", "up", "embedded", "check", "makemigrations",
     "collectstatic", "findstatic", "spectacular", "diffsettings"}
)  # fmt: skip


def main() -> None:
    """Run the command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frostbyte.settings.dev")
    with _servers(sys.argv[1:]):
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)


def _servers(arguments: list[str]) -> AbstractContextManager[object]:
    """Return a context in which the servers run that the settings expect on this machine.

    They start before Django reads its settings, which hold their addresses and credentials.
    """
    if not arguments or arguments[0] in WITHOUT_SERVERS or "--help" in arguments:
        return nullcontext()
    from frostbyte.embedded.selection import own_services
    from frostbyte.embedded.servers import running
    from frostbyte.settings.env import environment

    wanted = own_services(environment())
    return running(environment().home.resolve(), services=wanted) if wanted else nullcontext()


if __name__ == "__main__":
    main()
