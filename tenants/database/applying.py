"""Applying migrations to a schema; what the files say is worked out once, not for each schema."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from django.apps import apps
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import DEFAULT_DB_ALIAS, connection, connections, router, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState
from psycopg import sql

from tenants.models import Tenant

Key = tuple[str, str]
"""A migration: its application and its name."""

Plan = list[tuple[Migration, bool]]

_TABLE: Final = MigrationRecorder.Migration._meta.db_table  # noqa: SLF001 - a public interface


def applied_migrations(tenant: Tenant) -> dict[Key, Any] | None:
    """Return what the tenant's own table of migrations has, None where there is no such table.

    The public one is never looked at.
    """
    table = sql.Identifier(tenant.schema_name, _TABLE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [table.as_string()])
        if cursor.fetchone()[0] is None:
            return None
        cursor.execute(sql.SQL("SELECT app, name FROM {}").format(table))
        return dict.fromkeys((app, name) for app, name in cursor.fetchall())


class SchemaMigrations:
    """Applies what is unapplied to one tenant's schema after the other; for one thread.

    Tenants that stand at the same version need the same migrations from the same state of the
    models, and working that out takes far longer than most migrations do.
    """

    def __init__(self) -> None:
        self._executor = _Executor(connections[DEFAULT_DB_ALIAS])
        self._states: dict[frozenset[Key], ProjectState] = {}

    def apply(self, applied: dict[Key, Any] | None) -> None:
        """Apply everything beyond `applied`, with Django's signals before and after.

        To a new schema all at once or nothing. To another each migration by itself, so that a
        run that was cut off goes on where it ended.
        """
        plan = self._plan(applied or {})
        with nullcontext() if applied else _all_or_nothing(plan):
            if applied is None:
                _create_table()
            self._signal(emit_pre_migrate_signal, plan)
            state = self._state(frozenset(applied or ()))
            self._executor.migrate([], plan=plan, state=state.clone())
            self._signal(emit_post_migrate_signal, plan)

    def _plan(self, applied: dict[Key, Any]) -> Plan:
        loader = self._executor.loader
        loader.applied_migrations = applied
        loader.check_consistent_history(self._executor.connection)
        return self._executor.migration_plan(loader.graph.leaf_nodes())

    def _state(self, applied: frozenset[Key]) -> ProjectState:
        if applied not in self._states:
            loader = self._executor.loader
            nodes = (key for key in applied & set(loader.graph.nodes) if _has_place(key[0]))
            state = loader.project_state(sorted(nodes))
            _ = state.apps
            self._states[applied] = state
        return self._states[applied]

    def _signal(self, emit: Callable[..., None], plan: Plan) -> None:
        emit(verbosity=0, interactive=False, db=DEFAULT_DB_ALIAS, plan=plan)


class _Executor(MigrationExecutor):
    """Django's, sparing it models that it would make anew at each change and have no use for."""

    def migration_plan(
        self, targets: Sequence[tuple[str, str | None]] | set[Key], clean_start: bool = False
    ) -> Plan:
        """Return the plan with the applications in the order of the settings, not by name.

        `auth` is then complete before there is anything that refers to it, to be made anew.
        """
        order = {config.label: place for place, config in enumerate(apps.get_app_configs())}
        ordered = sorted(targets, key=lambda key: order.get(key[0], len(order)))
        plan: Plan = super().migration_plan(ordered, clean_start)
        return plan

    def apply_migration(
        self,
        state: ProjectState,
        migration: Migration,
        fake: bool = False,
        fake_initial: bool = False,
    ) -> ProjectState:
        """Apply one; only record it where the router refuses the application's tables anyway."""
        fake = fake or not _has_place(migration.app_label)
        return super().apply_migration(state, migration, fake, fake_initial)


def _has_place(app: str) -> bool:
    """Return whether the application has tables in the schema in force."""
    return router.allow_migrate(DEFAULT_DB_ALIAS, app)


def _create_table() -> None:
    """Create the table of migrations: Django would find the public one, which is in sight, too."""
    with connection.schema_editor() as editor:
        editor.create_model(MigrationRecorder.Migration)


def _all_or_nothing(plan: Plan) -> AbstractContextManager[None]:
    """Return one transaction for the whole plan, unless a migration in it must have none."""
    return transaction.atomic() if all(each.atomic for each, _ in plan) else nullcontext()
