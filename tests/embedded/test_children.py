"""Child processes: started again, stopped for certain, gone with their parent."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from frostbyte.embedded import children
from frostbyte.embedded.children import Child, Program
from frostbyte.embedded.merged_log import MergedLog
from frostbyte.settings.env import PROJECT_DIR


def child(code: str, log: io.StringIO, *, stop: tuple[tuple[int, float], ...] = ()) -> Child:
    program = Program(
        "sample",
        (sys.executable, "-c", textwrap.dedent(code)),
        stop_signals=stop or ((signal.SIGTERM, 5.0),),
    )
    return Child(program, log=MergedLog(log), variables={"SAMPLE": "given"})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (what is waited for is another process)
            await asyncio.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_output_is_relayed_line_by_line_after_the_name() -> None:
    log = io.StringIO()
    code = asyncio.run(
        child("import os; print(os.environ['SAMPLE']); print('two'); raise SystemExit(3)", log)
        .run_once()
    )  # fmt: skip
    assert code == 3
    assert log.getvalue() == "sample    │ given\nsample    │ two\n"


def test_a_line_past_all_bounds_does_not_stop_the_relay() -> None:
    log = io.StringIO()
    asyncio.run(child("print('x' * 3_000_000); print('after')", log).run_once())
    assert log.getvalue().endswith("│ after\n")


def test_a_child_that_dies_is_started_again_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(children, "FIRST_DELAY_SECONDS", 0.01)
    log = io.StringIO()

    async def scenario() -> None:
        sample = child("import os; os.kill(os.getpid(), 9)", log)
        running = asyncio.create_task(sample.keep_running())
        await until(lambda: log.getvalue().count("killed by SIGKILL") >= 2)
        await sample.stop()
        running.cancel()

    asyncio.run(scenario())
    assert "sample ended (killed by SIGKILL); it starts again in" in log.getvalue()


def test_stop_ends_a_child_that_ignores_the_first_signal() -> None:
    log = io.StringIO()
    code = """
        import signal, time
        signal.signal(signal.SIGTERM, lambda *_: print("ignored", flush=True))
        print("up", flush=True)
        while True:
            time.sleep(1)
    """

    async def scenario() -> None:
        stop = ((signal.SIGTERM, 0.2), (signal.SIGQUIT, 5.0))
        sample = child(code, log, stop=stop)
        running = asyncio.create_task(sample.keep_running())
        await until(lambda: "up" in log.getvalue())
        await sample.stop()
        await running

    asyncio.run(scenario())
    assert "ignored" in log.getvalue()
    assert "starts again" not in log.getvalue()


def test_what_a_killed_child_left_running_is_ended_with_it() -> None:
    log = io.StringIO()
    code = """
        import os, subprocess, sys
        left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print(left.pid, flush=True)
        os.kill(os.getpid(), 9)
    """
    asyncio.run(child(code, log).run_once())
    left = int(log.getvalue().split("│")[1])
    deadline = time.monotonic() + 10
    while is_alive(left) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(left)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent_code = f"""
        import asyncio, sys
        from pathlib import Path
        from frostbyte.embedded.children import Child, Program
        from frostbyte.embedded.merged_log import MergedLog
        code = "import os, time; open({str(tmp_path / "pid")!r}, 'w').write(str(os.getpid())); " \\
            "time.sleep(60)"
        program = Program("sample", (sys.executable, "-c", code))
        asyncio.run(Child(program, log=MergedLog(), variables={{}}).run_once())
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(parent_code)], cwd=PROJECT_DIR)
    written = tmp_path / "pid"
    asyncio.run(until(lambda: written.exists() and written.read_text() != ""))
    pid = int(written.read_text())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    asyncio.run(until(lambda: not is_alive(pid)))
