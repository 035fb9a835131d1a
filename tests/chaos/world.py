"""What an experiment works on: two tenants, what was accepted of each, and a look from outside."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection

from frostbyte.embedded.endpoints import read_json, socket_folder
from frostbyte.embedded.servers import EmbeddedServers
from frostbyte.kernel.errors import FrostbyteError
from frostbyte.kernel.hashing import sha256_hex
from intake.models import Outcome
from intake.services import document_receive
from processing.models import OPEN_STATES
from tenants.context import tenant_context
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import Tenant
from tests.chaos.documents import File
from tests.chaos.verdict import Verdict, verdict

ACTOR: Final = "chaos"
SLUGS: Final = ("acme", "globex")
_POLL_SECONDS: Final = 0.25
T = TypeVar("T")


@dataclass
class World:
    """The servers of one home, its two tenants, and the SHA-256 of every file by document id."""

    home: Path
    servers: EmbeddedServers
    tenants: tuple[Tenant, Tenant]
    accepted: dict[int, dict[UUID, str]] = field(default_factory=dict)
    handed_over: int = 0

    def hand_over(self, tenant: Tenant, files: Iterable[File], *, patience: float = 120.0) -> None:
        """Hand files in as a sender does who tries again until there is a receipt."""
        for filename, data in files:
            self._hand_over_one(tenant, filename, data, time.monotonic() + patience)

    def _hand_over_one(self, tenant: Tenant, filename: str, data: bytes, deadline: float) -> None:
        while True:
            try:
                document_id = _receive(tenant, filename, data)
            except (DatabaseError, FrostbyteError):
                if time.monotonic() > deadline:
                    raise
                connection.close()
                time.sleep(_POLL_SECONDS)
                continue
            self.accepted.setdefault(tenant.pk, {})[document_id] = sha256_hex(data)
            self.handed_over += 1
            return

    def verdict(self) -> Verdict:
        """Return what became of everything that was accepted."""
        return verdict(self.tenants, self.accepted)

    def ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database past every policy, by a new connection of its superuser."""
        with self.looking() as ask:
            return ask(statement, *values)

    @contextmanager
    def looking(self) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
        """Give a function that asks the database as its superuser, over one connection."""
        with psycopg.connect(
            host=str(socket_folder(self.home)),
            user="postgres",
            password=read_json(self.home / "secrets.json")["postgres_password"],
            dbname="frostbyte",
            autocommit=True,
        ) as superuser:
            yield lambda statement, *values: superuser.execute(
                statement.encode(), values or None
            ).fetchall()

    def in_each(self, statement: str) -> str:
        """Return one query over both tenants: `{schema}` in the statement is each in turn."""
        return " UNION ALL ".join(
            statement.format(schema=tenant.schema_name) for tenant in self.tenants
        )

    def open_runs(self) -> int:
        """Return how many documents are not final: their run is open, or they have none yet."""
        states = ", ".join(f"'{state}'" for state in OPEN_STATES)
        counted = self.ask(
            self.in_each(
                f"SELECT count(*) FROM {{schema}}.intake_document d WHERE NOT EXISTS (SELECT FROM "
                f"{{schema}}.processing_run r WHERE r.document_id = d.id AND r.state NOT IN "
                f"({states}))"
            )
        )
        return sum(row[0] for row in counted)

    def wait_until_final(self, *, seconds: float) -> float:
        """Return how long it took until nothing was open, or `seconds` when that was not enough."""
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            if self.open_runs() == 0:
                return time.monotonic() - started
            time.sleep(_POLL_SECONDS)
        return seconds


def make_world(home: Path, servers: EmbeddedServers) -> World:
    """Make the two tenants."""
    first, second = (tenant_provision(slug=slug, name=slug.title(), actor=ACTOR) for slug in SLUGS)
    return World(home, servers, (first, second))


def _receive(tenant: Tenant, filename: str, data: bytes) -> UUID:
    with tenant_context(tenant):
        receipt = document_receive(
            tenant=tenant, filename=filename, stream=BytesIO(data), actor=ACTOR
        )
    if receipt.outcome != Outcome.ACCEPTED or receipt.document_id is None:
        raise AssertionError(f"{filename} was refused: {receipt.code} {receipt.message}")
    return receipt.document_id


def until(condition: Callable[[], T], *, seconds: float, pause: float = 0.05) -> T | None:
    """Return the first truth of a condition, or None when it does not come in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(pause)
    return None


def halves(files: Sequence[File]) -> tuple[Sequence[File], Sequence[File]]:
    """Return the files for the first tenant and for the second."""
    middle = len(files) // 2
    return files[:middle], files[middle:]
