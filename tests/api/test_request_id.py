"""Each request has an id: the caller's if it is sane, in the answer and on the log lines."""

import uuid

import pytest
import structlog
from django.http import HttpRequest, HttpResponse

from frostbyte.api.middleware import RequestIdMiddleware
from tests.api.conftest import Caller

LIVE = "/api/v1/health/live"


@pytest.mark.parametrize("given", ["a", "abc-123", "01J9.x_y:z-0", "f" * 128])
def test_a_sane_id_comes_back(given: str) -> None:
    assert Caller().get(LIVE, headers={"X-Request-ID": given})["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "-a", "a b", "ü", "a" * 129, "<script>", "a\tb", "a/b"])
def test_any_other_is_replaced_by_a_new_one(given: str) -> None:
    answered = Caller().get(LIVE, headers={"X-Request-ID": given})["X-Request-ID"]
    assert answered != given
    assert uuid.UUID(answered).version == 7


def test_two_requests_have_two_ids() -> None:
    assert Caller().get(LIVE)["X-Request-ID"] != Caller().get(LIVE)["X-Request-ID"]


def test_the_id_is_on_the_log_lines_of_its_request_only() -> None:
    seen = {}

    def view(request: HttpRequest) -> HttpResponse:
        structlog.contextvars.bind_contextvars(tenant="acme")
        seen.update(structlog.contextvars.get_contextvars())
        return HttpResponse(request.request_id)  # type: ignore[attr-defined]

    structlog.contextvars.bind_contextvars(left_behind="by the request before")
    request = HttpRequest()
    request.META["HTTP_X_REQUEST_ID"] = "mine"
    response = RequestIdMiddleware(view)(request)
    assert response.content == b"mine"
    assert seen == {"request_id": "mine", "tenant": "acme"}
    assert structlog.contextvars.get_contextvars() == {}


def test_an_error_bears_the_id_too() -> None:
    response = Caller(host="evil.example").get("/api/v1/documents", headers={"X-Request-ID": "x1"})
    assert response.status_code == 400
    assert response.json()["request_id"] == response["X-Request-ID"] == "x1"
