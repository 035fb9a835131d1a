"""Tasks: what fails is told by kind and place, never by message."""

import logging
from collections.abc import Callable, Iterator

import pytest
import structlog
from celery import shared_task
from django.db import connection, transaction

from processing.tasks import measure, sweep, work
from tenants.access.readers import EVERYTHING
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.tasks import QuietTask, TenantTask, process_clean


def test_every_task_is_quiet() -> None:
    assert all(isinstance(task, QuietTask) for task in (measure, sweep, work))
    assert not logging.getLogger("celery.app.trace").isEnabledFor(logging.ERROR)


@shared_task(base=TenantTask, name="tests.quote")
def quote(_tenant: Tenant, text: str) -> None:
    """Fail as a fault of a library does that quotes what it could not read."""
    raise ValueError(text)


def test_a_failing_tasks_message_stays_out_of_the_log(
    acme: Tenant,
    globex: Tenant,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for tenant in (acme, globex):
        result = quote.apply((tenant.slug, "the secret of the contract"))
        assert result.failed()
    printed = capsys.readouterr()
    assert "secret of the contract" not in printed.out + printed.err
    assert any("task failed" in record.getMessage() for record in caplog.records)


def test_a_task_leaves_the_tenant_it_entered(acme: Tenant, globex: Tenant) -> None:
    with tenant_context(globex):
        quote.apply((acme.slug, "not an id"))
        assert set(Tenant.objects.values_list("slug", flat=True)) == {"globex"}


SEEN: list[tuple[str, bool, object]] = []


@shared_task(base=TenantTask, name="tests.look_around")
def look_around(tenant: Tenant) -> None:
    """Note where the body runs."""
    told = structlog.contextvars.get_contextvars().get("tenant")
    SEEN.append((connection.schema_name, connection.in_atomic_block, told))  # type: ignore[attr-defined]
    assert tenant.schema_name == connection.schema_name  # type: ignore[attr-defined]


def stay_in_schema() -> None:
    connection.set_tenant(Tenant.objects.get(slug="globex"))  # type: ignore[attr-defined]
    assert connection.cursor().execute("SELECT 1")


def stay_a_reader() -> None:
    connection.set_reader(EVERYTHING)  # type: ignore[attr-defined]


def stay_in_block() -> None:
    transaction.atomic().__enter__()
    Tenant.objects.count()


def stay_in_transaction() -> None:
    transaction.set_autocommit(False)
    Tenant.objects.count()


def stay_in_log() -> None:
    structlog.contextvars.bind_contextvars(tenant="globex")


LEFT_BEHIND: dict[str, tuple[Callable[[], None], str]] = {
    "schema": (stay_in_schema, "schema"),
    "reader": (stay_a_reader, "reader"),
    "block": (stay_in_block, "transaction"),
    "transaction": (stay_in_transaction, "transaction"),
    "log": (stay_in_log, "log context"),
}


@pytest.fixture
def delivered(committed: None) -> Iterator[None]:
    """The task as a worker has it: delivered, not called by somebody."""
    SEEN.clear()
    look_around.push_request(is_eager=False, called_directly=False)
    yield
    look_around.pop_request()
    process_clean(task="the end of the test")


@pytest.mark.parametrize("how", LEFT_BEHIND)
def test_a_task_cleans_what_another_left_behind(
    delivered: None, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    leave, named = LEFT_BEHIND[how]
    leave()
    look_around("acme")
    assert SEEN == [("t_acme", False, "acme")]
    told = [r.getMessage() for r in caplog.records if r.levelno == logging.CRITICAL]
    assert len(told) == 1
    assert named in told[0]
    assert process_clean(task="the next") == []


def test_a_clean_process_is_left_as_it_is(
    delivered: None, caplog: pytest.LogCaptureFixture
) -> None:
    Tenant.objects.count()
    before = connection.connection
    for slug in ("acme", "globex"):
        look_around(slug)
    assert [schema for schema, *_ in SEEN] == ["t_acme", "t_globex"]
    assert connection.connection is before
    assert not [r for r in caplog.records if r.levelno == logging.CRITICAL]
