"""The database backend: entering a tenant takes its search path *and* its PostgreSQL role.

Django loads this module by the name in DATABASES["default"]["ENGINE"]. The login role owns the
public schema only and may become any tenant's role, which owns that tenant's schema and can read
nothing of another's. A forgotten filter, raw SQL or an unknown schema name ends in an error that
PostgreSQL raises.
"""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django_tenants.postgresql_backend import base
from psycopg.pq import TransactionStatus

from tenants.naming import PUBLIC_SCHEMA, role_name

_TAKE = "SELECT set_config('search_path', %s, false), set_config('role', %s, false)"


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]
    """django-tenants' backend, with the role beside the search path, and no error swallowed."""

    _setting_search_path: bool

    def _handle_search_path(self, cursor: Any = None) -> None:
        """Take search path and role on this connection unless it has them already.

        Both are session settings: a rollback takes them back, and the parent class then forgets
        that they were set. In a failed transaction nothing but a rollback can run, so nothing
        needs to be set.
        """
        if self._setting_search_path or self.search_path_set_schemas or self._has_failed():
            return
        self._setting_search_path = True
        try:
            self._take_schema_and_role(cursor)
        finally:
            self._setting_search_path = False

    def _has_failed(self) -> bool:
        status = self.connection.pgconn.transaction_status
        return bool(status == TransactionStatus.INERROR)

    def _take_schema_and_role(self, cursor: Any) -> None:
        paths = self._get_cursor_search_paths()
        path = ",".join(self.ops.quote_name(name) for name in paths)
        if cursor is None:
            with self.connection.cursor() as own:
                own.execute(_TAKE, [path, self.role])
        else:
            cursor.execute(_TAKE, [path, self.role])
        self.search_path_set_schemas = paths

    @property
    def role(self) -> str:
        """The role that belongs to the schema in force; 'none' is the login role itself."""
        if not self.schema_name:
            raise ImproperlyConfigured("No schema is set on this connection.")
        if self.schema_name == PUBLIC_SCHEMA:
            return "none"
        return role_name(self.schema_name, database=self.settings_dict["NAME"])
