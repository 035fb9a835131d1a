"""Configuration: ranges, versions, history, and which version a document was made under."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from audit.models import AuditEvent
from frostbyte.kernel.errors import ValidationError
from processing.models import Run
from processing.services import start_missing_runs
from tenants.configuration import MediaType, TenantConfiguration, configuration_schema
from tenants.context import tenant_context
from tenants.errors import VersionConflictError
from tenants.models import Tenant
from tenants.selectors import configuration_history
from tenants.services import tenant_configure
from tests.conftest import Receive


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("storage_quota_gb", 10_001, "from 1 to 10000"),
        ("document_quota", 0, "from 1 to 100000000"),
        ("rate_query_per_minute", 0, "from 1 to 100000"),
        ("rate_intake_per_minute", "many", "from 1 to 100000"),
        ("mime_allowlist", [], "at least 1"),
        ("mime_allowlist", ["application/zip"], "application/pdf"),
        ("no_such_field", 1, "no such setting"),
    ],
)
def test_a_value_out_of_range_is_told_with_its_range(
    acme: Tenant, globex: Tenant, field: str, value: Any, told: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        tenant_configure(tenant=acme, changes={field: value}, actor="t")
    fault = raised.value.extra["errors"][0]
    assert fault["field"].startswith(field)
    assert told in fault["constraint"]
    assert told in raised.value.message
    assert raised.value.remediation
    if isinstance(value, int) and field != "no_such_field":
        assert fault["value"] == value
    for tenant in (acme, globex):
        tenant.refresh_from_db()
        assert (tenant.configuration, tenant.config_version) == ({}, 1)


def test_only_what_was_set_is_kept_and_a_reset_follows_the_default(
    acme: Tenant, globex: Tenant
) -> None:
    tenant_configure(tenant=acme, changes={"document_quota": 5, "retention_days": 60}, actor="t")
    assert acme.configuration == {"document_quota": 5, "retention_days": 60}
    tenant_configure(tenant=acme, changes={"document_quota": None}, actor="t")
    assert acme.configuration == {"retention_days": 60}
    assert acme.settings.document_quota == TenantConfiguration().document_quota
    assert (acme.config_version, globex.config_version) == (3, 1)
    with pytest.raises(ValidationError, match="no such setting"):
        tenant_configure(tenant=acme, changes={"never_heard_of": None}, actor="t")


def test_a_change_that_changes_nothing_makes_no_version(acme: Tenant, globex: Tenant) -> None:
    tenant_configure(tenant=acme, changes={"document_quota": 5}, actor="t")
    tenant_configure(tenant=acme, changes={"document_quota": 5}, actor="t")
    assert acme.config_version == 2
    assert len(configuration_history(tenant=acme)) == 1
    assert configuration_history(tenant=globex) == []


def test_two_who_change_the_same_version_do_not_overwrite_each_other(
    acme: Tenant, globex: Tenant
) -> None:
    stale = Tenant.objects.get(pk=acme.pk)
    tenant_configure(tenant=acme, changes={"document_quota": 5}, actor="a", expected_version=1)
    with pytest.raises(VersionConflictError) as raised:
        tenant_configure(tenant=stale, changes={"document_quota": 7}, actor="b", expected_version=1)
    assert raised.value.extra == {"current_version": 2, "expected_version": 1}
    tenant_configure(tenant=stale, changes={"retention_days": 60}, actor="b", expected_version=2)
    stale.refresh_from_db()
    assert stale.configuration == {"document_quota": 5, "retention_days": 60}
    tenant_configure(tenant=globex, changes={"document_quota": 9}, actor="b", expected_version=1)


def test_the_history_tells_each_field_its_maker_and_its_version(
    acme: Tenant, globex: Tenant
) -> None:
    tenant_configure(tenant=acme, changes={"document_quota": 5}, actor="operator:olga")
    tenant_configure(tenant=globex, changes={"document_quota": 6}, actor="operator:olga")
    tenant_configure(
        tenant=acme, changes={"document_quota": 8, "pii_policy": "flag"}, actor="operator:paul"
    )
    latest, first = configuration_history(tenant=acme)
    assert (latest.version, latest.actor) == (3, "operator:paul")
    assert latest.changed == {
        "document_quota": {"old": 5, "new": 8},
        "pii_policy": {"old": "redact", "new": "flag"},
    }
    assert (first.version, first.changed["document_quota"]["old"]) == (2, 1_000_000)
    with tenant_context(globex):
        assert configuration_history(tenant=acme) == []
    event = AuditEvent.objects.filter(tenant="acme").latest("sequence")
    assert event.details["version"] == 3


def test_a_run_is_made_under_the_version_of_its_start(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    made = []
    for number in (1, 2):
        if number == 2:
            tenant_configure(tenant=acme, changes={"pii_policy": "flag"}, actor="t")
        made.append(receive(acme, f"{number}.txt", f"words of file {number}\n".encode()))
        with tenant_context(acme):
            assert start_missing_runs(tenant=acme) == 1
    with tenant_context(acme):
        runs = [Run.objects.get(document=receipt.document) for receipt in made]
    assert [run.configuration_version for run in runs] == [1, 2]
    assert [run.configuration["pii_policy"] for run in runs] == ["redact", "flag"]
    with tenant_context(globex):
        assert Run.objects.count() == 0


def test_the_schema_accepts_the_defaults_and_tells_every_range() -> None:
    schema = configuration_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    defaults = TenantConfiguration().model_dump(mode="json")
    assert validator.is_valid(defaults)
    assert not validator.is_valid({**defaults, "document_quota": 0})
    assert not validator.is_valid({**defaults, "of_no_meaning": 1})
    assert set(schema["properties"]) == set(TenantConfiguration.model_fields)
    assert json.loads(json.dumps(schema)) == schema


def test_every_format_is_allowed_by_default() -> None:
    assert TenantConfiguration().mime_allowlist == tuple(MediaType)
