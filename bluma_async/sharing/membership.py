"""
Take part in a database that processes share: once in each event loop that uses a client, and with its copies.

Rule 1: the database is joined at the first call. A database that cannot be used is an error of that call, before it
sends anything; the next call tries again.
Rule 2: connections belong to the event loop that opened them. A forked child joins by itself.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, List, Set

from bluma_async._runtime.log import logger
from bluma_async._runtime.loops import PerLoop
from bluma_async.errors import APIError, BlumaError, NetworkError
from bluma_async.sharing.listener import Listener
from bluma_async.sharing.local_turns import LocalTurns
from bluma_async.sharing.pacing import Pacer
from bluma_async.sharing.video_news import VideoNews
from bluma_async.stores.postgres.budget import PostgresBudget
from bluma_async.stores.postgres.creates import PostgresCreates
from bluma_async.stores.postgres.failures import ReplacedTablesError
from bluma_async.stores.postgres.member import Member
from bluma_async.stores.postgres.news import PostgresNews, publish_blocking
from bluma_async.stores.postgres.urls import mask_url

if TYPE_CHECKING:
    from bluma_async._runtime.clock import Clock
    from bluma_async._session.in_flight import InFlightCall

__all__ = ["Membership", "Participant"]

BUDGET_PATIENCE = 3.0  # seconds for which a lost connection to the budget is retried
AGAIN = 5.0  # seconds between two attempts to record an outcome
MISSED = 30.0  # seconds for which reads do without a database that could not be used


_ABANDONED: List[Any] = []


class Participant:
    """This process among those that share a database, in one event loop."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._joining: asyncio.Task[None] | None = None
        self._member: Member | None = None
        self._missed_at = -math.inf  # the moment at which the database was last missed
        self.pacers: Dict[str, Pacer] = {}
        self._news: VideoNews | None = None
        self._recording: Set[asyncio.Task[None]] = set()
        self.turns: LocalTurns = LocalTurns()
        self.checked: Dict[str, None] = {}  # fingerprints of keys that are known to belong to the account

    async def join(self) -> Member:
        """
        Return this process's part in the database; connect at the first call.

        Raises:
            BlumaError: The database cannot be used. Nothing was sent.
        """
        while self._member is None:
            if self._joining is None:
                self._joining = asyncio.ensure_future(self._join())
                self._joining.add_done_callback(_take_error)
            await asyncio.shield(self._joining)  # one attempt, and one error, for all calls that wait for it
        return self._member

    async def _join(self) -> None:
        try:
            self._member = await Member.join(self._url)
        finally:
            self._joining = None

    async def creates(self) -> PostgresCreates:
        """Return the creates of all processes."""
        return PostgresCreates(await self.join())

    async def pacer(self, fingerprint: str) -> Pacer:
        """Return the budget of a key."""
        member = await self.join()
        pacer = self.pacers.get(fingerprint)
        if pacer is None:
            budget = PostgresBudget(member, fingerprint, BUDGET_PATIENCE)
            pacer = self.pacers[fingerprint] = Pacer(budget, self._clock)
        return pacer

    async def video_news(self) -> VideoNews:
        """Return what other processes learn about videos."""
        member = await self.join()
        if self._news is None:
            news = PostgresNews(member.database)
            self._news = VideoNews(news, Listener(news), self._clock)
        return self._news

    def record_later(self, work: Callable[[], Awaitable[object]]) -> None:
        """Record the outcome of a create as soon as the database can be used again, as long as this process lives."""
        task = asyncio.ensure_future(self._record(work))
        self._recording.add(task)  # a loop refers to its tasks weakly
        task.add_done_callback(self._recording.discard)

    async def _record(self, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            await self._clock.sleep(AGAIN)
            try:
                if await work() is False:
                    logger.warning("A video that was returned to its caller is that of another create.")
            except ReplacedTablesError:
                pass  # the database that it belongs to is gone
            except BlumaError:
                continue
            return

    async def pace_read(self, fingerprint: str, call: InFlightCall, patience: float) -> None:
        """
        Wait for the place of a read in the budget. Reads cost nothing: they are sent also if the database is gone.

        Raises:
            RequestTimeoutError: The deadline of the call came first. Nothing was sent.
            RateLimitError: The budget is used up. Nothing was sent.
        """
        if self._clock.now() - self._missed_at < MISSED:
            return
        try:
            await (await self.pacer(fingerprint)).wait(call, patience)
        except (APIError, NetworkError):
            raise
        except BlumaError as problem:
            self._missed_at = self._clock.now()
            logger.warning("Reads are sent without the shared budget for %g s: %s", MISSED, problem)

    async def leave(self) -> None:
        """Give back what this process holds, and close the connections."""
        left = [*self._recording, *([] if self._joining is None else [self._joining])]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        news, self._news = self._news, None
        if news is not None:
            await news.close()
        member, self._member = self._member, None
        if member is not None:
            await member.leave()

    def abandon(self) -> None:
        """Close the connections without awaiting: their event loop, or the process that opened them, is another."""
        _ABANDONED.append(self._news)  # its tasks and its connection belong to a loop that does not run any more
        member, self._member = self._member, None
        if member is not None:
            member.abandon()


class Membership:
    """The part that a client and its copies take in a database."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = url
        self._clock = clock
        self._is_closed = False
        self._publishing: Set[asyncio.Task[None]] = set()
        self._held: PerLoop[Participant] = PerLoop(
            lambda: Participant(url, clock), Participant.leave, Participant.abandon
        )

    def __reduce__(self) -> tuple[object, ...]:
        if mask_url(self._url) != self._url:
            raise BlumaError(
                "A client whose shared= has a password cannot be pickled: a pickle may be stored or sent. Take the "
                "password from the variable PGPASSWORD, or make the client in the other process."
            )
        return Membership, (self._url, self._clock)

    async def get(self) -> Participant:
        """
        Return this process's part in the running event loop. Nothing is connected yet.

        Raises:
            BlumaError: The client is closed.
        """
        if self._is_closed:
            raise BlumaError("This client is closed, and nothing was sent. Make a new client, or close it later.")
        return await self._held.get()

    def publish(self, video_id: str, body: str, *, is_final: bool) -> None:
        """Tell other processes the state of a video. May be called from any thread; one without a loop waits for it."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            try:
                publish_blocking(self._url, video_id, body, is_final=is_final)
            except BlumaError as problem:
                logger.warning("Other processes poll video %s: %s", video_id, problem)
            return
        task = loop.create_task(self._publish(video_id, body, is_final=is_final))
        self._publishing.add(task)  # a loop refers to its tasks weakly
        task.add_done_callback(self._publishing.discard)

    async def _publish(self, video_id: str, body: str, *, is_final: bool) -> None:
        try:
            news = await (await self.get()).video_news()
            await news.news.publish(video_id, body, is_final=is_final)
        except BlumaError as problem:
            logger.warning("Other processes poll video %s: %s", video_id, problem)

    def find(self) -> Participant | None:
        """Return this process's part in the running event loop; None if it has none."""
        return self._held.find()

    async def close(self) -> None:
        """Leave the database in all event loops of this process, after what is being published in this one."""
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(task for task in self._publishing if task.get_loop() is loop), return_exceptions=True)
        self._is_closed = True
        await self._held.close()


def _take_error(joining: asyncio.Task[None]) -> None:
    """Take the error of an attempt to join, which nobody may have waited for: Python would report it otherwise."""
    if not joining.cancelled():
        joining.exception()
