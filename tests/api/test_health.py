"""Probes are answered by any host name, and above all when something is down."""

from typing import Any

import pytest
from django.db import connection

from tenants.models import Tenant
from tenants.services import tenant_suspend
from tests.api.conftest import Caller, assert_problem

LIVE = "/api/v1/health/live"
READY = "/api/v1/health/ready"
NAMES = {"postgresql", "valkey", "objects", "master_key", "embedding_model"}
HOSTS = ["localhost", "acme.localhost", "nobody.localhost", "10.0.0.7:8000", "evil.example"]

# Nothing listens there.
DEAD_PORT = 9


@pytest.mark.parametrize("host", HOSTS)
def test_alive_on_any_host(host: str) -> None:
    response = Caller(host).get(LIVE)
    assert response.status_code == 200
    assert response.json() == {"status": "live"}


@pytest.mark.parametrize("host", HOSTS)
def test_ready_on_any_host(db: None, host: str) -> None:
    response = Caller(host).get(READY)
    assert response.status_code == 200, response.content
    told = response.json()
    assert told["status"] == "ready"
    assert set(told["checks"]) == NAMES
    for check in told["checks"].values():
        assert check["status"] == "up"
        assert check["latency_ms"] >= 0


def test_a_suspended_tenant_changes_nothing(acme: Tenant, globex: Tenant) -> None:
    tenant_suspend(tenant=acme, actor="tester")
    for host in ("acme.localhost", "globex.localhost"):
        assert Caller(host).get(READY).status_code == 200


def test_a_wrong_key_changes_nothing(db: None) -> None:
    assert Caller(key="fb_acme_0_0").get(READY).status_code == 200


def down(response: Any) -> set[str]:
    """Check that the answer is a problem that holds nothing secret; return who is down."""
    problem = assert_problem(response, 503, "SERVICE_UNAVAILABLE")
    assert set(problem["checks"]) == NAMES
    assert int(response["Retry-After"]) > 0
    for secret in ("Traceback", "password", "secret", "127.0.0.1", ".sock", "Error"):
        assert secret not in response.content.decode()
    return {name for name, check in problem["checks"].items() if check["status"] == "down"}


def test_valkey_is_down(db: None, settings: Any) -> None:
    settings.REDIS_URL = f"redis://:hunter2@127.0.0.1:{DEAD_PORT}"
    response = Caller().get(READY)
    assert down(response) == {"valkey"}
    assert "hunter2" not in response.content.decode()


def test_the_object_store_is_down(db: None, settings: Any) -> None:
    settings.S3_ENDPOINT_URL = f"http://127.0.0.1:{DEAD_PORT}"
    assert down(Caller().get(READY)) == {"objects"}


def test_the_object_store_knows_other_keys(db: None, settings: Any) -> None:
    settings.S3_SECRET_KEY = "not the one"
    assert down(Caller().get(READY)) == {"objects"}


def test_the_master_key_is_not_there(db: None, settings: Any) -> None:
    settings.MASTER_KEY_FILE = "/nowhere/master-key.txt"
    assert down(Caller().get(READY)) == {"master_key"}


def test_postgresql_is_down(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    # The check makes a connection of its own, so that the one of the test does not help it.
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", str(DEAD_PORT))
    for host in HOSTS:
        assert down(Caller(host).get(READY)) == {"postgresql"}
    assert Caller().get(LIVE).status_code == 200


def test_several_are_down(db: None, settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{DEAD_PORT}"
    settings.S3_ENDPOINT_URL = f"http://127.0.0.1:{DEAD_PORT}"
    assert down(Caller().get(READY)) == {"valkey", "objects"}


def test_other_methods(db: None) -> None:
    for path in (LIVE, READY):
        assert Caller("evil.example").head(path).status_code == 200
        assert_problem(Caller("evil.example").post(path), 405, "METHOD_NOT_ALLOWED")
