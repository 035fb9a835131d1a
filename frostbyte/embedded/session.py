"""One run of `manage.py up`: servers, upgrade, web server, worker and beat, until told to stop."""

import asyncio
import fcntl
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from frostbyte.embedded.children import Child, Program
from frostbyte.embedded.endpoints import Endpoints, load_endpoints
from frostbyte.embedded.errors import AlreadyUpError, UpgradeFailedError
from frostbyte.embedded.home import home_create, home_in_use, is_kept_running
from frostbyte.embedded.merged_log import MergedLog
from frostbyte.embedded.probe import is_ready, ready_status
from frostbyte.embedded.servers import EmbeddedServers
from frostbyte.embedded.stack import StackOptions, programs, upgrade
from frostbyte.embedded.upgraded import UpgradeStamp
from frostbyte.kernel.errors import FrostbyteError

READY_TIMEOUT_SECONDS: Final = 60.0
WATCH_SECONDS: Final = 5.0
_PROBE_SECONDS: Final = 0.1


class Session:
    """Everything in one event loop; `announce` is called once, with the seconds it took."""

    def __init__(
        self,
        servers: EmbeddedServers,
        options: StackOptions,
        *,
        database_url: str,
        log: MergedLog,
        announce: Callable[[float], None],
    ) -> None:
        """Prepare a run; `database_url` is the given database, or empty for the embedded one."""
        self._servers = servers
        self._options = options
        self._log = log
        self._announce = announce
        self._home = home_create(servers.home)
        self._stamp = UpgradeStamp(self._home, database_url=database_url)
        self._children = [self._child(item) for item in programs(options, home=self._home)]
        self._upgrade = self._child(upgrade(options))
        self._starting: asyncio.Task[tuple[str, ...]] | None = None
        self._began = time.monotonic() - _seconds_of_this_process()

    async def run(self) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP, then stop everything in order.

        Raises AlreadyUpError, UpgradeFailedError, or what starting the servers raises.
        """
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, asked.set)
        with _only_one(self._home), home_in_use(self._home) as is_last:
            waiting, work = asyncio.create_task(asked.wait()), asyncio.create_task(self._work())
            try:
                await asyncio.wait({waiting, work}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await self._stop_all(work, is_last=is_last)
            if not work.cancelled():
                _raise_first(work.exception())

    async def _work(self) -> None:
        """Start the servers, then upgrade and run the programs: at once where nothing is new."""
        await self._start_servers()
        async with asyncio.TaskGroup() as group:
            upgraded = group.create_task(self._bring_up_to_date())
            if not self._stamp.is_current():
                await upgraded
            for child in self._children:
                group.create_task(child.keep_running())
            group.create_task(self._announce_when_ready(upgraded))
            group.create_task(self._watch_servers())

    async def _start_servers(self) -> None:
        self._starting = asyncio.create_task(asyncio.to_thread(self._servers.start))
        started = await asyncio.shield(self._starting)
        if started:
            self._log.say(f"started {', '.join(started)} after {self._seconds():.1f} s")

    async def _bring_up_to_date(self) -> None:
        if await self._upgrade.run_once() != 0:
            raise UpgradeFailedError(
                "The database was not upgraded; the lines above say why.",
                remediation='See "Troubleshooting" in docs/operations.md.',
            )
        self._stamp.write()

    async def _announce_when_ready(self, upgraded: "asyncio.Task[None]") -> None:
        await upgraded
        status = 0
        while time.monotonic() - self._began < READY_TIMEOUT_SECONDS:
            status = await ready_status(self._options.port, host=self._options.host)
            if is_ready(status):
                self._announce(self._seconds())
                return
            await asyncio.sleep(_PROBE_SECONDS)
        self._log.warn(f"not ready after {READY_TIMEOUT_SECONDS:.0f} s (last answer: {status})")

    async def _watch_servers(self) -> None:
        """Start a server again that died; one that came back elsewhere restarts the programs."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            before = load_endpoints(self._home)
            try:
                revived = await asyncio.to_thread(self._servers.start)
            except FrostbyteError as error:
                self._log.warn(f"{error.code}: {error.message}")
                continue
            if revived:
                self._log.warn(f"{', '.join(revived)} had died and runs again")
            self._follow(before)

    def _follow(self, before: Endpoints) -> None:
        if load_endpoints(self._home) != before:
            self._log.warn("a server listens elsewhere now: restarting the programs")
            for child in self._children:
                child.restart()

    async def _stop_all(self, work: "asyncio.Task[None]", *, is_last: Callable[[], bool]) -> None:
        """Stop beat, then worker and web, then the servers unless others use or keep them."""
        self._log.say("stopping")
        work.cancel()
        await asyncio.wait({work})
        by_name = {child.program.name: child for child in [self._upgrade, *self._children]}
        for names in (("upgrade", "beat"), ("worker", "web")):
            await asyncio.gather(*(by_name[name].stop() for name in names if name in by_name))
        if self._starting is not None:
            with suppress(FrostbyteError):
                await self._starting
        if not is_kept_running(self._home) and is_last():
            await asyncio.to_thread(self._servers.stop)
        self._log.say("stopped")

    def _child(self, program: Program) -> Child:
        variables = {
            "FROSTBYTE_HOME": str(self._home),
            "FROSTBYTE_PORT": str(self._options.port),
        }
        return Child(program, log=self._log, variables=variables)

    def _seconds(self) -> float:
        return time.monotonic() - self._began


def _seconds_of_this_process() -> float:
    return time.time() - psutil.Process().create_time()


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    with (home / "up.lock").open("w") as stream:
        try:
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyUpError(
                f"Frostbyte is up already on {home}.",
                remediation="Stop the other `manage.py up`, or set another FROSTBYTE_HOME.",
            ) from error
        yield


def _raise_first(failure: BaseException | None) -> None:
    """Raise what went wrong: of several tasks that failed together, the first one's error."""
    if isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    if failure is not None:
        raise failure
