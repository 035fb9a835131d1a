"""`python -m tests.chaos [EXPERIMENT ...]`: each in a home of its own, and a table at the end."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from frostbyte.embedded.children import die_with_parent
from frostbyte.embedded.endpoints import OWN_SERVICES
from frostbyte.embedded.home import home_create, secrets_ensure
from frostbyte.settings.env import PROJECT_DIR
from tests.chaos.programs import FAKETIME

NAMES: Final = (
    "kill", "valkey", "postgres", "objects", "disk", "clock", "neighbour", "memory", "hostile",
)  # fmt: skip
LEASE_SECONDS: Final = "4"


def main() -> int:
    """Run the experiments one after another; returns 1 where anything was lost or missed."""
    options = _options()
    findings: list[dict[str, Any]] = []
    failed = False
    for name in options.experiments or NAMES:
        if reason := _why_not(name):
            print(f"{name}: left out: {reason}")  # noqa: T201
            continue
        made = _run(name, options)
        failed = failed or made is None
        findings.extend(made or [])
    from tests.chaos.report import is_good, told

    print(told(findings))  # noqa: T201 - what the command is for
    if options.json:
        Path(options.json).write_text(json.dumps(findings, indent=2) + "\n")
    return 0 if not failed and all(is_good(each) for each in findings) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("experiments", nargs="*", choices=[*NAMES, []], metavar="EXPERIMENT",
                        help=", ".join(NAMES))  # fmt: skip
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--queued", type=int, default=2000, help="of the noisy neighbour")
    parser.add_argument("--hostile", type=int, default=1000, help="how many hostile files")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--json", default="", help="write the findings to this file")
    parser.add_argument("--keep", action="store_true", help="leave homes and logs where they are")
    parser.add_argument("--in-home", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def _run(name: str, options: argparse.Namespace) -> list[dict[str, Any]] | None:
    """Run one experiment in a process of its own; None where it could not be done."""
    with _home(name, keep=options.keep) as home:
        result = home / "finding.json"
        command = [
            *_own_mounts(name),
            *(sys.executable, "-m", "tests.chaos", name, "--in-home", str(home)),
            *("--kills", str(options.kills), "--documents", str(options.documents)),
            *("--repetitions", str(options.repetitions), "--queued", str(options.queued)),
            *("--seed", str(options.seed), "--hostile", str(options.hostile)),
            *("--json", str(result)),
        ]
        variables = {**os.environ, **dict.fromkeys(OWN_SERVICES, ""), "FROSTBYTE_HOME": str(home),
                     "DJANGO_SETTINGS_MODULE": "frostbyte.settings.dev",
                     "FROSTBYTE_LEASE_SECONDS": LEASE_SECONDS}  # fmt: skip
        subprocess.run(
            command, cwd=PROJECT_DIR, env=variables, check=False, preexec_fn=die_with_parent()
        )
        return json.loads(result.read_text()) if result.exists() else None


def _why_not(name: str) -> str:
    """Return why an experiment cannot be done here, or an empty text."""
    if name == "disk" and not (os.geteuid() == 0 and shutil.which("unshare")):
        return "a small file system to fill is mounted by root only"
    if name == "clock" and not FAKETIME.exists():
        return "Debian's libfaketime is not installed"
    return ""


def _own_mounts(name: str) -> Sequence[str]:
    """Return what gives the process mounts of its own, which end with it: for a disk to fill."""
    return ("unshare", "--mount", "--propagation", "private") if name == "disk" else ()


@contextmanager
def _home(name: str, *, keep: bool) -> Iterator[Path]:
    """Give a folder whose servers are stopped, and which is removed, however this process ends."""
    home = home_create(Path(tempfile.mkdtemp(prefix=f"frostbyte-chaos-{name}-")))
    if keep:
        print(f"{name}: {home}")  # noqa: T201
        yield home
        return
    secrets_ensure(home)
    guard = subprocess.Popen(
        [sys.executable, "-m", "tests.guard", str(home)],
        stdin=subprocess.PIPE, cwd=PROJECT_DIR, start_new_session=True,
    )  # fmt: skip
    try:
        yield home
    finally:
        if guard.stdin is not None:
            guard.stdin.close()
        guard.wait(timeout=60)


if __name__ == "__main__":
    if "--in-home" in sys.argv:
        from tests.chaos.inside import run

        run(_options())
        sys.exit(0)
    sys.exit(main())
