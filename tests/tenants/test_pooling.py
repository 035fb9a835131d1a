"""A real PgBouncer in front of the tests' database: by session it is let pass, otherwise not."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from frostbyte.embedded.accounts import database_account
from tenants.database.pooling import PoolingProxyError, refuse_pooling_proxy, require_own_sessions
from tests.conftest import PROJECT_DIR

pytestmark = pytest.mark.django_db

Proxy = Callable[..., dict[str, Any]]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A function that starts PgBouncer in a mode, and returns the way to it."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        reason = "no PgBouncer here: install Debian's `pgbouncer`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="frostbyte-pgbouncer-"))
    running: list[subprocess.Popen[bytes]] = []

    def _start(mode: str, **options: object) -> dict[str, Any]:
        port = free_port()
        config = write_config(folder, port, mode, options)
        running.append(start(program, config, folder))
        wait_until_listening(port, running[-1])
        return {**connection.settings_dict, "HOST": "127.0.0.1", "PORT": str(port)}

    yield _start
    for process in running:
        process.terminate()
        process.wait()
    shutil.rmtree(folder)


def free_port() -> int:
    """Return a port of the loopback interface on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_config(folder: Path, port: int, mode: str, options: dict[str, object]) -> Path:
    """Write PgBouncer's configuration and its list of users."""
    database = connection.settings_dict
    users, config = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text(f'"{database["USER"]}" "{database["PASSWORD"]}"\n')
    more = "".join(f"{name} = {value}\n" for name, value in options.items())
    config.write_text(
        f"[databases]\n* = host={database['HOST'] or '127.0.0.1'} port={database['PORT'] or 5432}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = plain\nauth_file = {users}\npool_mode = {mode}\n{more}"
    )
    folder.chmod(0o755)
    return config


def start(program: str, config: Path, folder: Path) -> "subprocess.Popen[bytes]":
    """Start it; PgBouncer refuses to be root, so then with the account of PostgreSQL."""
    account = database_account(Path(os.environ["FROSTBYTE_HOME"]) / "postgres")
    return subprocess.Popen(
        [program, "-q", str(config)],
        cwd=folder,
        user=account.uid,
        group=account.gid,
        extra_groups=None if account.uid is None else [],
        stderr=subprocess.DEVNULL,
    )


def wait_until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until it takes connections."""
    for _ in range(200):
        assert process.poll() is None, "PgBouncer ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    pytest.fail("PgBouncer does not listen")


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Callable[[dict[str, Any]], None]:
    """A function that makes the settings name another way to the database."""

    def _behind(way: dict[str, Any]) -> None:
        monkeypatch.setitem(connection.settings_dict, "HOST", way["HOST"])
        monkeypatch.setitem(connection.settings_dict, "PORT", way["PORT"])
        settings.DATABASE_IS_EMBEDDED = False

    return _behind


Behind = Callable[[dict[str, Any]], None]


def test_the_database_itself_passes() -> None:
    require_own_sessions()


def test_session_pooling_passes(proxy: Proxy, behind: Behind) -> None:
    behind(proxy("session"))
    require_own_sessions()
    refuse_pooling_proxy()
    call_command("check", databases=["default"])


@pytest.mark.parametrize("options", [{}, {"server_round_robin": 1}, {"min_pool_size": 5}])
def test_transaction_pooling_is_refused(
    proxy: Proxy, behind: Behind, options: dict[str, object]
) -> None:
    behind(proxy("transaction", **options))
    with pytest.raises(PoolingProxyError, match="pooling proxy"):
        require_own_sessions()
    with pytest.raises(SystemExit, match="pool_mode = session"):
        refuse_pooling_proxy()
    with pytest.raises(SystemCheckError, match=r"tenants\.E002"):
        call_command("check", databases=["default"])


def test_statement_pooling_is_refused(proxy: Proxy, behind: Behind) -> None:
    behind(proxy("statement"))
    with pytest.raises(SystemExit, match="POOLING_PROXY"):
        refuse_pooling_proxy()


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_room_for_one_session_only_is_refused(
    proxy: Proxy, behind: Behind, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr("tenants.database.pooling.PATIENCE_SECONDS", 1)
    behind(proxy(mode, default_pool_size=1))
    with pytest.raises(PoolingProxyError, match="wait for another"):
        require_own_sessions()


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "uvicorn", "frostbyte.asgi:application", "--port", "0"),
        ("-m", "celery", "--app", "frostbyte.celery:app", "worker", "--pool", "solo"),
        ("manage.py", "upgrade"),
        ("manage.py", "migrate_tenants"),
    ],
    ids=lambda command: command[1],
)
def test_nothing_starts_behind_one(
    proxy: Proxy, behind: Behind, settings: Any, command: tuple[str, ...]
) -> None:
    way = proxy("transaction")
    login = f"{way['USER']}:{way['PASSWORD']}@{way['HOST']}:{way['PORT']}/{way['NAME']}"
    named = {
        "DATABASE_URL": f"postgres://{login}",
        "REDIS_URL": settings.REDIS_URL,
        "S3_ENDPOINT_URL": settings.S3_ENDPOINT_URL,
    }
    done = subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT_DIR,
        env={**os.environ, **named},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    assert "POOLING_PROXY: " in done.stdout + done.stderr
