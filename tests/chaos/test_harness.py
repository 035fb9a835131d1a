"""The whole of it, small: two workers die, and every document comes to its end."""

import json
import subprocess
import sys
from pathlib import Path

from processing.pipeline import STAGE_NAMES
from tests.chaos.documents import FORMATS, small_documents
from tests.conftest import PROJECT_DIR


def test_documents_differ_and_come_in_every_format() -> None:
    files = small_documents("note", 2 * len(FORMATS))
    assert len({data for _name, data in files}) == len(files)
    assert {name.rpartition(".")[2] for name, _data in files} == set(FORMATS)
    assert files == small_documents("note", 2 * len(FORMATS))


def test_two_killed_workers_lose_nothing(tmp_path: Path) -> None:
    told = tmp_path / "findings.json"
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "tests.chaos", "kill", "--kills", "2"),
            *("--documents", "10", "--json", str(told)),
        ],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    (finding,) = json.loads(told.read_text())
    result = finding["verdict"]

    assert finding["repetitions"] == 2
    assert result["documents"] >= 10
    assert (result["lost"], result["doubled"], result["stuck"]) == (0, 0, 0), result["found"]
    assert set(finding["figures"]["stages_cut_off"]) == set(STAGE_NAMES)
    assert "worker killed" in finished.stdout
