"""`manage.py embedded start|stop|status`: the embedded servers by themselves."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from frostbyte.embedded.home import keep_running
from frostbyte.embedded.selection import own_servers
from frostbyte.embedded.servers import EmbeddedServers, ServerStatus
from frostbyte.kernel.errors import FrostbyteError


class Command(BaseCommand):
    """Start, stop or show the embedded servers of FROSTBYTE_HOME."""

    help = "Start, stop or show the embedded servers (PostgreSQL, Valkey, SeaweedFS)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to do."""
        parser.add_argument("action", choices=("start", "stop", "status"))

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        """Do it, and say what was done; `status` fails unless all are healthy."""
        servers = own_servers()
        try:
            getattr(self, f"_{action}")(servers)
        except FrostbyteError as error:
            raise CommandError(f"{error.code}: {error.message}\n{error.remediation}") from error

    def _start(self, servers: EmbeddedServers) -> None:
        started = servers.start()
        keep_running(servers.home, keep=True)
        self.stdout.write(f"Started: {', '.join(started) or 'nothing, all were running'}.")
        self._status(servers)

    def _stop(self, servers: EmbeddedServers) -> None:
        keep_running(servers.home, keep=False)
        self.stdout.write(f"Stopped: {', '.join(servers.stop()) or 'nothing was running'}.")

    def _status(self, servers: EmbeddedServers) -> None:
        states = servers.status()
        for state in states:
            self.stdout.write(_describe(state))
        if not all(state.healthy for state in states):
            raise CommandError("Not all servers are healthy.")


def _describe(state: ServerStatus) -> str:
    word = "healthy" if state.healthy else "unhealthy" if state.pid else "stopped"
    return f"{state.name:<9} {word:<10} {state.pid or '-':<8} {state.address}"
