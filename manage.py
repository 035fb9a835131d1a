#!/usr/bin/env python
"""Frostbyte's command line: `manage.py help` lists the commands.

On one machine a command that needs the servers has them: those that do not run are started for
as long as the command takes. `manage.py up` and `manage.py embedded start` leave them running.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from frostbyte.embedded.upgraded import UpgradeStamp

OWN_UPGRADE = frozenset({"migrate", "migrate_schemas", "migrate_tenants", "upgrade"})
WITHOUT_SERVERS = frozenset(
    {"help", "version", "-h", "--version", "up", "embedded", "bench", "bench_tenants", "check",
     "makemigrations", "collectstatic", "findstatic", "spectacular", "diffsettings"}
)  # fmt: skip


def main() -> None:
    """Run the command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frostbyte.settings.dev")
    with _servers(sys.argv[1:]):
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)


@contextmanager
def _servers(arguments: list[str]) -> Iterator[None]:
    """Have the servers running that the settings expect, and their database up to date.

    They start before Django reads its settings, which hold their addresses and credentials.
    """
    if not arguments or arguments[0] in WITHOUT_SERVERS or "--help" in arguments:
        yield
        return
    from frostbyte.embedded.selection import own_services
    from frostbyte.embedded.servers import running
    from frostbyte.embedded.upgraded import UpgradeStamp
    from frostbyte.settings.env import environment

    home, wanted = environment().home.resolve(), own_services(environment())
    stamp = UpgradeStamp(home)
    with running(home, services=wanted, own_master_key=not environment().master_key_file):
        if "postgres" in wanted and arguments[0] not in OWN_UPGRADE and not stamp.is_current():
            _upgrade(stamp)
        yield


def _upgrade(stamp: "UpgradeStamp") -> None:
    """Upgrade the database; what fails for one tenant is told, and tried by the next command."""
    import django
    from django.core.management import CommandError, call_command

    django.setup()
    try:
        call_command("upgrade", verbosity=0)
    except CommandError as error:
        sys.stderr.write(f"Not everything is upgraded: {error}\n")
    else:
        stamp.write()


if __name__ == "__main__":
    main()
