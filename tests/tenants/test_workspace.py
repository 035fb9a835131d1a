"""Temporary files: each tenant's in a folder of its own, without a name, gone with their holder."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from tenants.models import Scope, Tenant
from tenants.routing import TenantRoutingMiddleware
from tenants.services import api_key_issue
from tenants.workspace import (
    WorkspaceUploadHandler,
    workspace_folder,
    workspace_remove,
    workspace_spool,
)
from tests.conftest import ACTOR

DATA = b"what is being handed in" * 10_000


@pytest.fixture(autouse=True)
def work(settings: Settings, tmp_path: Path) -> Path:
    """The work folder of one test."""
    settings.WORK_FOLDER = str(tmp_path / "work")
    return tmp_path / "work"


def place_of(stream: object) -> Path:
    """Return the folder that an open file lies in, as the kernel tells it."""
    return Path(f"/proc/self/fd/{stream.fileno()}").readlink().parent  # type: ignore[attr-defined]


def names_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


def mode_of(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def test_each_tenant_has_a_folder_that_only_we_may_enter(
    acme: Tenant, globex: Tenant, work: Path
) -> None:
    folders = [workspace_folder(tenant.schema_name) for tenant in (acme, globex)]
    assert folders == [work / acme.schema_name, work / globex.schema_name]
    assert [mode_of(folder) for folder in (work, *folders)] == [0o700] * 3
    workspace_remove(acme.schema_name)
    workspace_remove(acme.schema_name)
    assert list(work.iterdir()) == [folders[1]]


def by_host(tenant: Tenant) -> dict[str, str]:
    return {"HTTP_HOST": f"{tenant.slug}.localhost"}


def by_key(tenant: Tenant) -> dict[str, str]:
    _key, text = api_key_issue(tenant=tenant, name="upload", scopes=[Scope.INGEST], actor=ACTOR)
    return {"HTTP_HOST": "localhost", "HTTP_AUTHORIZATION": f"Bearer {text}"}


def received(headers: dict[str, str], read: Callable[[HttpRequest], None]) -> None:
    """Route a request with a file in its body, and read it as a view would."""

    def view(request: HttpRequest) -> HttpResponse:
        read(request)
        return HttpResponse()

    body = {"file": SimpleUploadedFile("cranes.txt", DATA)}
    request = RequestFactory().post("/anywhere", body, **headers)  # type: ignore[arg-type]
    assert TenantRoutingMiddleware(view)(request).status_code == 200


@pytest.mark.parametrize("headers_of", [by_host, by_key])
def test_an_upload_is_written_into_its_tenants_folder(
    acme: Tenant, globex: Tenant, work: Path, headers_of: Callable[[Tenant], dict[str, str]]
) -> None:
    seen: list[Path] = []

    def read(request: HttpRequest) -> None:
        file = request.FILES["file"]
        assert isinstance(file, UploadedFile)
        assert (file.name, file.size, file.read()) == ("cranes.txt", len(DATA), DATA)
        assert names_under(work) == []
        seen.append(place_of(file))

    for tenant in (acme, globex, acme):
        received(headers_of(tenant), read)
    assert seen == [work / tenant.schema_name for tenant in (acme, globex, acme)]


def test_what_comes_for_no_tenant_is_in_no_tenants_folder(
    acme: Tenant, globex: Tenant, work: Path
) -> None:
    seen: list[Path] = []
    received(
        {"HTTP_HOST": "localhost"}, lambda request: seen.append(place_of(request.FILES["file"]))
    )
    assert seen == [work / "public"]


def test_an_upload_that_breaks_off_leaves_nothing(acme: Tenant, globex: Tenant, work: Path) -> None:
    for tenant in (acme, globex):
        request = HttpRequest()
        request.tenant = tenant  # type: ignore[attr-defined]
        handler = WorkspaceUploadHandler(request)
        handler.upload_interrupted()
        handler.new_file("file", "cranes.txt", "text/plain", len(DATA))
        handler.receive_data_chunk(DATA, 0)
        handler.upload_interrupted()
        assert handler.file.closed
    assert names_under(work) == []


def test_a_spool_moves_to_the_tenants_folder_and_outlives_it(
    acme: Tenant, globex: Tenant, work: Path
) -> None:
    for tenant in (acme, globex):
        with workspace_spool(tenant.schema_name, memory_bytes=1000) as spool:
            spool.write(DATA)
            assert place_of(spool) == work / tenant.schema_name
            workspace_remove(tenant.schema_name)
            spool.seek(0)
            assert spool.read() == DATA
    assert list(work.iterdir()) == []
