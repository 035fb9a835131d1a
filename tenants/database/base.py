"""The database backend: entering a tenant takes its search path, its PostgreSQL role, a reader.

Django loads this module by the name in DATABASES["default"]["ENGINE"]. The login role owns the
public schema only and may become any tenant's role, which owns that tenant's schema and can read
nothing of another's. A forgotten filter, raw SQL or an unknown schema name ends in an error that
PostgreSQL raises. Within the tenant the reader decides which collections are seen; a connection
that enters a schema reads nothing until somebody says who reads.
"""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django_tenants.postgresql_backend import base
from psycopg.pq import TransactionStatus

from tenants.access.readers import NOBODY
from tenants.naming import PUBLIC_SCHEMA, role_name

_TAKE = """
SELECT set_config('search_path', %s, false), set_config('role', %s, false),
       set_config('frostbyte.reader', %s, false)
"""


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]
    """django-tenants' backend, with the role beside the search path, and no error swallowed."""

    _setting_search_path: bool
    reader: str = NOBODY

    def set_tenant(self, tenant: Any, include_public: bool = True) -> None:
        """Enter the schema with the next query; it reads nothing before `set_reader`."""
        self.reader = NOBODY
        super().set_tenant(tenant, include_public)

    def set_reader(self, reader: str) -> None:
        """Let the next query read as `reader`, a value of `tenants.access.readers`."""
        if reader != self.reader:
            self.reader = reader
            self.search_path_set_schemas = None

    def _handle_search_path(self, cursor: Any = None) -> None:
        """Take search path, role and reader on this connection unless it has them already.

        All are session settings: a rollback takes them back, and the parent class then forgets
        that they were set. In a failed transaction nothing but a rollback can run, so nothing
        needs to be set.
        """
        if self._setting_search_path or self.search_path_set_schemas or self._has_failed():
            return
        self._setting_search_path = True
        try:
            self._take(cursor)
        finally:
            self._setting_search_path = False

    def _has_failed(self) -> bool:
        status = self.connection.pgconn.transaction_status
        return bool(status == TransactionStatus.INERROR)

    def _take(self, cursor: Any) -> None:
        paths = self._get_cursor_search_paths()
        path = ",".join(self.ops.quote_name(name) for name in paths)
        values = [path, self.role, self.reader]
        if cursor is None:
            with self.connection.cursor() as own:
                own.execute(_TAKE, values)
        else:
            cursor.execute(_TAKE, values)
        self.search_path_set_schemas = paths

    @property
    def role(self) -> str:
        """The role that belongs to the schema in force; 'none' is the login role itself."""
        if not self.schema_name:
            raise ImproperlyConfigured("No schema is set on this connection.")
        if self.schema_name == PUBLIC_SCHEMA:
            return "none"
        return role_name(self.schema_name, database=self.settings_dict["NAME"])
