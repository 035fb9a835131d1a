"""The embedded servers of one home, as one thing to start, stop and look at."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from frostbyte.embedded.home import (
    home_create,
    home_in_use,
    home_lock,
    is_kept_running,
    master_key_ensure,
    secrets_ensure,
)
from frostbyte.embedded.postgres import Postgres
from frostbyte.embedded.seaweed import SeaweedFS
from frostbyte.embedded.server import Server
from frostbyte.embedded.valkey import Valkey

SERVICES: Final = (Postgres.name, Valkey.name, SeaweedFS.name)


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One server as it is now: its process, and whether it answers its own credentials."""

    name: str
    pid: int | None
    healthy: bool
    address: str


class EmbeddedServers:
    """PostgreSQL, Valkey and SeaweedFS with their data under `home`.

    `services` names those wanted (all by default): the others are services of one's own.
    Without `durable` the database flushes nothing to disk, which is for tests alone. Without
    `own_master_key` none is made in the home: it is elsewhere.
    Every method is safe to call again, and from several processes at once.
    """

    def __init__(
        self,
        home: Path,
        *,
        services: Collection[str] = SERVICES,
        durable: bool = True,
        own_master_key: bool = True,
    ) -> None:
        self.home = home
        self._own_master_key = own_master_key
        self._services = tuple(name for name in SERVICES if name in services)
        self._durable = durable

    def start(self) -> tuple[str, ...]:
        """Start what does not run, wait until all are healthy, return the names of the started.

        Raises EmbeddedServerError, HomeLockedError, MasterKeyLostError or UnsafeFolderError.
        """
        home = home_create(self.home)
        with home_lock(home):
            servers = self._servers(home)
            if self._own_master_key:
                master_key_ensure(home)
            with ThreadPoolExecutor(max_workers=len(SERVICES)) as pool:
                started = list(pool.map(lambda server: server.start(), servers))
        return tuple(server.name for server, new in zip(servers, started, strict=True) if new)

    def stop(self, names: Collection[str] = SERVICES) -> tuple[str, ...]:
        """Stop those of `names` that run, and return their names."""
        if not self.home.exists():
            return ()
        home = self.home.resolve()
        with home_lock(home):
            servers = [server for server in self._servers(home) if server.name in names]
            with ThreadPoolExecutor(max_workers=len(SERVICES)) as pool:
                stopped = list(pool.map(lambda server: server.stop(), servers))
        return tuple(server.name for server, ran in zip(servers, stopped, strict=True) if ran)

    def status(self) -> tuple[ServerStatus, ...]:
        """Return the state of each server; starts nothing and creates nothing but the home."""
        home = home_create(self.home)
        return tuple(_status(server) for server in self._servers(home))

    def _servers(self, home: Path) -> list[Server]:
        secrets = secrets_ensure(home)
        durable = self._durable
        makers: dict[str, Callable[[], Server]] = {
            Postgres.name: lambda: Postgres(home, secrets, durable=durable),
            Valkey.name: lambda: Valkey(home, secrets),
            SeaweedFS.name: lambda: SeaweedFS(home, secrets),
        }
        return [makers[name]() for name in self._services]


@contextmanager
def running(
    home: Path, *, services: Collection[str] = SERVICES, own_master_key: bool = True
) -> Iterator[EmbeddedServers]:
    """Have the servers running within the block; the last to leave stops them.

    After `manage.py embedded start` they are left running.
    """
    servers = EmbeddedServers(home, services=services, own_master_key=own_master_key)
    with home_in_use(home_create(home)) as is_last:
        try:
            servers.start()
            yield servers
        finally:
            if not is_kept_running(home) and is_last():
                servers.stop()


def _status(server: Server) -> ServerStatus:
    process = server.process()
    return ServerStatus(
        name=server.name,
        pid=process.pid if process else None,
        healthy=process is not None and server.is_healthy(),
        address=server.address(),
    )
