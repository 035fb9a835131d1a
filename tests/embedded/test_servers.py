"""Starting, stopping, killing: the servers come back with their data, and only to their owner."""

import json
import os
import shutil
import signal
import socket
import stat
import threading
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from frostbyte.embedded.endpoints import load_endpoints, read_json, socket_folder
from frostbyte.embedded.errors import EmbeddedServerError, HomeLockedError, UnsafeFolderError
from frostbyte.embedded.home import SECRET_NAMES, home_create, home_lock, keep_running
from frostbyte.embedded.postgres import Postgres
from frostbyte.embedded.servers import EmbeddedServers, running


def pid_of(servers: EmbeddedServers, name: str) -> int:
    found = {state.name: state.pid for state in servers.status()}[name]
    assert found is not None
    return found


def kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    process.wait(10)


def connect(home: Path) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(load_endpoints(home).database_url, autocommit=True)


def one(home: Path, statement: str) -> object:
    with connect(home) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


def valkey(home: Path) -> "redis.Redis":
    return redis.Redis.from_url(load_endpoints(home).redis_url)


def test_a_second_start_starts_nothing(servers: EmbeddedServers, home: Path) -> None:
    before = servers.status()
    assert servers.start() == ()
    assert servers.status() == before
    assert all(state.healthy for state in before)


