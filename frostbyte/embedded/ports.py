"""Free TCP ports on the loopback interface, kept from one start to the next."""

import json
import random
import socket
from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from frostbyte.embedded.endpoints import read_json
from frostbyte.embedded.home import write_private

LOOPBACK: Final = "127.0.0.1"
PORT_RANGE: Final = range(20_000, 32_000)
"""Beneath the ports that the kernel gives to outgoing connections, so a kept port stays free."""


def port_is_free(port: int) -> bool:
    """Return whether a server could listen on this loopback port now."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def ports_keep(path: Path, names: Sequence[str]) -> dict[str, int]:
    """Return a free port for each name: the one kept in `path` where still free, else a new one."""
    kept = read_json(path)
    chosen: dict[str, int] = {}
    for name in names:
        port = int(kept.get(name, "0"))
        if port not in PORT_RANGE or port in chosen.values() or not port_is_free(port):
            port = free_port(exclude=chosen.values())
        chosen[name] = port
    texts = {name: str(port) for name, port in chosen.items()}
    if texts.items() - kept.items():
        write_private(path, json.dumps({**kept, **texts}, indent=2) + "\n")
    return chosen


def free_port(*, exclude: Collection[int] = ()) -> int:
    """Return a port of PORT_RANGE on which nothing listens and that is not in `exclude`."""
    candidates = random.SystemRandom().sample(PORT_RANGE, k=len(PORT_RANGE))
    return next(port for port in candidates if port not in exclude and port_is_free(port))
