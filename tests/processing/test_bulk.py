"""Many files at once: each gets its outcome, and following them costs the same for any number."""

from pathlib import Path

from django.db import connection
from django.test.utils import CaptureQueriesContext

from processing.bulk import FileOutcome, _look, files_under, ingest_files
from processing.services import start_missing_runs
from tenants.context import tenant_context
from tenants.lifecycle.provisioning import tenant_provision
from tenants.models import Tenant
from tests.conftest import Receive
from tests.samples import hostile


def written(folder: Path) -> Path:
    (folder / "deep").mkdir()
    (folder / "one.txt").write_text("The crane on pier one is blue.\n")
    (folder / "same.txt").write_text("The crane on pier one is blue.\n")
    (folder / "deep" / "two.md").write_text("# Cranes\n\nThe crane on pier two is red.\n")
    (folder / "locked.pdf").write_bytes(hostile.password_pdf())
    (folder / ".hidden.txt").write_text("not this one\n")
    return folder


def test_every_file_has_an_outcome_and_a_reason(committed: None, tmp_path: Path) -> None:
    paths = list(files_under([written(tmp_path)]))
    for slug in ("bulk-one", "bulk-two"):
        tenant = tenant_provision(slug=slug, name="", actor="tester")
        changed: list[FileOutcome] = []
        with tenant_context(tenant):
            outcomes = ingest_files(
                tenant=tenant, paths=paths, actor="tester", on_change=changed.append
            )
        told = {each.path.name: (each.outcome, each.code, each.chunks) for each in outcomes}
        assert told == {
            "one.txt": ("published", "", 1),
            "same.txt": ("duplicate", "", 1),
            "two.md": ("published", "", 1),
            "locked.pdf": ("rejected", "ENCRYPTED_FILE", 0),
        }
        assert changed == outcomes


def test_looking_at_many_open_files_takes_as_many_queries_as_at_one(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    for tenant in (acme, globex):
        receipts = [receive(tenant, f"{n}.txt", f"Crane {n}.\n".encode()) for n in range(4)]
        outcomes = [FileOutcome(path=Path(each.filename), receipt=each) for each in receipts]
        with tenant_context(tenant):
            assert start_missing_runs(tenant=tenant) == len(receipts)
            counts = []
            for some in (outcomes[:1], outcomes):
                with CaptureQueriesContext(connection) as captured:
                    assert _look(some) == []
                counts.append(len(captured))
        assert counts[0] == counts[1] > 0
