"""Tasks: what fails is told by kind and place, never by message."""

import logging

import pytest

from processing.tasks import advance, sweep
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.tasks import QuietTask


def test_every_task_is_quiet() -> None:
    assert isinstance(advance, QuietTask)
    assert isinstance(sweep, QuietTask)
    assert not logging.getLogger("celery.app.trace").isEnabledFor(logging.ERROR)


def test_a_failing_tasks_message_stays_out_of_the_log(
    acme: Tenant,
    globex: Tenant,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for tenant in (acme, globex):
        result = advance.apply((tenant.slug, "the secret of the contract"))
        assert result.failed()
    printed = capsys.readouterr()
    assert "secret of the contract" not in printed.out + printed.err
    assert any("task failed" in record.getMessage() for record in caplog.records)


def test_a_task_leaves_the_tenant_it_entered(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(globex):
        advance.apply((acme.slug, "not an id"))
        assert set(Tenant.objects.values_list("slug", flat=True)) == {"globex"}
