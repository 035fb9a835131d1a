"""Quotas by the API: a tenant sees its own before they bite, an operator sees and changes them."""

from typing import Any

import pytest

from tenants.api.quotas import TenantLimitsSerializer, TenantQuotasChangeSerializer
from tenants.configuration import QUOTA_FIELDS, configuration_schema
from tenants.models import StorageUsage, Tenant
from tenants.services import tenant_configure
from tests.api.conftest import Caller, KeyCaller, StaffCaller, assert_problem

QUOTA = "/api/v1/quota"
GIGABYTE = 1024**3


def admin(slug: str, part: str = "quotas") -> str:
    return f"/api/v1/admin/tenants/{slug}/{part}"


def patch(caller: Caller, path: str, body: Any) -> Any:
    return caller.patch(path, body, content_type="application/json")


def test_a_tenant_sees_what_it_has_used_of_its_own(
    acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    tenant_configure(tenant=acme, changes={"document_quota": 5}, actor="t")
    caller = by_key(acme)
    for number in range(4):
        assert caller.hand_in(f"{number}.txt", f"words of file {number}\n".encode())
    told = caller.get(QUOTA).json()
    assert told["level"] == "near"
    assert told["documents"] == {
        "used": 4, "limit": 5, "unit": "documents", "share": 0.8, "level": "near",
    }  # fmt: skip
    assert told["storage"] == {
        "used": 64, "limit": 100 * GIGABYTE, "unit": "bytes", "share": 0.0, "level": "ok",
    }  # fmt: skip
    assert [rate["area"] for rate in told["rates"]] == ["intake", "query", "audit"]
    assert by_key(globex).get(QUOTA).json()["documents"]["used"] == 0


@pytest.mark.parametrize("scope", ["ingest", "query", "audit"])
def test_any_scope_of_the_tenant_may_see_it(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, scope: str
) -> None:
    assert by_key(acme, scope).get(QUOTA).status_code == 200
    refused = by_key(acme, scope, host="globex.localhost").get(QUOTA)
    assert_problem(refused, 403, "INSUFFICIENT_PERMISSIONS")


def test_a_refusal_has_the_numbers(acme: Tenant, globex: Tenant, by_key: KeyCaller) -> None:
    tenant_configure(tenant=acme, changes={"document_quota": 1}, actor="t")
    caller = by_key(acme)
    assert caller.hand_in("a.txt", b"first words\n").status_code == 202
    problem = assert_problem(caller.hand_in("b.txt", b"other words\n"), 422, "QUOTA_EXCEEDED")
    assert (problem["quota"], problem["used"], problem["limit"], problem["adds"]) == (
        "documents", 1, 1, 1,
    )  # fmt: skip
    assert "operator" in problem["remediation"]
    receipt = caller.get(f"/api/v1/receipts/{problem['receipt_id']}").json()
    assert receipt["details"]["limit"] == 1
    assert by_key(globex).hand_in("b.txt", b"other words\n").status_code == 202


def test_an_operator_sees_limits_and_what_was_counted(
    operator: Caller, acme: Tenant, globex: Tenant
) -> None:
    assert operator.get(admin("acme")).json()["measured"] is None
    StorageUsage.objects.create(
        tenant=acme, documents=3, document_bytes=95 * GIGABYTE, object_bytes=99 * GIGABYTE
    )
    told = operator.get(admin("acme")).json()
    assert (told["storage"]["level"], told["storage"]["share"]) == ("near", 0.95)
    assert told["measured"]["object_bytes"] == 99 * GIGABYTE
    assert told["limits"]["rate_query_per_minute"] == 1000
    assert operator.get(admin("globex")).json()["storage"] is None


def test_an_operator_changes_limits_and_sets_one_back(
    operator: Caller, acme: Tenant, globex: Tenant, by_key: KeyCaller
) -> None:
    changed = patch(operator, admin("acme"), {"document_quota": 9, "storage_quota_gb": 2}).json()
    assert (changed["config_version"], changed["limits"]["document_quota"]) == (2, 9)
    assert by_key(acme).get(QUOTA).json()["documents"]["limit"] == 9
    back = patch(operator, admin("acme"), {"document_quota": None, "expected_version": 2}).json()
    assert (back["config_version"], back["limits"]["document_quota"]) == (3, 1_000_000)
    stale = patch(operator, admin("acme"), {"document_quota": 1, "expected_version": 2})
    assert assert_problem(stale, 409, "VERSION_CONFLICT")["current_version"] == 3
    assert operator.get(admin("globex")).json()["config_version"] == 1
    history = operator.get(admin("acme", "configuration-history")).json()
    assert [(entry["version"], entry["actor"]) for entry in history] == [
        (3, "operator:olga"), (2, "operator:olga"),
    ]  # fmt: skip
    assert history[1]["changed"][0] == {"field": "document_quota", "old": 1_000_000, "new": 9}
    assert operator.get(admin("globex", "configuration-history")).json() == []


@pytest.mark.parametrize(
    ("body", "field", "told"),
    [
        ({"document_quota": 0}, "document_quota", "from 1 to 100000000"),
        ({"rate_audit_per_minute": 10**6}, "rate_audit_per_minute", "from 1 to 100000"),
        ({"storage_quota_gb": "lots"}, "storage_quota_gb", "integer"),
        ({"pii_policy": "flag"}, "pii_policy", "Unknown field"),
        ({"expected_version": 0}, "expected_version", "greater"),
    ],
)
def test_limits_out_of_range_are_refused_by_name(
    operator: Caller, acme: Tenant, globex: Tenant, body: Any, field: str, told: str
) -> None:
    problem = assert_problem(patch(operator, admin("acme"), body), 400, "VALIDATION_ERROR")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert told in problem["errors"][0]["constraint"]
    assert operator.get(admin("acme")).json()["config_version"] == 1


def test_tenants_may_not_change_their_limits(
    acme: Tenant, globex: Tenant, by_key: KeyCaller, by_session: StaffCaller
) -> None:
    for caller in (by_key(acme, host="localhost"), by_key(globex, host="localhost")):
        assert patch(caller, admin("acme"), {"document_quota": 9}).status_code == 404
        assert caller.get(admin("acme", "configuration-history")).status_code == 404
    assert by_session(acme).get(admin("acme")).status_code == 404
    acme.refresh_from_db()
    assert acme.config_version == 1


def test_the_schema_of_the_configuration_is_there(operator: Caller, db: None) -> None:
    assert operator.get("/api/v1/admin/configuration-schema").json() == configuration_schema()


def test_every_limit_can_be_seen_and_changed() -> None:
    assert set(TenantLimitsSerializer().fields) == set(QUOTA_FIELDS)
    assert set(TenantQuotasChangeSerializer().fields) == {*QUOTA_FIELDS, "expected_version"}
