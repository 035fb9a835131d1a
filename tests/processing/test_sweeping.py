"""Which tenants the sweep enters."""

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


def test_a_tenant_that_cannot_be_looked_into_is_entered(acme: Tenant, globex: Tenant) -> None:
    broken = Tenant(slug="broken", schema_name="t_broken")
    assert tenants_with_work([acme, broken, globex]) == [broken]
