"""A tenant's vectors, in PostgreSQL: a table of the tenant's schema, owned by its role.

The table is also the embedding of record: another vector store is rebuilt from it without
embedding anything again. Calls run inside the tenant's context, in the caller's transaction.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from numpy.typing import NDArray
from pgvector import Vector
from pgvector.psycopg import register_vector
from psycopg import sql

from tenants.stores.errors import WrongTenantError

Row = tuple[Any, ...]
TABLE: Final = "vector_point"
DIMENSIONS: Final = 384


@dataclass(frozen=True, slots=True)
class Point:
    """One vector to store: its id, the document and run that it belongs to, unit length."""

    point_id: UUID
    document_id: UUID
    run_id: UUID
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Match:
    """One answer of a query: the point, and the cosine similarity, 1 is the same direction."""

    point_id: UUID
    document_id: UUID
    score: float


class VectorStore(Protocol):
    """Vectors of one tenant; the handle is bound to its collection and takes no tenant."""

    def upsert(self, points: Sequence[Point], *, model_id: str) -> None: ...
    def publish(self, *, document_id: UUID, run_id: UUID) -> None: ...
    def hide(self, *, document_id: UUID) -> None: ...
    def query(
        self,
        vector: NDArray[np.float32],
        *,
        model_id: str,
        limit: int,
        documents: QuerySet[Any] | None = None,
        runs: QuerySet[Any, Any] | None = None,
    ) -> list[Match]: ...
    def delete_document(self, document_id: UUID) -> None: ...
    def delete_run(self, run_id: UUID) -> None: ...
    def count(self, *, document_id: UUID | None = None) -> int: ...
    def snapshot(self) -> Iterator[Point]: ...


class PgVectors:
    """`VectorStore` in the tenant's schema. Search is exact: every visible vector is compared."""

    def __init__(self, schema: str) -> None:
        self.schema = schema

    def create(self) -> None:
        """Make the table, its index by document, and the rule that it follows the documents'."""
        self._run(_CREATE, name=sql.Literal(f"{self.schema}.{TABLE}"))

    def exists(self) -> bool:
        """Return whether the table is there."""
        rows = self._run("SELECT to_regclass({name})", name=sql.Literal(f"{self.schema}.{TABLE}"))
        return rows[0][0] is not None

    def destroy(self) -> None:
        """Drop the table with every point; nothing happens when there is none."""
        self._run("DROP TABLE IF EXISTS {table}")

    def upsert(self, points: Sequence[Point], *, model_id: str) -> None:
        """Write points, not yet visible; a point written again replaces itself.

        Rows go in as binary arrays. COPY would be twice as fast, and PostgreSQL does not allow it
        on a table with row-level security.
        """
        if not points:
            return
        ids = [point.point_id for point in points]
        self._run("DELETE FROM {table} WHERE point_id = ANY(%s)", ids)
        register_vector(connection.connection)
        self._run(
            _INSERT,
            model_id,
            ids,
            [point.document_id for point in points],
            [point.run_id for point in points],
            [Vector(point.vector) for point in points],
        )

    def publish(self, *, document_id: UUID, run_id: UUID) -> None:
        """Make one run's points of a document visible and take all others of it out of sight."""
        self._run(
            "UPDATE {table} SET visible = (run_id = %s) WHERE document_id = %s",
            run_id,
            document_id,
        )

    def hide(self, *, document_id: UUID) -> None:
        """Take every point of a document out of sight; they stay, and are found by their runs."""
        self._run(
            "UPDATE {table} SET visible = false WHERE visible AND document_id = %s", document_id
        )

    def query(
        self,
        vector: NDArray[np.float32],
        *,
        model_id: str,
        limit: int,
        documents: QuerySet[Any] | None = None,
        runs: QuerySet[Any, Any] | None = None,
    ) -> list[Match]:
        """Return the visible points of the same model nearest to `vector`, best first.

        `documents` limits them to points of these. With `runs`, ids of runs, those of these runs
        are returned instead, visible or not. Either becomes a part of the query, and is not read.
        """
        seen: sql.Composable = sql.SQL("visible")
        run_values: tuple[Any, ...] = ()
        if runs is not None:
            seen, run_values = _among("run_id", runs)
        within, values = _within(documents)
        wanted = Vector(vector).to_text()
        rows = self._run(
            _QUERY, wanted, *run_values, model_id, *values, wanted, limit, seen=seen, within=within
        )
        return [Match(point_id, document_id, float(score)) for point_id, document_id, score in rows]

    def delete_document(self, document_id: UUID) -> None:
        """Delete every point of the document."""
        self._run("DELETE FROM {table} WHERE document_id = %s", document_id)

    def delete_run(self, run_id: UUID) -> None:
        """Delete every point that one run wrote."""
        self._run("DELETE FROM {table} WHERE run_id = %s", run_id)

    def count(self, *, document_id: UUID | None = None) -> int:
        """Return how many points there are, of one document or of all, visible or not."""
        if document_id is None:
            return int(self._run("SELECT count(*) FROM {table}")[0][0])
        rows = self._run("SELECT count(*) FROM {table} WHERE document_id = %s", document_id)
        return int(rows[0][0])

    def snapshot(self) -> Iterator[Point]:
        """Yield every point, ordered by id."""
        rows = self._run(
            "SELECT point_id, document_id, run_id, embedding::text FROM {table} ORDER BY point_id"
        )
        for point_id, document_id, run_id, text in rows:
            yield Point(point_id, document_id, run_id, Vector.from_text(text).to_numpy())

    def _run(self, statement: str, *values: Any, **parts: sql.Composable) -> list[Row]:
        self._require_own_schema()
        named = sql.SQL(statement).format(table=sql.Identifier(self.schema, TABLE), **parts)
        with connection.cursor() as cursor:
            cursor.execute(named, values or None)
            return list(cursor.fetchall()) if cursor.description else []

    def _require_own_schema(self) -> None:
        if connection.schema_name != self.schema:  # type: ignore[attr-defined]
            raise WrongTenantError("A vector handle was used outside its own tenant.")


