"""The benchmark, on a document small enough for a test, through servers and worker of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest

from processing.pipeline import STAGE_NAMES
from search.benchmark.measure import Measured, median_of
from search.benchmark.report import as_json, misses
from search.benchmark.workload import made_document

PROJECT_DIR = Path(__file__).resolve().parents[2]


def measured(
    *, total: float, embedding: float, names: float = 0.0, peak: float = 700.0
) -> Measured:
    return Measured(
        mode="default",
        pages=100,
        passages=50,
        tokens=9000,
        redactions=3,
        stages=dict.fromkeys(STAGE_NAMES, 1.0),
        total=total,
        worker_cpu=20.0,
        floor_embedding=embedding,
        floor_language_model=names,
        floor_cpu=16.0,
        worker_peak=peak,
        worker_total_peak=900.0,
    )


def test_made_document_has_its_pages_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    first, second = (made_document(tmp_path / name, pages=20) for name in ("a.pdf", "b.pdf"))
    document = pypdfium2.PdfDocument(first)
    text = document[14].get_textpage().get_text_range()

    assert len(document) == 20
    assert 2000 < len(text) < 5000
    assert first.read_bytes() == second.read_bytes()


def test_ratio_is_over_all_models_that_worked() -> None:
    assert measured(total=12.0, embedding=8.0, names=2.0).ratio == pytest.approx(1.2)
    assert measured(total=12.0, embedding=8.0).cpu_ratio == pytest.approx(1.25)
    assert measured(total=10.0, embedding=8.0).pages_per_second == pytest.approx(10.0)


def test_rounds_are_reduced_to_medians() -> None:
    rounds = [measured(total=total, embedding=8.0) for total in (30.0, 9.0, 10.0)]

    assert median_of(rounds) == measured(total=10.0, embedding=8.0)


def test_missed_targets_are_named_with_their_figures() -> None:
    assert misses([measured(total=10.0, embedding=8.0)]) == []
    (slow,) = misses([measured(total=10.1, embedding=8.0)])
    (large,) = misses([measured(total=9.0, embedding=8.0, peak=1600.0)])

    assert "1.26" in slow
    assert "1600 MB" in large


def test_json_holds_what_the_table_shows() -> None:
    made = as_json(
        [measured(total=10.0, embedding=8.0)], document="a.pdf", machine={}, reference=25.0
    )

    assert made["modes"][0]["ratio"] == pytest.approx(1.25)
    assert json.loads(json.dumps(made)) == made


def test_bench_measures_a_document_through_the_whole_system(tmp_path: Path) -> None:
    document = made_document(tmp_path / "small.pdf", pages=6)
    finished = subprocess.run(
        [
            *(sys.executable, "manage.py", "bench", str(document), "--json"),
            *("--mode", "off", "--mode", "default"),
        ],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    figures = json.loads(finished.stdout)
    off, default = figures["modes"]

    assert figures["document"] == "small.pdf"
    assert (off["pages"], off["redactions"]) == (6, 0)
    assert default["redactions"] > 0
    assert list(default["stages"]) == list(STAGE_NAMES)
    assert 0 < default["stages"]["embed"] < default["total"]
    assert default["floor"] == default["floor_embedding"] > 0
    assert default["worker_total_peak"] > default["worker_peak"] > 100
