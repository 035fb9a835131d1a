"""Callers of the API: holders of keys, people who are signed in, operators, and strangers."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from frostbyte.kernel.hashing import sha256_hex
from frostbyte.kernel.ids import derived_id, new_id
from intake.models import Document
from processing.models import Chunk, Run, RunState
from processing.services import run_start
from tenants.access.people import operator_create, staff_create
from tenants.access.roles import TENANT_ADMIN
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.services import api_key_issue

ALL_SCOPES = ("ingest", "query", "audit")
PASSWORD = "correct-horse-battery"
PUBLIC_HOST = "localhost"


class Caller(Client):
    """A test client that always comes by one host, with one key or none."""

    def __init__(self, host: str = PUBLIC_HOST, key: str = "", **options: Any) -> None:
        headers = {"Host": host, **({"Authorization": f"Bearer {key}"} if key else {})}
        super().__init__(headers=headers, raise_request_exception=False, **options)
        self.key = key

    def post_json(self, path: str, body: Any, **options: Any) -> Any:
        """POST a JSON body."""
        return self.post(path, body, content_type="application/json", **options)

    def hand_in(self, filename: str, data: bytes) -> Any:
        """POST one file to the documents."""
        return self.post("/api/v1/documents", {"file": SimpleUploadedFile(filename, data)})


KeyCaller = Callable[..., Caller]
StaffCaller = Callable[..., Caller]
Publish = Callable[..., Document]


def host_of(tenant: Tenant) -> str:
    """The host name of a tenant."""
    return f"{tenant.slug}.localhost"


def new_key(tenant: Tenant, scopes: Sequence[str] = ALL_SCOPES, **options: Any) -> str:
    """Issue a key of the tenant and return its text."""
    return api_key_issue(tenant=tenant, name="test", scopes=scopes, actor="tester", **options)[1]


@pytest.fixture
def by_key() -> KeyCaller:
    """A function that makes the holder of a new key, on the tenant's host or on another."""

    def _by_key(tenant: Tenant, *scopes: str, host: str = "") -> Caller:
        return Caller(host or host_of(tenant), new_key(tenant, scopes or ALL_SCOPES))

    return _by_key


@pytest.fixture
def by_session() -> StaffCaller:
    """A function that signs a new person in at a tenant's host."""

    def _by_session(tenant: Tenant, role: str = TENANT_ADMIN, **options: Any) -> Caller:
        user = staff_create(tenant=tenant, username=role, password=PASSWORD, role=role)
        caller = Caller(host_of(tenant), **options)
        with tenant_context(tenant):
            caller.force_login(user)
        return caller

    return _by_session


@pytest.fixture
def operator(db: None) -> Caller:
    """An operator who is signed in on the public host."""
    operator_create(username="olga", password=PASSWORD)
    caller = Caller()
    caller.force_login(User.objects.get(username="olga"))
    return caller


@pytest.fixture
def publish() -> Publish:
    """A function that puts a published document with the given passages into a tenant's rows."""

    def _publish(tenant: Tenant, filename: str, passages: Sequence[str]) -> Document:
        with tenant_context(tenant):
            document = Document.objects.create(
                filename=filename,
                media_type="text/plain",
                size_bytes=10,
                sha256=sha256_hex(filename.encode()),
                raw_key=f"raw/{filename}",
                uploaded_by="tester",
            )
            run = run_start(tenant=tenant, document=document)
            Chunk.objects.bulk_create(
                _chunk(run, ordinal, text) for ordinal, text in enumerate(passages)
            )
            run.state = RunState.PUBLISHED
            run.save(update_fields=["state"])
            document.published_run_id, document.published_at = run.pk, timezone.now()
            document.save(update_fields=["published_run_id", "published_at"])
        return document

    return _publish


def _chunk(run: Run, ordinal: int, text: str) -> Chunk:
    return Chunk(
        id=new_id(),
        chunk_id=_chunk_name(run, ordinal),
        run=run,
        document_id=run.document_id,
        ordinal=ordinal,
        text=text,
        sha256=sha256_hex(text.encode()),
        element_type="paragraph",
        page=1,
        start_char=0,
        end_char=len(text),
        section_path=["Part"],
    )


def _chunk_name(run: Run, ordinal: int) -> UUID:
    return derived_id(run.pk, ordinal)


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """Check the shape that every error has, and return its members."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    problem: dict[str, Any] = response.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["type"] == f"urn:frostbyte:problem:{code.lower().replace('_', '-')}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == response["X-Request-ID"] != ""
    assert isinstance(problem["remediation"], str)
    for breach in problem["errors"]:
        assert set(breach) == {"field", "value", "constraint"}
    assert ("WWW-Authenticate" in response) == (status == 401)
    return problem
