"""The state of one sandbox: one object of each kind, connected to each other."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any, Awaitable, Dict, List, Tuple

from aiohttp import web

from bluma_async.sandbox.activity import Activity
from bluma_async.sandbox.clock import Clock, ManualClock, RealClock, iso
from bluma_async.sandbox.creates import Creates, PendingCreate, create_view, restore_creates
from bluma_async.sandbox.cruelty import CurrentCruelty
from bluma_async.sandbox.destinations import Destinations
from bluma_async.sandbox.events import Events
from bluma_async.sandbox.faults import Faults
from bluma_async.sandbox.files import Files
from bluma_async.sandbox.idle import IdleConnections
from bluma_async.sandbox.keys import Keys, RateLimits
from bluma_async.sandbox.ledger import Ledger
from bluma_async.sandbox.luma.jobs import Jobs
from bluma_async.sandbox.outlook import Outlook
from bluma_async.sandbox.random_faults import RandomFaults
from bluma_async.sandbox.recorder import Recorder
from bluma_async.sandbox.rendering import make_renderer
from bluma_async.sandbox.request_log import RequestLog
from bluma_async.sandbox.strangers import Strangers
from bluma_async.sandbox.tables import Database, Table
from bluma_async.sandbox.videos import Videos
from bluma_async.sandbox.workers import Workers

if TYPE_CHECKING:
    from pathlib import Path

    from bluma_async.sandbox.settings import Settings

__all__ = ["STATE", "State"]


class State:
    """One account of the API, with all of its data."""

    def __init__(self, settings: Settings, folder: Path, database: Database) -> None:
        self.settings: Settings = settings
        self.database: Database = database
        self.meta: Table = Table("meta", database)
        self.clock: Clock = self._make_clock()
        self.cruelty: CurrentCruelty = CurrentCruelty(settings.make_cruelty())
        self.faults: Faults = Faults()
        self.request_log: RequestLog = RequestLog()
        self.recorder: Recorder = Recorder(is_active=settings.is_controllable)
        self.activity: Activity = Activity()
        self.stopping: asyncio.Event = asyncio.Event()
        self.keys: Keys = Keys(Table("key", database), self.clock)
        self.rate_limits: RateLimits = RateLimits(Table("window", database), self.clock)
        self.webhooks: Table = Table("webhook", database)
        deliveries, pending = Table("delivery", database), Table("pending", database)
        self.events: Events = Events(
            self.webhooks, deliveries, pending, self.clock, self.faults, settings.webhook_secret
        )
        self.ledger: Ledger = Ledger(Table("transaction", database), self.clock, self.events.publish, settings.credits)
        self.files: Files = Files(folder, self._load_secret(), self.clock)
        self._open_videos(database)
        self.variants: Table = Table("variant", database)
        self.collections: Table = Table("collection", database)
        self.assets: Table = Table("asset", database)
        self._apply_cruelty()
        self._connect()

    def _open_videos(self, database: Database) -> None:
        self.video_rows: Table = Table("video", database)
        self.job_rows: Table = Table("luma", database)
        self.videos: Videos = Videos(self.video_rows, self.clock, self.ledger, self.events, self.files)
        self.jobs: Jobs = Jobs(self.job_rows, self.clock, self.ledger, self.files)

    def _apply_cruelty(self) -> None:
        self.creates: Creates = Creates(self.videos, self.clock, self.cruelty)
        rows = self.videos.oldest_commit_first() if self.settings.honour_idempotency else []
        self.creates_by_key: Dict[str, PendingCreate] = restore_creates(rows)  # by Idempotency-Key
        self.strangers: Strangers = Strangers(self.videos, self.clock, self.cruelty, self._has_half)
        self.idle: IdleConnections = IdleConnections(self.clock, self.cruelty)
        self.random_faults: RandomFaults = RandomFaults(self.cruelty)
        self.last_answers: Dict[str, Tuple[int, bytes]] = {}  # route to its last success, for `stray_answer`

    def _connect(self) -> None:
        self.destinations: Destinations = Destinations(self.settings)
        renderer = make_renderer(prepared=not self.settings.render)
        self.workers: Workers = Workers(self.files, renderer, self.destinations, self.recorder, self.clock)
        self.outlook: Outlook = Outlook(
            self.clock, self.webhooks, self.events, self.videos, self.jobs, self.workers.settle_renders
        )
        self.events.send = self.workers.deliver
        self.videos.render = lambda row: self.workers.render(row, self.videos)
        self.jobs.render = lambda row: self.workers.render(row, self.jobs)
        self.keys.seed(self.settings.test_key, "Sandbox test key", "test", self.settings.hourly_limit)
        self.keys.seed(self.settings.live_key, "Sandbox live key", "production", self.settings.hourly_limit)

    def _has_half(self) -> bool:
        """Return whether more than half of the opening balance is left."""
        return self.ledger.balance > self.settings.credits / 2

    async def start(self) -> None:
        """Start the workers, and resume the videos, generations and deliveries of an earlier run."""
        await self.workers.start()
        self.events.resume()
        for row in self.videos.newest_first()[::-1]:
            self.videos.begin(row)
        for row in self.jobs.all():
            self.jobs.begin(row)
        self.strangers.restart()
        self.cruelty.listeners.append(self.strangers.restart)

    async def stop(self) -> None:
        """Cancel timers and workers; another start resumes from the tables."""
        self.stopping.set()
        self.strangers.stop()
        self.creates.stop()
        self.idle.stop()
        self.videos.stop()
        self.jobs.stop()
        self.events.stop()
        await self.workers.stop()

    def save(self) -> None:
        """Store what changes with every request, and the time; called when no more requests can come."""
        self.meta.put({"id": "clock", "time": self.clock.time()})
        self.keys.save()
        self.rate_limits.save()

    def advance(self, seconds: float) -> Awaitable[None]:
        """Move a manual or paused clock; await the result to wait for the deliveries and renders that it started."""
        self.clock.advance(seconds)
        self.meta.put({"id": "clock", "time": self.clock.time()})
        return Settling(self)

    def pause(self, *, is_paused: bool) -> None:
        """
        Stop a real clock, or let it go on.

        Raises:
            ValueError: The clock is manual, so it stands still always.
        """
        if not isinstance(self.clock, RealClock):
            raise ValueError("A manual clock stands still until it is moved, so it cannot be paused.")  # noqa: TRY004 - a setting is wrong, not a type
        (self.clock.pause if is_paused else self.clock.resume)()

    def summary(self) -> Dict[str, Any]:
        """Return the time, and how many jobs, bills, credits and requests there are; strangers are counted apart."""
        strangers = {kind: self.videos.count_strangers(kind) for kind in ("test", "live")}
        own = {kind: self.videos.count(kind) + self.jobs.count(kind) - count for kind, count in strangers.items()}
        return {
            "clock": iso(self.clock.time()),
            "jobs": own,
            "billed": len(self.ledger.bills()),
            "uncommitted": len(self.creates.list_pending()),
            "strangers": {"jobs": strangers, "billed": self.ledger.count_stranger_bills()},
            "credits": self.ledger.balance,
            "requests": self.request_log.served,
        }

    def list_creates(self) -> List[Dict[str, Any]]:
        """Return every create with its Idempotency-Key and its video, oldest first by commit; uncommitted ones last."""
        committed = [create_view(row, is_committed=True) for row in self.videos.oldest_commit_first()]
        return [*committed, *(create_view(row, is_committed=False) for row in self.creates.list_pending())]

    def _make_clock(self) -> Clock:
        saved = self.meta.find("clock")
        begin = saved["time"] if saved else None
        return ManualClock(begin) if self.settings.clock == "manual" else RealClock(self.settings.speed, begin)

    def _load_secret(self) -> bytes:
        saved = self.meta.find("secret") or self.meta.put({"id": "secret", "hex": secrets.token_hex(32)})
        return bytes.fromhex(saved["hex"])


class Settling:
    """
    The result of `advance`: awaiting it waits for the work that the move started.

    It is not a coroutine, because a caller may ignore it, and a coroutine that is never awaited causes a warning.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def __await__(self) -> Any:
        return self._settle().__await__()

    async def _settle(self) -> None:
        await asyncio.sleep(0)
        await self._state.workers.settle()


STATE: web.AppKey[State] = web.AppKey("state", State)
