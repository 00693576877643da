"""
Define the port of a store that several processes share.

Rule: the store's clock alone decides who is alive, and how old a create is. Clocks of machines may be minutes apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Collection, List, Protocol, Sequence, Tuple

import attrs

if TYPE_CHECKING:
    from bluma_async._wire.certainty import Explained
    from bluma_async.stores.budget import Budget
    from bluma_async.stores.jobs import StoredJob

__all__ = ["BEATS", "DOUBT_MATTERS", "DUE_AGAIN", "LEASE", "FleetSharing", "Sharing", "VideoOwner"]

LEASE = 30.0  # seconds after its last sign of life for which a process holds its jobs
BEATS = 6  # renewals in the time of a lease
DUE_AGAIN = 2.0  # times of a lease after which a job whose task did nothing is due again
DOUBT_MATTERS = 3600.0  # seconds for which a create in doubt that has no candidates keeps the videos of its template


@attrs.frozen
class VideoOwner:
    """
    The facts that a store has about a video and a create.

    Attributes:
        is_billed: Whether it is recorded as the video of another create or job.
        is_stray: Whether it is recorded as a stray of another create.
        is_candidate: Whether it is a candidate of another create, which is in doubt.
        is_mine: Whether the create is open, and held by the process that asks.
    """

    is_billed: bool = False
    is_stray: bool = False
    is_candidate: bool = False
    is_mine: bool = False

    @property
    def is_anothers(self) -> bool:
        """
        Whether an answer with the video is another request's.

        While a create is open, others of its template wait: their candidates are older. Later ones may have its video.
        """
        return self.is_billed or self.is_stray or (self.is_mine and self.is_candidate)

    @property
    def is_known(self) -> bool:
        """Whether another create has the video, or may have it."""
        return self.is_billed or self.is_stray or self.is_candidate


class Sharing(Protocol):
    """Shares the jobs of a store among processes: each job has one holder, and a dead holder is replaced."""

    @property
    def epoch(self) -> int:
        """The number of this process; no other one has ever had it."""
        ...

    def find_budget(self, fingerprint: str) -> Budget:
        """Return the budget of a key, by its fingerprint."""
        ...

    async def claim(
        self, states: Sequence[str], except_for: Collection[int], held: Collection[int]
    ) -> StoredJob | None:
        """
        Claim the next free job of this run that is in one of these states; None if there is none.

        An open create of a dead process, of any run, comes first, as soon as a search can settle it. A claim is a sign
        of life: it begins a lease that has ended.

        Args:
            states: The states.
            except_for: Places of jobs that are left to others.
            held: Places of the jobs that this process works on. Others that it holds, because an answer of the store
                was lost, are claimed again before any other.
        """
        ...

    async def claim_one(self, place: int) -> StoredJob | None:
        """Claim one job; None if another process holds it, or if its create is open."""
        ...

    async def give_back(self, place: int) -> None:
        """Let other processes claim a job. One whose create is open stays with this process."""
        ...

    async def abandon(self, place: int) -> None:
        """Let other processes settle an open create of this one, as if this one had died."""
        ...

    async def is_over(self, states: Sequence[str], except_for: Collection[int]) -> bool:
        """
        Return whether no job of this run is left to work on, besides those that this process holds.

        Args:
            states: The states that the run works on. A job whose create is open counts too.
            except_for: Places of jobs that do not count.
        """
        ...

    async def touch(self, request_key: str) -> bool:
        """Note that a create is about to be sent; False if its intent is settled, or belongs to another process."""
        ...

    async def explain(self, video_ids: Sequence[str], request_key: str) -> Explained:
        """Return what all processes know about these videos, and whether an open create is still this process's."""
        ...

    async def is_anothers(self, video_id: str, request_key: str) -> bool:
        """Return whether the video that answers a create of this process is another create's (see `VideoOwner`)."""
        ...

    async def read_limit(self) -> float | None:
        """Return the credit limit that the processes have agreed on; None if there is none."""
        ...

    async def find_stray(self, request_key: str) -> str | None:
        """Return the video that a process has recorded for a create after it had lost the job."""
        ...

    async def pause(self, seconds: float) -> None:
        """Wait before the next claim."""
        ...


class FleetSharing(Sharing, Protocol):
    """Also says which jobs need a task, and which process does periodic work: a worker with an engine needs both."""

    async def list_due(self, states: Sequence[str], most: int) -> List[Tuple[int, str]]:
        """
        Return the place and state of jobs that are free, and that were not deferred in the last two times of a lease.

        An engine gets a task for each. A task that the engine forgets is due again after that time.
        """
        ...

    async def note_deferred(self, places: Sequence[int]) -> None:
        """Note that an engine has tasks for these jobs. Call it afterwards: until then, they stay due."""
        ...

    async def take_turn(self, name: str, seconds: float) -> bool:
        """Return whether this process does a piece of periodic work now; nobody does it again for so many seconds."""
        ...

    async def postpone(self, name: str, seconds: float) -> None:
        """Let the next turn of periodic work, if this process still has the turn, be so many seconds from now."""
        ...

    async def free(self) -> None:
        """Renew the lease of this process, and free the jobs of processes whose lease has ended."""
        ...

    async def postpone_settling(self, place: int, seconds: float) -> None:
        """Let nobody settle an open create for a while: its video cannot be searched for now."""
        ...

    def limit_retries(self, seconds: float) -> None:
        """Retry a lost store for at most so many seconds from now, in all calls together: this process ends."""
        ...
