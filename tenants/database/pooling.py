"""Refusing proxies that hand a session's statements to different server connections.

Search path, role and reader are session settings. A proxy that pools by transaction or statement
(PgBouncer's `pool_mode`) gives the next statement to a session that has another tenant's, so the
application does not run behind one. Its behaviour shows it; no proxy has to be known by name.
"""

import select
import time
from contextlib import closing
from typing import Any, Final

import psycopg
import structlog
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db import connection
from psycopg.pq import ExecStatus

from frostbyte.kernel.errors import FrostbyteError
from frostbyte.kernel.ids import new_id

log = structlog.get_logger("frostbyte.tenants")

PATIENCE_SECONDS: Final = 5
ROUNDS: Final = 4
"""Proxies that take their server connections in turn give the same one back now and then."""

_LOGIN: Final = ("dbname", "host", "port", "user", "password", "sslmode", "sslrootcert")
_LOOK: Final = "SELECT pg_backend_pid(), current_setting('frostbyte.probe', true)"

Session = psycopg.Connection[Any]


class PoolingProxyError(FrostbyteError):
    """Statements of one session do not all reach the same server connection."""

    code = "POOLING_PROXY"
    http_status = 503


def require_own_sessions() -> None:
    """Raise `PoolingProxyError` unless a session keeps its server connection between statements.

    One session notes its server process and a setting; a second one opens a transaction; the first
    looks again. A proxy that pools by transaction has given the server connection away by then.
    One with room for a single session lets the other wait, which is refused as well.
    Raises `psycopg.Error` when the database does not answer at all.
    """
    for _ in range(ROUNDS):
        with closing(_session()) as first, closing(_session()) as second:
            mark = str(new_id())
            _ask(first, f"SET frostbyte.probe = '{mark}'")
            before = _ask(first, _LOOK)
            _begin(second)
            if _ask(first, _LOOK) != before or before[1] != mark:
                raise _refusal("hands the statements of one session to several connections")


def refuse_pooling_proxy() -> None:
    """End the process with a message when the database is behind such a proxy.

    For the start of web servers, workers and upgrades. The embedded database has no proxy. One
    that does not answer is for the health checks to tell.
    """
    if settings.DATABASE_IS_EMBEDDED:
        return
    try:
        require_own_sessions()
    except PoolingProxyError as error:
        raise SystemExit(f"{error.code}: {error.message}\n{error.remediation}") from error
    except psycopg.Error as error:
        log.warning("database not probed for a pooling proxy", error=type(error).__name__)


def check_pooling(*, databases: Any = None, **_options: Any) -> list[CheckMessage]:
    """The same as a Django check of databases: `manage.py check --database default`."""
    if not databases or settings.DATABASE_IS_EMBEDDED:
        return []
    try:
        require_own_sessions()
    except PoolingProxyError as error:
        return [Error(error.message, hint=error.remediation, id="tenants.E002")]
    return []


def _session() -> Session:
    parameters = connection.get_connection_params()
    login = {name: parameters[name] for name in _LOGIN if name in parameters}
    return psycopg.connect(**login, autocommit=True, connect_timeout=PATIENCE_SECONDS)


def _begin(session: Session) -> None:
    """Open a transaction; a proxy that pools by statement allows none."""
    try:
        _ask(session, "BEGIN")
    except psycopg.OperationalError as error:
        raise _refusal("allows no transaction") from error
    _ask(session, _LOOK)


def _ask(session: Session, statement: str) -> tuple[str, ...]:
    """Run a statement and return its row as text; refused when no answer comes in time.

    By libpq itself: a statement that waits in a proxy's queue is under no timeout of the server.
    """
    channel = session.pgconn
    channel.send_query(statement.encode())
    deadline = time.monotonic() + PATIENCE_SECONDS
    while channel.is_busy():
        if not select.select([channel.socket], [], [], max(0, deadline - time.monotonic()))[0]:
            raise _refusal("lets one session wait for another")
        channel.consume_input()
    result = channel.get_result()
    if result is None or result.status not in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
        raise psycopg.OperationalError("The probe's statement was refused.")
    while channel.get_result() is not None:
        pass
    values = (result.get_value(0, column) for column in range(result.nfields))
    return tuple((value or b"").decode() for value in values)


def _refusal(what: str) -> PoolingProxyError:
    return PoolingProxyError(
        f"Between this program and PostgreSQL stands a pooling proxy that {what}. Behind it a "
        "statement could run as another tenant.",
        remediation="Point DATABASE_URL at PostgreSQL itself, or let the proxy pool by session "
        "(PgBouncer: pool_mode = session) with room for all of the program's sessions.",
    )
