"""The measurement of what sealing costs: on real stores, leaving nothing behind."""

from io import StringIO

import pytest
from django.core.management import call_command

from search.benchmark import objects
from tenants.models import Tenant
from tenants.stores import for_tenant


def test_each_operation_is_measured_and_nothing_stays(
    acme: Tenant, globex: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "LARGE_BYTES", 9_000_000)
    for tenant in (acme, globex):
        before = list(for_tenant(tenant).objects.list())
        out = StringIO()
        call_command("bench_objects", tenant.slug, "--rounds", "2", stdout=out)
        rows = out.getvalue().splitlines()[1:]
        assert [row[:12].strip() for row in rows] == [
            *("put 4 KB", "get 4 KB", "put 100 MB", "get 100 MB")
        ]
        assert all(float(row.split()[-1]) > 0 for row in rows)
        assert list(for_tenant(tenant).objects.list()) == before
