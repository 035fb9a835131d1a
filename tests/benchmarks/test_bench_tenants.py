"""The benchmark of many tenants, with two, through servers of its own."""

import json
import subprocess
import sys

from tests.conftest import PROJECT_DIR


def test_two_tenants_are_made_asked_migrated_and_swept() -> None:
    finished = subprocess.run(
        [sys.executable, "manage.py", "bench_tenants", "--counts", "1,2", "--json"],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    figures = json.loads(finished.stdout)
    one, two = figures["counts"]

    assert (one["tenants"], two["tenants"]) == (1, 2)
    assert figures["ratios"][0] == [1, 1.0, 1.0]
    assert {"role", "schema", "bucket"} <= set(figures["steps"])
    assert min(two[name] for name in two) > 0
    assert figures["migrate_all"] > 0
