"""Files that would end their parser: it dies alone, the run says why, and the worker lives on."""

from dataclasses import replace
from io import BytesIO

import pytest

from frostbyte.sandbox import Limits
from intake.formats import PDF, TEXT
from processing import runner
from processing.models import Run, RunState
from processing.parsers import parse_document
from processing.parsers.confined import parse_confined
from processing.parsers.errors import EncryptedFileError, ParseMemoryError, ParseTimeoutError
from processing.pipeline import PIPELINE, stage_named
from processing.ports import ParseContext
from processing.rendering import PageNotDrawnError, render_confined
from processing.services import run_start
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.conftest import Receive
from tests.samples import hostile

LIMITS = Limits(memory_mb=1024, cpu_seconds=30)


def context_of(media_type: str) -> ParseContext:
    return ParseContext(raw_sha256="ab" * 32, media_type=media_type, filename="a file")


def words(count: int) -> bytes:
    return b"".join(b"word%d " % n for n in range(count))


def test_a_confined_parser_says_what_it_says_unconfined() -> None:
    text, context = b"# Cranes\n\nCrane four is closed.\n", context_of(TEXT)
    confined = parse_confined(BytesIO(text), context=context, limits=LIMITS)
    assert confined == parse_document(BytesIO(text), context=context)


def test_what_a_parser_refuses_is_told_as_it_was_raised() -> None:
    file = BytesIO(hostile.password_pdf())
    with pytest.raises(EncryptedFileError) as caught:
        parse_confined(file, context=context_of(PDF), limits=LIMITS)
    assert caught.value.remediation


def test_a_parser_that_wants_too_much_is_stopped() -> None:
    many = words(300_000)
    small = Limits(memory_mb=40, cpu_seconds=30)
    short = Limits(memory_mb=1024, cpu_seconds=1, wall_seconds=0.2)
    with pytest.raises(ParseMemoryError):
        parse_confined(BytesIO(many), context=context_of(TEXT), limits=small)
    with pytest.raises(ParseTimeoutError):
        parse_confined(BytesIO(many * 8), context=context_of(TEXT), limits=short)


def test_a_page_that_breaks_what_draws_it_is_not_drawn() -> None:
    tiny = Limits(wall_seconds=0.001)
    with pytest.raises(PageNotDrawnError):
        render_confined(BytesIO(hostile.plain_pdf()), page=1, limits=tiny)
    png = render_confined(BytesIO(hostile.plain_pdf()), page=1, limits=LIMITS)
    assert png.startswith(b"\x89PNG")


def test_a_memory_bomb_is_a_dead_letter_and_its_neighbour_is_not(
    acme: Tenant, globex: Tenant, receive: Receive, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = stage_named("parse")
    small = replace(parse, limits=Limits(memory_mb=40, cpu_seconds=30))
    stages = tuple(small if stage is parse else stage for stage in PIPELINE)
    monkeypatch.setattr(runner, "PIPELINE", stages)
    monkeypatch.setattr(runner, "stage_named", {stage.name: stage for stage in stages}.get)
    runs = []
    for name, data in (("bomb.txt", words(300_000)), ("note.txt", b"Crane four is closed.\n")):
        document = receive(acme, name, data).document
        assert document is not None
        with tenant_context(acme):
            run = run_start(tenant=acme, document=document)
            runs.append(runner.run_advance(tenant=acme, run_id=run.pk))
    bomb, note = runs
    assert (bomb.state, bomb.error_code) == (RunState.FAILED, "PARSE_MEMORY")
    assert bomb.is_dead_letter
    assert bomb.remediation
    assert note.state == RunState.PUBLISHED
    with tenant_context(globex):
        assert not Run.objects.exists()
