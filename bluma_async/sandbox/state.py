"""Everything one sandbox knows, put together."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any, Awaitable, Dict, Tuple

from aiohttp import web

from bluma_async.sandbox.clock import Clock, ManualClock, RealClock, iso
from bluma_async.sandbox.events import Events
from bluma_async.sandbox.faults import Faults
from bluma_async.sandbox.files import Files
from bluma_async.sandbox.journal import Journal
from bluma_async.sandbox.keys import Keys, Windows
from bluma_async.sandbox.ledger import Ledger
from bluma_async.sandbox.luma.jobs import Jobs
from bluma_async.sandbox.rendering import make_renderer
from bluma_async.sandbox.tables import Store, Table
from bluma_async.sandbox.videos import Videos
from bluma_async.sandbox.workers import Workers

if TYPE_CHECKING:
    from pathlib import Path

    from bluma_async.sandbox.settings import Settings

__all__ = ["STATE", "State"]


class State:
    """One account of the API, and all that happens in it."""

    def __init__(self, settings: Settings, folder: Path, store: Store) -> None:
        self.settings: Settings = settings
        self.store: Store = store
        self.meta: Table = Table("meta", store)
        self.clock: Clock = self._make_clock()
        self.faults: Faults = Faults()
        self.journal: Journal = Journal()
        self.stopping: asyncio.Event = asyncio.Event()
        self.answers: Dict[str, Tuple[int, Any]] = {}  # what was answered to an Idempotency-Key, if they are honoured
        self.keys: Keys = Keys(Table("key", store), self.clock)
        self.windows: Windows = Windows(self.clock)
        self.webhooks: Table = Table("webhook", store)
        deliveries, pending = Table("delivery", store), Table("pending", store)
        self.events: Events = Events(
            self.webhooks, deliveries, pending, self.clock, self.faults, settings.webhook_secret
        )
        self.ledger: Ledger = Ledger(Table("transaction", store), self.clock, self.events.publish, settings.credits)
        self.files: Files = Files(folder, self._secret(), self.clock)
        self.videos: Videos = Videos(Table("video", store), self.clock, self.ledger, self.events, self.files)
        self.jobs: Jobs = Jobs(Table("luma", store), self.clock, self.ledger, self.files)
        self.variants: Table = Table("variant", store)
        self.collections: Table = Table("collection", store)
        self.assets: Table = Table("asset", store)
        self.workers: Workers = Workers(self.files, make_renderer(really=settings.render))
        self._connect()

    def _connect(self) -> None:
        self.events.send = self.workers.deliver
        self.videos.render = lambda row: self.workers.render(row, self.videos)
        self.jobs.render = lambda row: self.workers.render(row, self.jobs)
        self.keys.seed(self.settings.test_key, "Sandbox test key", "test", self.settings.hourly_limit)
        self.keys.seed(self.settings.live_key, "Sandbox live key", "production", self.settings.hourly_limit)

    async def start(self) -> None:
        """Begin, or go on with what was under way."""
        await self.workers.start()
        self.events.resume()
        for row in self.videos.newest_first()[::-1]:
            self.videos.begin(row)
        for row in self.jobs.all():
            self.jobs.begin(row)

    async def stop(self) -> None:
        """End everything; keep what can be kept."""
        self.stopping.set()
        self.videos.stop()
        self.jobs.stop()
        self.events.stop()
        await self.workers.stop()
        self.meta.put({"id": "clock", "time": self.clock.time()})

    def advance(self, seconds: float) -> Awaitable[None]:
        """Move a manual clock."""
        if not isinstance(self.clock, ManualClock):
            raise ValueError("Only a manual clock can be moved; start the sandbox with clock='manual'.")  # noqa: TRY004
        self.clock.advance(seconds)
        self.meta.put({"id": "clock", "time": self.clock.time()})
        return Settling(self)

    def summary(self) -> Dict[str, Any]:
        """Return the figures that tests ask for."""
        return {
            "clock": iso(self.clock.time()),
            "jobs": {kind: self.videos.count(kind) + self.jobs.count(kind) for kind in ("test", "live")},
            "billed": len(self.ledger.bills()),
            "credits": self.ledger.balance,
            "requests": self.journal.served,
        }

    def _make_clock(self) -> Clock:
        saved = self.meta.find("clock")
        begin = saved["time"] if saved else None
        return ManualClock(begin) if self.settings.clock == "manual" else RealClock(self.settings.speed, begin)

    def _secret(self) -> bytes:
        saved = self.meta.find("secret") or self.meta.put({"id": "secret", "hex": secrets.token_hex(32)})
        return bytes.fromhex(saved["hex"])


class Settling:
    """What `advance` gives: await it to have everything done that the move set going."""

    def __init__(self, state: State) -> None:
        self._state = state

    def __await__(self) -> Any:
        return self._settle().__await__()

    async def _settle(self) -> None:
        await asyncio.sleep(0)
        await self._state.workers.settle()


STATE: web.AppKey[State] = web.AppKey("state", State)
