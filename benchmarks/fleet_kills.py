"""
Several worker processes share one batch in PostgreSQL, and everything happens to them that can happen to processes.

Workers are killed and started again at random moments; one is stopped and woken again, one is cut off from PostgreSQL
while a create of it is out, and PostgreSQL itself is restarted at once. Then bills, files and wrong videos are counted.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Sequence, Type

import attrs

from benchmarks.fleet_programs import RUN
from bluma_async import AsyncBluma
from bluma_async.sandbox import Sandbox
from tests.proxy import Proxy

if TYPE_CHECKING:
    from tests.postgres import PostgresServer

TEMPLATES = ("ugc-text-overlay", "cat-explainer-v2", "rick-morty-explainer")


@attrs.define(kw_only=True)
class Fleet:
    """The events of a run, and their frequency."""

    jobs: int = 2000
    workers: int = 4
    kills: int = 20
    freeze: float = 60.0  # seconds for which one worker is stopped; 0: none is
    restarts: int = 1  # of PostgreSQL
    cuts: int = 1  # workers that are cut off from PostgreSQL during a create
    is_exclusive: bool = True
    at_once: int = 20
    timeout: float = 5.0
    settle: float = 3.0
    lease: float = 10.0
    between: float = 3.0  # seconds between two incidents, on average
    limit: float = 1500.0  # seconds
    seed: int = 1
    program: str = RUN
    environment: Dict[str, str] = attrs.Factory(dict)
    incidents: Sequence[Callable[[], None]] = ()  # others, such as a flushed broker


@attrs.define
class Outcome:
    """The findings at the end of a run."""

    bills: int
    files: int
    wrong: int
    twice: int
    states: Dict[str, int]
    seconds: float
    done: Dict[str, int]

    def __str__(self) -> str:
        incidents = ", ".join(f"{number} {name}" for name, number in self.done.items())
        counts = f"{self.bills} bills, {self.files} whole files, {self.wrong} wrong videos, {self.twice} billed twice"
        return f"{incidents}: {counts}; states {self.states} ({self.seconds:.0f} s)"


class Served:
    """A sandbox in a thread of its own, sped up."""

    def __init__(self, **settings: Any) -> None:
        fast: Dict[str, Any] = {"speed": 100, "render": False, "credits": 10**6, "rate_limit": 10**7}
        self.settings: Dict[str, Any] = {**fast, **settings}
        self.sandbox: Any = None
        self._ready, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        async with Sandbox(**self.settings) as self.sandbox:
            self._ready.set()
            await asyncio.get_running_loop().run_in_executor(None, self._stop.wait)

    def __enter__(self) -> Any:
        self._thread.start()
        self._ready.wait()
        return self.sandbox

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def signal_all(process: Any, number: int) -> None:
    """Send a signal to a worker and to the processes that it has started: its session is its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


