"""A benchmark runs in a home of its own, with servers of its own."""

import os
import subprocess
import sys
from pathlib import Path

from django.core.management.base import CommandError

from frostbyte.embedded.children import die_with_parent
from frostbyte.embedded.endpoints import OWN_SERVICES
from frostbyte.embedded.servers import running
from frostbyte.settings.env import PROJECT_DIR


def run_in_home(home: Path, *command: str) -> None:
    """Run a command of ours with `--in-home` in a process whose settings are those of `home`.

    Raises `CommandError` when it fails.
    """
    variables = {**os.environ, **dict.fromkeys(OWN_SERVICES, "")}
    variables |= {"FROSTBYTE_HOME": str(home), "FROSTBYTE_LOG_LEVEL": "WARNING"}
    with running(home):
        finished = subprocess.run(
            (sys.executable, str(PROJECT_DIR / "manage.py"), *command, "--in-home"),
            env=variables,
            preexec_fn=die_with_parent(),
            check=False,
        )
    if finished.returncode:
        raise CommandError("The benchmark failed; the lines above say why.")
