"""One experiment, in a process whose settings are those of its home."""

import argparse
import json
import shutil
import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import django

from frostbyte.embedded.identities import data_folder
from frostbyte.embedded.servers import EmbeddedServers

DISK_SIZE: Final = "400m"


def run(options: argparse.Namespace) -> None:
    """Start the servers, make the tenants, do the experiment and write what was found."""
    (name,) = options.experiments
    home = Path(options.in_home)
    if name == "disk":
        _mount(data_folder(home))
    servers = EmbeddedServers(home)
    servers.start()
    try:
        found = _experiment(name, home, servers, options)
    finally:
        servers.stop()
    Path(options.json).write_text(json.dumps(found))


def _experiment(
    name: str, home: Path, servers: EmbeddedServers, options: argparse.Namespace
) -> list[dict[str, Any]]:
    django.setup()
    from django.core.management import call_command

    from tests.chaos.experiments import EXPERIMENTS, Scale
    from tests.chaos.world import make_world

    call_command("upgrade", verbosity=0)
    world = make_world(home, servers)
    scale = Scale(
        kills=options.kills,
        documents=options.documents,
        repetitions=options.repetitions,
        queued=options.queued,
        seed=options.seed,
        hostile=options.hostile,
    )
    started = time.monotonic()
    findings = EXPERIMENTS[name](world, scale)
    seconds = time.monotonic() - started
    return [{"experiment": name, "seconds": seconds, **asdict(each)} for each in findings]


def _mount(folder: Path) -> None:
    """Put a small file system where the store's data will be; this process alone sees it."""
    folder.mkdir(mode=0o700)
    options = f"size={DISK_SIZE},mode=0700"
    subprocess.run(
        [program("mount"), "-t", "tmpfs", "-o", options, "frostbyte", folder], check=True
    )


def program(name: str) -> str:
    """Return the path of a program of the system; raises `FileNotFoundError`."""
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(name)
    return found
