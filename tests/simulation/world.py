"""Everything that one run shares: virtual time, the model of the API, chance, strangers and the trace."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import List, Type, TypeVar

from bluma_async._wire.certainty import CertaintyPolicy
from tests.simulation.api import TEMPLATES, Api
from tests.simulation.conditions import Conditions
from tests.simulation.network import Network
from tests.simulation.virtual import VirtualClock, VirtualLoop

N = TypeVar("N", bound=Network)
WORLDS = itertools.count(1)
LIVE_KEY = "bluma_live_simulated"


class World:
    """One run's surroundings; `lines` is its trace, if it is wanted."""

    def __init__(self, seed: int, conditions: Conditions, policy: CertaintyPolicy, *, is_traced: bool = False) -> None:
        self.loop = VirtualLoop()
        self.base_url = f"http://run-{next(WORLDS)}/api/v1"  # runs share no evidence
        self.conditions = conditions
        self.policy = policy
        self.chance = random.Random(seed * 7919 + 1)
        self.api = Api(self.loop, conditions, random.Random(seed * 7919 + 2))
        self.lines: List[str] = []
        self._is_traced = is_traced
        self._networks: List[Network] = []
        self.strangers = 0
        self.kills = 0

    def trace(self, line: str) -> None:
        """Write a line of the trace."""
        if self._is_traced:
            self.lines.append(f"{self.loop.seconds:9.2f}  {line}")

    def clock(self, ahead: float | None = None) -> VirtualClock:
        """Return the clock of one process; it may be on a machine whose clock is so many seconds ahead."""
        return VirtualClock(self.loop, self.conditions.local_ahead if ahead is None else ahead)

    def network(self, name: str, kind: Type[N]) -> N:
        """Return the network of one process."""
        chance = random.Random(self.chance.random())
        made = kind(self.api, chance, lambda line: self.trace(f"[{name}] {line}"))
        self._networks.append(made)
        return made

    @property
    def creates(self) -> int:
        """How many creates were sent."""
        return sum(network.creates for network in self._networks)

    @property
    def faults(self) -> int:
        """How many of them had another fate than an answer."""
        return sum(network.faults for network in self._networks)

    async def estrange(self) -> None:
        """Create videos in other people's names, until cancelled."""
        while True:
            await asyncio.sleep(self.chance.expovariate(self.conditions.strangers / 60.0))
            self.strangers += 1
            video = self.api.create(
                {"template_id": self.chance.choice(TEMPLATES), "context": {"prompt": "stranger"}}, "stranger"
            )
            self.trace(f"a stranger made {video.id} ({video.template_id})")