def test_secrets_are_for_their_owner_only(home: Path) -> None:
    path = home / "secrets.json"
    secrets = json.loads(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(secrets) == set(SECRET_NAMES)
    assert len(set(secrets.values())) == len(SECRET_NAMES)
    assert stat.S_IMODE((home / "s3.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "valkey" / "valkey.conf").stat().st_mode) == 0o600
    for folder in ("postgres", "valkey", "objects", "logs"):
        assert stat.S_IMODE((home / folder).stat().st_mode) == 0o700


def test_no_secret_is_on_a_command_line_or_in_a_log(servers: EmbeddedServers, home: Path) -> None:
    values = json.loads((home / "secrets.json").read_text()).values()
    texts = [" ".join(psutil.Process(state.pid).cmdline()) for state in servers.status()]
    texts += [path.read_text(errors="replace") for path in (home / "logs").iterdir()]
    assert not [text for text in texts for value in values if value in text]


def test_servers_listen_on_the_loopback_interface_only(
    servers: EmbeddedServers, home: Path
) -> None:
    listening = {
        state.name: [
            connection.laddr
            for connection in psutil.Process(state.pid).net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        for state in servers.status()
    }
    assert listening["postgres"] == []
    assert listening["valkey"] == []
    assert {address.ip for address in listening["objects"]} == {"127.0.0.1"}


def test_the_application_role_is_no_superuser_and_cannot_pass_row_level_security(
    home: Path,
) -> None:
    role = "FROM pg_roles WHERE rolname = current_user"
    assert one(home, "SELECT current_user") == "frostbyte"
    assert one(home, f"SELECT rolsuper OR rolbypassrls OR rolreplication {role}") is False
    assert one(home, f"SELECT rolcreaterole AND rolcreatedb {role}") is True
    assert one(home, "SELECT has_schema_privilege('pg_monitor', 'public', 'CREATE')") is False
    with connect(home) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SET ROLE postgres")


def test_a_database_made_by_the_role_has_pgvector_and_lets_it_create_tables(home: Path) -> None:
    name = f"made_by_role_{os.getpid()}"
    with connect(home) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            with psycopg.connect(load_endpoints(home).database_url, dbname=name) as made:
                made.execute("CREATE TABLE points (place vector(2))")
                made.execute("INSERT INTO points VALUES ('[3,4]')")
                row = made.execute("SELECT place <-> '[0,0]' FROM points").fetchone()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    assert row == (5.0,)


def test_the_bootstrap_script_may_run_again(home: Path) -> None:
    with connect(home) as connection:
        Postgres(home, read_json(home / "secrets.json"))._bootstrap()
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert one(home, "SELECT 1") == 1


@pytest.mark.parametrize("password", ["", "wrong"])
def test_postgresql_refuses_a_wrong_password(home: Path, password: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(load_endpoints(home).database_url, password=password)


def test_valkey_refuses_a_stranger(home: Path) -> None:
    path = str(socket_folder(home) / "valkey.sock")
    stranger = redis.Redis(unix_socket_path=path, retry=Retry(NoBackoff(), 0))
    with pytest.raises(redis.AuthenticationError):
        stranger.get("key")


def test_postgresql_keeps_its_rows_through_kill_9(servers: EmbeddedServers, home: Path) -> None:
    with connect(home) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    kill(pid_of(servers, "postgres"))
    assert servers.start() == ("postgres",)
    assert one(home, "SELECT number FROM kept") == 42


def test_postgresql_starts_while_a_session_outlives_its_killed_server(
    servers: EmbeddedServers, home: Path
) -> None:
    with connect(home) as connection:
        threading.Thread(target=_sleep_in_sql, args=(connection,), daemon=True).start()
        postmaster = pid_of(servers, "postgres")
        os.kill(postmaster, signal.SIGKILL)
        assert servers.start() == ("postgres",)
    assert one(home, "SELECT 1") == 1


def _sleep_in_sql(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT pg_sleep(60)")


def test_postgresql_starts_over_a_pid_that_now_belongs_to_another(
    servers: EmbeddedServers, home: Path
) -> None:
    servers.stop(["postgres"])
    pid_file = home / "postgres" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{home / 'postgres'}\n0\n5432\n\n\n\nready\n")
    (socket_folder(home) / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    assert servers.start() == ("postgres",)
    assert one(home, "SELECT 1") == 1


def test_valkey_keeps_what_is_queued_through_a_stop(servers: EmbeddedServers, home: Path) -> None:
    valkey(home).rpush("queue", "message")
    servers.stop(["valkey"])
    assert servers.start() == ("valkey",)
    assert valkey(home).lpop("queue") == b"message"


def test_valkey_comes_back_after_kill_9(servers: EmbeddedServers, home: Path) -> None:
    kill(pid_of(servers, "valkey"))
    assert servers.start() == ("valkey",)
    assert valkey(home).ping() is True


def test_objects_come_back_after_kill_9_on_the_same_port(
    servers: EmbeddedServers, home: Path
) -> None:
    before = load_endpoints(home)
    kill(pid_of(servers, "objects"))
    assert servers.start() == ("objects",)
    assert load_endpoints(home) == before


def test_objects_move_when_their_port_is_taken(servers: EmbeddedServers, home: Path) -> None:
    port = int(load_endpoints(home).s3_endpoint_url.rsplit(":", 1)[1])
    servers.stop(["objects"])
    with closing(socket.create_server(("127.0.0.1", port))):
        assert servers.start() == ("objects",)
        assert load_endpoints(home).s3_endpoint_url != f"http://127.0.0.1:{port}"
        assert all(state.healthy for state in servers.status())


def test_a_server_that_hangs_is_replaced(
    servers: EmbeddedServers, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frostbyte.embedded.server.ADOPT_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr("frostbyte.embedded.server.STOP_TIMEOUT_SECONDS", 0.5)
    hung = pid_of(servers, "valkey")
    os.kill(hung, signal.SIGSTOP)
    assert servers.start() == ("valkey",)
    assert pid_of(servers, "valkey") != hung


def test_two_starts_at_once_start_each_server_once(servers: EmbeddedServers, home: Path) -> None:
    servers.stop(["valkey", "postgres"])
    started: list[tuple[str, ...]] = []
    rivals = [EmbeddedServers(home) for _ in range(2)]
    threads = [threading.Thread(target=_start, args=(rival, started)) for rival in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(started) == [(), ("postgres", "valkey")]


def _start(servers: EmbeddedServers, started: list[tuple[str, ...]]) -> None:
    started.append(servers.start())


def test_a_start_gives_up_on_a_lock_that_is_held(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frostbyte.embedded.home.LOCK_TIMEOUT_SECONDS", 0.1)
    with home_lock(home), pytest.raises(HomeLockedError):
        EmbeddedServers(home).start()


def test_a_server_that_dies_while_starting_shows_the_end_of_its_log(
    servers: EmbeddedServers, home: Path
) -> None:
    configuration = home / "postgres" / "postgresql.auto.conf"
    servers.stop(["postgres"])
    configuration.write_text("no_such_setting = 1\n")
    try:
        with pytest.raises(EmbeddedServerError, match="no_such_setting") as caught:
            servers.start()
    finally:
        configuration.write_text("")
    assert "postgres.log" in caught.value.remediation


def test_the_last_user_stops_the_servers(tmp_path: Path) -> None:
    with running(tmp_path, services=["valkey"]) as first:
        with running(tmp_path, services=["valkey"]):
            pass
        assert [state.healthy for state in first.status()] == [True]
    assert [state.pid for state in first.status()] == [None]


def test_servers_that_are_to_be_kept_outlive_their_users(tmp_path: Path) -> None:
    home = home_create(tmp_path)
    keep_running(home, keep=True)
    with running(home, services=["valkey"]) as servers:
        pass
    assert [state.healthy for state in servers.status()] == [True]
    assert servers.stop() == ("valkey",)


def test_only_the_wanted_services_are_started(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("one")
    with running(home, services=["valkey"]) as servers:
        assert [state.name for state in servers.status()] == ["valkey"]
        assert not (home / "postgres").exists()
        assert not (home / "objects").exists()


def test_an_interrupted_first_start_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres.partial" / "base").mkdir(parents=True)
    with running(tmp_path, services=[Postgres.name]):
        assert one(tmp_path, "SELECT 1") == 1


def test_stop_without_a_home_stops_nothing(tmp_path: Path) -> None:
    assert EmbeddedServers(tmp_path / "absent").stop() == ()
    assert not (tmp_path / "absent").exists()


def test_a_socket_folder_that_another_could_have_planted_is_refused(tmp_path: Path) -> None:
    home = tmp_path / ("planted" * 30)
    planted = socket_folder(home)
    planted.symlink_to(tmp_path)
    try:
        with pytest.raises(UnsafeFolderError):
            EmbeddedServers(home, services=["valkey"]).start()
    finally:
        planted.unlink()


def test_a_long_home_gets_short_sockets(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 40)
    with running(home, services=["valkey"]):
        assert valkey(home).ping() is True
    assert not socket_folder(home).is_relative_to(home)
    shutil.rmtree(socket_folder(home))