def _within(documents: QuerySet[Any] | None) -> tuple[sql.Composable, tuple[Any, ...]]:
    """Return the condition that a point belongs to one of the documents, and its values."""
    if documents is None:
        return sql.SQL(""), ()
    condition, values = _among("document_id", documents.values("pk"))
    return sql.SQL("AND {condition}").format(condition=condition), values


def _among(column: str, ids: QuerySet[Any, Any]) -> tuple[sql.Composable, tuple[Any, ...]]:
    """Return the condition that a column has one of the ids of a query, and its values."""
    try:
        text, values = ids.order_by().query.sql_with_params()
    except EmptyResultSet:
        return sql.SQL("false"), ()
    among = sql.SQL("{column} IN ({ids})")
    return among.format(column=sql.Identifier(column), ids=sql.SQL(text)), values


_CREATE = f"""
CREATE TABLE IF NOT EXISTS {{table}} (
    point_id uuid PRIMARY KEY,
    document_id uuid NOT NULL,
    run_id uuid NOT NULL,
    model_id text NOT NULL,
    visible boolean NOT NULL DEFAULT false,
    embedding vector({DIMENSIONS}) NOT NULL
);
CREATE INDEX IF NOT EXISTS vector_point_document ON {{table}} (document_id, run_id);
SELECT public.restrict_rows_of_documents({{name}}::regclass);
"""

_INSERT = """
INSERT INTO {table} (point_id, document_id, run_id, model_id, embedding)
SELECT point_id, document_id, run_id, %s, embedding
FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::vector[])
    AS point (point_id, document_id, run_id, embedding)
"""

_QUERY = """
SELECT point_id, document_id, 1 - (embedding <=> %s::vector) AS score
FROM {table}
WHERE {seen} AND model_id = %s {within}
ORDER BY embedding <=> %s::vector, point_id
LIMIT %s
"""
