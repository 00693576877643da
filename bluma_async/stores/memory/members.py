"""
The memory that the members of a shared store have in common; each member stands for a process.

Rule: the shared memory has the one clock that decides who is alive, and how old a create is.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable, Dict, List, Tuple

import attrs

from bluma_async.stores.memory.tables import Tables
from bluma_async.stores.sharing import VideoOwner
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.stores.budget import BudgetState

__all__ = ["MemoryIntent", "SharedMemory", "Stray"]


@attrs.define
class MemoryIntent:
    """A create that was announced: who made it, who holds it now, and its outcome; None while it is open."""

    request_key: str
    place: int
    template_id: str | None
    epoch: int
    made_by: int
    price: int | None
    sent_at: float
    settles_after: float
    outcome: str | None = None
    video_id: str | None = None


@attrs.frozen
class Stray:
    """A paid video whose job another member had taken over."""

    place: int
    request_key: str | None
    video_id: str
    charged: int
    epoch: int


class SharedMemory:
    """
    Everything that the members share.

    Attributes:
        clock: Returns seconds; it decides who is alive, and how old a create is.
        tables: The jobs, their history and the ledger.
        presets: Private variants by template.
        workers: The end of each member's lease, by epoch.
        intents: The creates that were announced, the newest last.
        strays: The paid videos whose jobs had been taken over.
        turns: Pieces of periodic work: who does each, and until when nobody else does.
        deferred: When a job got its task, by place.
        budgets: The budget of each key with the moment it was written, by fingerprint.
        grants: Requests that a member has leased and not yet used, by fingerprint and epoch.
        max_credits: The credit limit that was agreed on.
        out: The folder that was agreed on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Set up an empty store."""
        self.clock = clock
        self.tables: Tables = Tables()
        self.presets: Dict[str, str] = {}
        self.workers: Dict[int, float] = {}
        self.intents: List[MemoryIntent] = []
        self.strays: List[Stray] = []
        self.turns: Dict[str, Tuple[int, float]] = {}
        self.deferred: Dict[int, float] = {}
        self.budgets: Dict[str, Tuple[float, BudgetState]] = {}
        self.grants: Dict[Tuple[str, int], int] = {}
        self.max_credits: float | None = None
        self.out: str | None = None

    def join(self, lease: float) -> int:
        """Return the number of a new member; no other one has ever had it."""
        epoch = len(self.workers) + 1
        self.workers[epoch] = self.clock() + lease
        return epoch

    def is_alive(self, epoch: int) -> bool:
        """Return whether a member's lease has not ended."""
        return epoch in self.workers and self.workers[epoch] >= self.clock()

    def find_stray(self, request_key: str | None) -> str | None:
        """Return the video that a frozen member has recorded for a create after it had lost the job."""
        mine = (stray.video_id for stray in self.strays if stray.request_key == request_key)
        unbilled = (video_id for video_id in mine if video_id not in self.tables.charged)
        return None if request_key is None else next(unbilled, None)

    def find_owner(self, video_id: str, request_key: str | None, epoch: int) -> VideoOwner:
        """Return the recorded facts about a video and a create; `request_key` is its `Idempotency-Key`."""
        own = [intent for intent in self.intents if intent.request_key == request_key]
        jobs = (job for job in self.tables.iterate() if job.state == JobState.IN_DOUBT)
        return VideoOwner(
            is_billed=video_id in self.tables.charged and all(intent.video_id != video_id for intent in own),
            is_stray=any(one.video_id == video_id and one.request_key != request_key for one in self.strays),
            is_candidate=any(video_id in job.candidates and job.request_key != request_key for job in jobs),
            is_mine=any(intent.epoch == epoch and intent.outcome is None for intent in own),
        )

    def find_open(self, place: int) -> MemoryIntent | None:
        """Return the open create of a job; None if it has none."""
        return next((entry for entry in self.intents if entry.place == place and entry.outcome is None), None)