class Run:
    """One run of a fleet."""

    def __init__(self, fleet: Fleet, server: PostgresServer, url: str, sandbox: Any, out: str) -> None:
        self.fleet = fleet
        self.server = server
        self.url = url
        self.sandbox = sandbox
        self.out = out
        self.chance = random.Random(fleet.seed)
        self.proxies = [Proxy(server.port) for _ in range(fleet.workers)]
        self.workers: List[Any] = [None] * fleet.workers
        self.done: Counter[str] = Counter()
        self.log = Path(f"{out}.log").open("ab")  # noqa: SIM115 - `end` closes it

    def submit(self, **options: Any) -> None:
        """Plan all jobs; `options` are those of the batch."""
        rows = [{"template_id": TEMPLATES[n % 3], "prompt": f"job {n}", "key": f"k{n}"} for n in range(self.fleet.jobs)]

        async def work() -> None:
            async with AsyncBluma(self.sandbox.live_key, self.sandbox.base_url) as client:
                await client.batch(self.url, out=self.out, **options).submit(rows)

        asyncio.run(work())

    def start(self, number: int) -> None:
        """Start a worker, or start it again."""
        fleet, journal = self.fleet, self.url.replace(f":{self.server.port}/", f":{self.proxies[number].port}/")
        chosen = {
            "KEY": self.sandbox.live_key, "URL": self.sandbox.base_url, "OUT": self.out, "JOURNAL": journal,
            "TIMEOUT": str(fleet.timeout), "SETTLE": str(fleet.settle), "LEASE": str(fleet.lease),
            "AT_ONCE": str(fleet.at_once), "EXCLUSIVE": str(int(fleet.is_exclusive)),
        }  # fmt: skip
        command = [sys.executable, "-c", fleet.program]
        environment = {**os.environ, **chosen, **fleet.environment}
        self.workers[number] = subprocess.Popen(
            command, env=environment, stdout=self.log, stderr=self.log, start_new_session=True
        )

    def count(self) -> Dict[str, int]:
        """Return the number of jobs in each state."""
        return dict(self.server.fetch(self.url, "SELECT state, count(*) FROM bluma_jobs GROUP BY state"))

    def is_over(self) -> bool:
        """Return whether no job is left."""
        return not set(self.count()) - {"saved", "failed", "in_doubt"}

    def has_failed(self, process: subprocess.Popen[bytes]) -> bool:
        """Return whether a worker has ended, which none does by itself."""
        return process.poll() is not None

    def incidents(self) -> List[Callable[[], None]]:
        """Return everything that is to happen, in a random order."""
        fleet = self.fleet
        chosen: List[Callable[[], None]] = [self.kill] * fleet.kills + [self.restart] * fleet.restarts
        chosen += [self.cut] * fleet.cuts + [self.freeze] * bool(fleet.freeze) + list(fleet.incidents)
        self.chance.shuffle(chosen)
        return chosen

    def kill(self) -> None:
        number = self.chance.randrange(len(self.workers))
        signal_all(self.workers[number], signal.SIGKILL)
        self.workers[number].wait()
        self.start(number)
        self.done["kills"] += 1

    def restart(self) -> None:
        self.server.stop(signal.SIGQUIT)
        time.sleep(0.5)
        self.server.start()
        self.done["restarts of PostgreSQL"] += 1

    def freeze(self) -> None:
        process = self.workers[self.chance.randrange(len(self.workers))]
        signal_all(process, signal.SIGSTOP)
        timer = threading.Timer(self.fleet.freeze, signal_all, (process, signal.SIGCONT))
        timer.daemon = True
        timer.start()
        self.done["freezes"] += 1

    def cut(self) -> None:
        """Cut a worker off from PostgreSQL as soon as a create of it is out, for longer than its lease."""
        number = self.chance.randrange(len(self.workers))
        query = (
            "SELECT 1 FROM bluma_intents JOIN bluma_workers w USING (epoch) WHERE outcome IS NULL AND w.name LIKE %s"
        )
        ends, name = time.monotonic() + 10, f"%:{self.workers[number].pid}"
        while time.monotonic() < ends and not self.is_over() and not self.server.fetch(self.url, query, name):
            time.sleep(0.005)
        self.proxies[number].cut()
        timer = threading.Timer(self.fleet.lease * 1.5, self.proxies[number].restore)
        timer.daemon = True
        timer.start()
        self.done["workers cut off"] += 1

    def go(self) -> Outcome:
        """Run to the end."""
        self.submit()
        began = time.monotonic()
        for number in range(self.fleet.workers):
            self.start(number)
        try:
            self.live(began)
            return self.judge(time.monotonic() - began)
        finally:
            self.end()

    def live(self, began: float) -> None:
        """Let everything happen, and start workers again that have ended, until no job is left."""
        incidents, due = self.incidents(), began + 2.0
        while time.monotonic() - began < self.fleet.limit:
            if incidents and time.monotonic() > due:
                incidents.pop()()
                due = time.monotonic() + self.chance.expovariate(1 / self.fleet.between)
            if not incidents and self.is_over():
                break
            for number in [number for number, process in enumerate(self.workers) if self.has_failed(process)]:
                self.start(number)
            time.sleep(0.2)

    def end(self) -> None:
        """End all processes."""
        for process in self.workers:
            signal_all(process, signal.SIGCONT)
            signal_all(process, signal.SIGKILL)
            process.wait()
        for proxy in self.proxies:
            proxy.close()
        self.log.close()

    def read_prompts(self) -> Dict[str, str]:
        """Return the prompt of each video that the sandbox has billed."""
        made = self.sandbox._running.videos.oldest_commit_first()  # noqa: SLF001 - prompts are shown nowhere
        return {row["id"]: row["prompt"] for row in made}

    def judge(self, seconds: float) -> Outcome:
        """Compare the sandbox's bills with the journal and with the files."""
        prompts = self.read_prompts()
        bills = Counter(prompts.values())
        rows = self.server.fetch(self.url, "SELECT key, video_id FROM bluma_jobs WHERE video_id IS NOT NULL")
        wrong = sum(prompts[video_id] != f"job {key[1:]}" for key, video_id in rows)
        files = [path for path in Path(self.out).glob("*.mp4") if path.read_bytes()[4:8] == b"ftyp"]
        twice = sum(number > 1 for number in bills.values())
        return Outcome(sum(bills.values()), len(files), wrong, twice, self.count(), seconds, dict(self.done))


def run_fleet(fleet: Fleet, server: PostgresServer, url: str, run_class: Type[Run] = Run) -> Outcome:
    """Run a fleet against a sandbox, and return what was found."""
    with Served() as sandbox, tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        out.mkdir()
        try:
            return run_class(fleet, server, url, sandbox, str(out)).go()
        finally:
            log = Path(f"{out}.log").read_text(errors="replace")
            if os.environ.get("FLEET_LOG"):
                Path(os.environ["FLEET_LOG"]).write_text(log)
