"""`python -m tests.benchmarks.sandbox`: what the process of its own costs a file's checks.

Each sample is checked in turn here and in a sandbox; the least of the repetitions is shown, since
whatever else runs on the machine only adds.
"""

import io
import time
from collections.abc import Callable
from typing import Final

from frostbyte.sandbox import sandboxed
from intake.checks.inspection import inspect, preload
from intake.formats import EXTENSIONS
from tests.samples.make import files

REPETITIONS: Final = 30
FUNCTION: Final = "intake.checks.inspection:inspect"


def least(check: Callable[[], object]) -> float:
    """Return the least time of the repetitions, in milliseconds."""
    taken = []
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        check()
        taken.append(time.perf_counter() - started)
    return min(taken) * 1000


def main() -> None:
    """Print a line for each sample of one tenant."""
    preload()
    print("sample, KB, here ms, sandbox ms")  # noqa: T201
    for path, data in files():
        if not path.startswith("acme/"):
            continue
        given = {"filename": path, "claimed": None, "allowlist": list(EXTENSIONS.values())}
        here = least(lambda d=data, g=given: inspect(io.BytesIO(d), g))  # type: ignore[misc]
        there = least(
            lambda d=data, g=given: sandboxed(  # type: ignore[misc]
                FUNCTION, g, files=[io.BytesIO(d)]
            )
        )
        print(f"{path}, {len(data) / 1000:.0f}, {here:.1f}, {there:.1f}")  # noqa: T201


if __name__ == "__main__":
    main()
