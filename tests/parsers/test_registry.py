"""The table of parsers, and the one way in."""

import gc
from io import BytesIO

import pytest

from processing import parsers
from processing.parsers import PARSERS, check_parsers, parse_document, parser_for
from processing.parsers.errors import CorruptFileError, EmptyFileError, UnsupportedMediaTypeError
from processing.ports import ParseContext
from tests.samples.make import MEDIA_TYPES


def test_every_sample_format_has_a_parser_that_claims_it() -> None:
    for media_type in MEDIA_TYPES.values():
        assert media_type in parser_for(media_type).media_types


def test_the_table_passes_its_own_check() -> None:
    assert check_parsers() == []


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (("text/plain", "processing.parsers.text.TextParser"), "processing.E010"),
        (("text/rtf", "processing.parsers.rtf.RtfParser"), "processing.E011"),
        (("text/rtf", "processing.parsers.text.Missing"), "processing.E011"),
        (("text/rtf", "processing.parsers.text.TextParser"), "processing.E012"),
        (("text/rtf", "pathlib.Path"), "processing.E012"),
    ],
)
def test_a_wrong_row_is_reported(
    row: tuple[str, str], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parsers, "PARSERS", (*PARSERS, row))
    assert [message.id for message in check_parsers()] == [code]


def test_an_unknown_media_type_is_refused_with_help() -> None:
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        parser_for("application/x-tar")
    assert caught.value.code == "UNSUPPORTED_FORMAT"
    assert caught.value.extra == {"media_type": "application/x-tar"}
    assert "PDF" in caught.value.remediation


def test_the_collector_runs_again_after_a_refusal() -> None:
    context = ParseContext(raw_sha256="0" * 64, media_type="application/pdf", filename="a.pdf")
    with pytest.raises(CorruptFileError):
        parse_document(BytesIO(b"%PDF-nothing"), context=context)
    assert gc.isenabled()


@pytest.mark.parametrize("media_type", sorted(MEDIA_TYPES.values()))
def test_an_empty_file_is_refused_in_every_format(media_type: str) -> None:
    context = ParseContext(raw_sha256="0" * 64, media_type=media_type, filename="empty")
    with pytest.raises(EmptyFileError):
        parse_document(BytesIO(b""), context=context)
