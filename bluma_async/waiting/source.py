"""What can be waited for, and who waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Hashable, Mapping, Protocol, Sequence, Tuple, TypeVar

import attrs

if TYPE_CHECKING:
    import asyncio
    import contextvars

    from bluma_async.errors import APIError
    from bluma_async.waiting.pace import Pace

__all__ = ["Entry", "Source", "Waiter"]

S = TypeVar("S")


class Source(Protocol[S]):
    """Where the states of jobs come from."""

    @property
    def group(self) -> Hashable:
        """What tells one account from another: jobs of one group are read together."""
        ...

    @property
    def at_once(self) -> int:
        """How many jobs one look can read."""
        ...

    async def look(self, job_ids: Sequence[str], within: float) -> Mapping[str, S | APIError | None]:
        """Read jobs' present states in full, in so many seconds at most; None for one that was not seen."""
        ...

    async def list_active(self, most_pages: int, within: float) -> tuple[Dict[str, S], int] | None:
        """
        Read the states of all jobs that are not finished, by their ids; and say how many requests that took.

        Returns None if there is no such list, or it has too many pages.
        """
        ...

    def learned(self, last: S | None, news: Any) -> S | None:
        """Return the state that news from elsewhere tell of; None if they only tell that it should be looked at."""
        ...

    def is_final(self, state: S) -> bool:
        """Whether it will not change any more."""
        ...

    def progress(self, state: S) -> int | None:
        """How far it is, in percent, if the server says so."""
        ...

    def timed_out(self, job_id: str, last: S | None, timeout: float) -> Exception:
        """Return the error for a wait that ended first."""
        ...

    def pace(self) -> Pace:
        """How fast one may ask."""
        ...


@attrs.define(eq=False, weakref_slot=False)
class Waiter:
    """
    Somebody who waits; moments are the clock's.

    `work` is what is being read in this one's name; nothing is while it `is_busy` with its own callback, for its hooks
    would have to wait.
    """

    poll_interval: float
    timeout: float
    ends: float
    hears_progress: bool
    context: contextvars.Context
    future: asyncio.Future[None]
    state: Any = None
    error: BaseException | None = None
    work: asyncio.Future[Any] | None = None
    is_busy: bool = False

    def tell(self, state: Any = None, error: BaseException | None = None) -> None:
        """Have news for it; in its event loop."""
        self.state, self.error = state, error
        if not self.future.done():
            self.future.set_result(None)


@attrs.define(eq=False, weakref_slot=False)
class Entry:
    """A job that somebody waits for; `is_unlisted` when it was not among the active ones, and is read by itself."""

    job_id: str
    due: float
    waiters: Tuple[Waiter, ...] = ()  # usually one; there may be ten thousand entries
    last: Any = None
    is_unlisted: bool = False

    @property
    def speaker(self) -> Waiter | None:
        """In whose name the job can be read now."""
        return next((waiter for waiter in self.waiters if not waiter.is_busy), None)

    @property
    def interval(self) -> float:
        """The seconds between two looks, as the most eager waiter wants it."""
        return min(waiter.poll_interval for waiter in self.waiters)

    @property
    def ends(self) -> float:
        """When the first of its waiters gives up."""
        return min(waiter.ends for waiter in self.waiters)

    def due_after(self, moment: float) -> None:
        """Look again at this moment, or when the first waiter gives up."""
        self.due = min(moment, self.ends)
