from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db import connections
from django.db.models.signals import pre_migrate


class TenantsConfig(AppConfig):
    name = "tenants"

    def ready(self) -> None:
        from tenants.checks import check_identities, check_master_key
        from tenants.database.pooling import check_pooling

        for check in (check_master_key, check_identities):
            checks.register(check, checks.Tags.security)
        checks.register(check_pooling, checks.Tags.database)
        pre_migrate.connect(_read_everything, sender=self, dispatch_uid="tenants.read_everything")


def _read_everything(*, using: str, **_signal: Any) -> None:
    """Let migrations see every row: one that moves data would skip what it cannot read."""
    from tenants.access.readers import EVERYTHING

    connections[using].set_reader(EVERYTHING)  # type: ignore[attr-defined]
