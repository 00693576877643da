"""
Several processes of a user create the same videos, as redelivered and retried tasks do, and are killed meanwhile.

Each process generates every video once, with a key, on a client with `shared`. The incidents are those of workers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Set

import attrs

from benchmarks.fleet_kills import Fleet, Outcome, Run

if TYPE_CHECKING:
    import subprocess

__all__ = ["ClientsOutcome", "ClientsRun", "make_clients_fleet"]

GENERATE = """
import asyncio, os, random
from functools import partial
from bluma_async import AsyncBluma, errors
from bluma_async.stores.postgres.member import Member

TEMPLATES = ("ugc-text-overlay", "cat-explainer-v2", "rick-morty-explainer")

async def main():
    Member.join = partial(Member.join, lease=float(os.environ["LEASE"]))
    options = dict(timeout=float(os.environ["TIMEOUT"]), settle_time=float(os.environ["SETTLE"]))
    options.update(shared=os.environ["JOURNAL"], exclusive=os.environ["EXCLUSIVE"] == "1")
    numbers = list(range(int(os.environ["COUNT"])))
    random.shuffle(numbers)
    places = asyncio.Semaphore(int(os.environ["AT_ONCE"]))

    async def generate(number):
        context = {"prompt": f"job {number}"}
        while True:
            try:
                made = await client.videos.generate(context, TEMPLATES[number % 3], key=f"k{number}", poll_interval=0.5)
                return made.id
            except errors.AmbiguousCreateError:
                return "in_doubt"
            except errors.BlumaError as error:  # such as an outage: the task is retried
                print(f"k{number}", error, flush=True)
                await asyncio.sleep(1.0)

    async def work(number):
        async with places:
            outcome = await generate(number)
        with open(os.environ["OUT"] + f"-{os.getpid()}", "a") as outcomes:
            outcomes.write(f"{number} {outcome}\\n")

    async with AsyncBluma(os.environ["KEY"], os.environ["URL"], retry_delay=0.2, **options) as client:
        await asyncio.gather(*map(work, numbers))

asyncio.run(main())
"""


@attrs.define
class ClientsOutcome(Outcome):
    """The findings at the end of a run of clients."""

    several: int  # keys that had more than one video
    lost: int  # keys of which nobody learned an outcome

    def __str__(self) -> str:
        return f"{super().__str__()}; {self.several} keys with several videos, {self.lost} keys without an outcome"


class ClientsRun(Run):
    """One run of processes with plain clients."""

    def submit(self, **_: object) -> None:
        """Plan nothing: each process has every key."""

    def has_failed(self, process: subprocess.Popen[bytes]) -> bool:
        """Return whether a process ended before it had all its videos."""
        return process.poll() not in (None, 0)

    def is_over(self) -> bool:
        """Return whether every process has all its videos."""
        return all(process.poll() == 0 for process in self.workers)

    def count(self) -> Dict[str, int]:
        """Return how many keys have a video, or are in doubt."""
        outcomes = self._read_outcomes()
        done = sum(bool(found - {"in_doubt"}) for found in outcomes.values())
        return {"done": done, "in_doubt": len(outcomes) - done}

    def judge(self, seconds: float) -> Outcome:
        """Compare the sandbox's bills with the videos that the processes got."""
        prompts = self.read_prompts()
        bills = Counter(prompts.values())
        outcomes = self._read_outcomes()
        videos = {number: found - {"in_doubt"} for number, found in outcomes.items()}
        wrong = sum(prompts[one] != f"job {number}" for number, found in videos.items() for one in found)
        return ClientsOutcome(
            bills=sum(bills.values()),
            files=0,
            wrong=wrong,
            twice=sum(number > 1 for number in bills.values()),
            states=self.count(),
            seconds=seconds,
            done=dict(self.done),
            several=sum(len(found) > 1 for found in videos.values()),
            lost=self.fleet.jobs - len(outcomes),
        )

    def _read_outcomes(self) -> Dict[int, Set[str]]:
        outcomes: Dict[int, Set[str]] = defaultdict(set)
        for path in Path(self.out).parent.glob(f"{Path(self.out).name}-*"):
            for line in path.read_text().splitlines():
                number, outcome = line.split()
                outcomes[int(number)].add(outcome)
        return outcomes


def make_clients_fleet(**options: object) -> Fleet:
    """Return a fleet of processes that generate videos with keys."""
    fleet = Fleet(program=GENERATE, **options)  # type: ignore[arg-type]  # of several types
    fleet.environment = {**fleet.environment, "COUNT": str(fleet.jobs)}
    return fleet
