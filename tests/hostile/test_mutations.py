"""Mutated files through the API and the pipeline: an answer for each, and an end for each."""

import pytest

from intake.models import Document
from processing.models import OPEN_STATES
from processing.runner import run_advance
from processing.services import run_start
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.api.conftest import Caller, host_of, new_key
from tests.hostile.mutations import MUTATIONS, hostile_files, mutated, sound_files

COUNT = 36
SOUND = sound_files()
FILES = list(mutated(COUNT, seed=11, sound=SOUND))


def test_a_seed_gives_the_same_files_again() -> None:
    assert list(mutated(COUNT, seed=11, sound=SOUND)) == FILES
    assert list(mutated(COUNT, seed=12, sound=SOUND)) != FILES
    made = {name.split("-")[1].split(".")[0] for name, _data in FILES}
    assert made == {mutate.__name__ for mutate in MUTATIONS}
    assert len(list(hostile_files(5, seed=1))) == 5


@pytest.mark.parametrize(("filename", "data"), FILES, ids=[name for name, _data in FILES])
def test_a_mutated_file_has_a_receipt_and_an_end(
    acme: Tenant, globex: Tenant, filename: str, data: bytes
) -> None:
    response = Caller(host_of(acme), new_key(acme)).hand_in(filename, data)
    told = response.json()
    assert response.status_code < 500, told
    if response.status_code != 202:
        # An empty part of a form is no file: there is nothing to give a receipt for.
        assert told.get("receipt_id") or not data, told
        assert told["remediation"]
        return
    with tenant_context(acme):
        document = Document.objects.get(pk=told["document_id"])
        run = run_start(tenant=acme, document=document)
        for _attempt in range(5):
            run = run_advance(tenant=acme, run_id=run.pk)
        assert run.state not in OPEN_STATES, run.error_code
        assert run.state == "published" or run.remediation
    with tenant_context(globex):
        assert not Document.objects.exists()
