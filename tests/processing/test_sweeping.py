"""Which tenants the sweep enters."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from processing import sweeping
from processing.models import Run, RunState
from processing.services import run_start
from processing.sweeping import tenants_with_work
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.conftest import Receive


def test_only_tenants_with_something_to_do_are_found(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    both = [acme, globex]
    assert tenants_with_work(both) == []
    document = receive(globex, "a.txt", b"A document that has no run yet.\n").document
    assert document is not None
    assert tenants_with_work(both) == [globex]
    with tenant_context(globex):
        run_start(tenant=globex, document=document)
    assert tenants_with_work(both) == [globex]
    with tenant_context(globex):
        Run.objects.update(state=RunState.PUBLISHED)
    assert tenants_with_work(both) == []


def test_tenants_are_asked_a_few_at_a_time(
    acme: Tenant, globex: Tenant, receive: Receive, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tenant in (acme, globex):
        receive(tenant, "a.txt", f"A document of {tenant.slug}.\n".encode())
    monkeypatch.setattr(sweeping, "AT_ONCE", 1)
    with CaptureQueriesContext(connection) as captured:
        assert tenants_with_work([acme, globex]) == [acme, globex]
    asked = [query["sql"] for query in captured if "FOREACH" in query["sql"]]
    assert len(asked) == 2
    assert not any(acme.schema_name in sql and globex.schema_name in sql for sql in asked)


def test_a_tenant_that_cannot_be_looked_into_is_entered(acme: Tenant, globex: Tenant) -> None:
    broken = Tenant(slug="broken", schema_name="t_broken")
    assert tenants_with_work([acme, broken, globex]) == [broken]
