"""The project's own samples: made the same again, parsed the same again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from frostbyte.kernel.hashing import sha256_hex
from processing.canonical import ParsedDocument, decode, encode
from tests.parsers.conftest import Parse, parse_bytes
from tests.parsers.invariants import check, check_boxes
from tests.samples.make import FOLDER, QUESTIONS, canonical_of, files, golden_path

MADE = dict(files())
DOCUMENTS = sorted(path for path in MADE if path != QUESTIONS)
PROJECT_DIR = Path(__file__).resolve().parents[2]
PRINT_HASHES = """
from tests.parsers.test_samples import hashes
print("\\n".join(hashes()))
"""


def hashes() -> list[str]:
    """Return the hash of each sample's canonical JSON."""
    return [sha256_hex(encode(parse_bytes(path, MADE[path]))) for path in DOCUMENTS]


@pytest.mark.parametrize("path", sorted(MADE))
def test_making_a_sample_again_gives_the_file_that_is_kept(path: str) -> None:
    assert (FOLDER / path).read_bytes() == MADE[path]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_canonical_json_is_the_golden_one(path: str) -> None:
    # Changed on purpose? Raise the parser's version, run `python -m tests.samples.make --golden`.
    assert canonical_of(path, MADE[path]).decode() == golden_path(path).read_text()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_sample_keeps_every_promise_of_the_canonical_document(path: str, parse: Parse) -> None:
    document = parse(path, MADE[path])
    check(document)
    assert document.stats.sections >= (0 if path.endswith(".csv") else 1)
    if path.endswith(".pdf"):
        check_boxes(document)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_canonical_json_reads_back_as_it_was(path: str, parse: Parse) -> None:
    document = parse(path, MADE[path])
    assert decode(encode(document), ParsedDocument) == document


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_gives_the_same_bytes(seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", PRINT_HASHES], cwd=PROJECT_DIR, env=environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == hashes()


def test_each_answer_stands_where_its_question_says(parse: Parse) -> None:
    for line in MADE[QUESTIONS].decode().splitlines():
        question = json.loads(line)
        words = question["text_contains"]
        holders = {
            (path, chunk.page)
            for path in DOCUMENTS
            for chunk in parse(path, MADE[path]).chunks
            if words.casefold() in " ".join(chunk.text.split()).casefold()
        }
        own = {(path, page) for path, page in holders if path.startswith(question["tenant"])}
        if question["path"] is None:
            assert holders
            assert not own
        else:
            assert (question["path"], question["page"]) in own
