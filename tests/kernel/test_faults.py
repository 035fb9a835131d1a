"""A log line about an exception tells its kind and place, and nothing of what it was about."""

import io
import json
import logging
import logging.config
from collections.abc import Iterator

import pytest

from frostbyte.kernel.faults import exception_without_message, place_of, trace_of
from frostbyte.settings.logs import LOGGING

SECRET = "the patient's name is Mary"


def fault() -> Exception:
    """Return an error that came from another one, both with a message that must not be told."""
    with pytest.raises(RuntimeError) as caught:
        _break()
    return caught.value


def _break() -> None:
    try:
        json.loads(SECRET)
    except ValueError as cause:
        raise RuntimeError(SECRET) from cause


def test_the_place_is_in_our_own_code() -> None:
    error = fault()
    assert place_of(error).startswith("tests/kernel/test_faults.py:")
    assert place_of(error).endswith(" in _break")
    cause = error.__cause__
    assert cause is not None
    assert place_of(cause).endswith(" in _break")
    assert place_of(ValueError(SECRET)) == "unknown"


def test_the_trace_has_kinds_and_places_only() -> None:
    told = trace_of(fault()).splitlines()
    assert told[0] == "RuntimeError"
    assert "caused by JSONDecodeError" in told
    assert any(line.startswith("  at json/decoder.py:") for line in told)
    assert SECRET not in trace_of(fault())


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    assert trace_of(first) == "ValueError\ncaused by ValueError"


def test_lines_without_an_exception_stay_as_they_are() -> None:
    for given in ({}, {"exc_info": None}, {"exc_info": False}, {"exc_info": (None, None, None)}):
        assert exception_without_message(None, "", {"event": "e", **given}) == {"event": "e"}


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a handler with the product's own formatter writes."""
    target = io.StringIO()
    formatter = logging.config.DictConfigurator(LOGGING).configure_formatter(
        dict(LOGGING["formatters"]["structured"])
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(formatter)
    logger = logging.getLogger("tests.faults")
    logger.addHandler(handler)
    yield target
    logger.removeHandler(handler)


def test_the_log_has_no_message_of_an_exception(written: io.StringIO) -> None:
    logger = logging.getLogger("tests.faults")
    logger.error("request failed", exc_info=fault())
    try:
        raise RuntimeError(SECRET)
    except RuntimeError:
        logger.exception("again")
    lines = written.getvalue()
    assert lines.count("RuntimeError") == 2
    assert "test_faults.py" in lines
    assert SECRET not in lines
