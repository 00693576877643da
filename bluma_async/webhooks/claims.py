"""
The claims of a receiver: which events this process handles, and when the sender must send one again.

Rule 1: an event is claimed in the store before its handlers run, and finished when they have ended. In between it is
held by this process: another delivery is accepted without asking the store, and the claim is renewed.
Rule 2: the sender waits for the store for `timeout` seconds. A claim that takes longer goes on: if it succeeds after
all, the event is handled, although it was answered with 503.
Rule 3: an event that was answered with 503 is not lost when it is sent again. A claim that failed may have been
recorded, so this process handles the event also if the store says that it is not new. A leasing store decides that
itself: the claim ends by its lease.
Rule 4: the number of events that are claimed or held has a limit. Beyond it, nothing is claimed.
Rule 5: handlers end with their event loop. An event of a closed loop is not held any more: the next delivery of it is a
claim that may have been recorded, as in rule 3.
"""

from __future__ import annotations

import asyncio
import enum
import inspect
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, Sequence, Set, Tuple

from bluma_async._runtime.log import logger
from bluma_async._runtime.threads import Threads
from bluma_async.stores.ports import LeasingEventStore
from bluma_async.webhooks.background import Background

if TYPE_CHECKING:
    from bluma_async.stores.ports import EventStore

__all__ = ["Admission", "Claims"]

STORE_THREADS = 8
RENEWALS = 3  # in the time of a lease
ADVICE = "They are handled when they are sent again; await receiver.aclose() before the loop ends."
MOST_REMEMBERED = 10_000  # ids of events whose claim or end could not be recorded


class Admission(enum.Enum):
    """The decision about a delivery."""

    ACCEPTED = "accepted"  # it is handled now, was handled before, or is being handled by this process
    FULL = "full"  # too many events wait already
    HELD = "held"  # another process, or a loop that was closed since, has claimed it, and has not finished
    FAILED = "failed"  # the store could not record it


class Claims:
    """The events that one receiver has claimed in its store."""

    def __init__(self, store: EventStore, *, most: int, timeout: float) -> None:
        """
        Set up the claims of a receiver.

        Args:
            store: Records the events.
            most: Events that may be claimed or held at a time.
            timeout: Seconds that one operation of the store may take.
        """
        self._store = store
        self._leasing = store if isinstance(store, LeasingEventStore) else None
        self._most = most
        self._timeout = timeout
        self._threads = Threads(STORE_THREADS)
        self._background = Background()
        self._claiming: Dict[Tuple[asyncio.AbstractEventLoop, str], asyncio.Task[Admission]] = {}
        self._held: Dict[str, asyncio.AbstractEventLoop] = {}
        self._loops: Set[asyncio.AbstractEventLoop] = set()  # those that have claimed or held events
        self._renewing: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()  # those with a timer
        self._unsure: Dict[str, None] = {}  # the claim failed, and may have been recorded
        self._handled: Dict[str, None] = {}  # the handlers have ended, which could not be recorded

    async def admit(self, event_id: str, body: bytes, begin: Callable[[], None]) -> Admission:
        """
        Claim an event.

        Args:
            event_id: The event's id.
            body: Its body, which the store keeps until the event is finished.
            begin: Starts the handlers. It is called once, possibly after this has returned `FAILED`, if the store was
                late.
        """
        self._drop_closed_loops()
        if event_id in self._held or self._was_handled(event_id):
            return Admission.ACCEPTED
        key = (asyncio.get_running_loop(), event_id)
        claim = self._claiming.get(key)
        if claim is None:
            if self._is_full:
                return Admission.FULL
            claim = self._claiming[key] = self._background.start(self._claim(event_id, body, begin))
            claim.add_done_callback(lambda _: self._claiming.pop(key, None))
        # A sender that disconnects cancels its request, but not the claim: a second delivery would be ignored.
        done, _ = await asyncio.wait({claim}, timeout=self._timeout)
        if not done:
            logger.warning("The store of webhook events has not answered in %g s; %s waits.", self._timeout, event_id)
        return claim.result() if done and not claim.cancelled() else Admission.FAILED

    async def finish(self, event_id: str) -> None:
        """Record that an event was handled. Never raises an Exception."""
        try:
            await self._call_in_time(self._store.finish, event_id)
            self._handled.pop(event_id, None)
        except Exception:  # noqa: BLE001 - a user's store can raise anything
            _remember(self._handled, event_id)
            logger.exception("The store of webhook events failed; %s may be handled again after a restart.", event_id)
        finally:
            self._held.pop(event_id, None)

    async def list_unfinished(self) -> Sequence[bytes]:
        """Return the bodies of the events that a crash left unfinished. Never raises an Exception."""
        try:
            bodies: Sequence[bytes] = await self._call_in_time(self._store.unfinished)
        except Exception:  # noqa: BLE001 - a user's store can raise anything
            logger.exception("The store of webhook events failed; events that a crash left are looked for later.")
            return ()
        return bodies

    def take_over(self, event_id: str) -> bool:
        """Hold an event that a crash left unfinished; return whether its handlers are to be run."""
        self._drop_closed_loops()
        return not self._is_full and self._take(event_id)

    async def settle(self) -> None:
        """Wait until the claims of this event loop are decided, but not longer than the store may take."""
        await self._background.wait(self._timeout)

    async def _claim(self, event_id: str, body: bytes, begin: Callable[[], None]) -> Admission:
        try:
            is_ours = bool(await self._call(self._store.claim, event_id, body))
            if not is_ours and self._leasing is not None:
                is_finished = await self._call(self._leasing.is_finished, event_id)
                return Admission.ACCEPTED if is_finished or event_id in self._held else Admission.HELD
        except Exception:  # noqa: BLE001 - a user's store can raise anything
            _remember(self._unsure, event_id)
            logger.exception("The store of webhook events failed; %s must be sent again.", event_id)
            return Admission.FAILED
        except asyncio.CancelledError:  # the loop is about to be closed
            _remember(self._unsure, event_id)
            raise
        may_be_ours = event_id in self._unsure
        self._unsure.pop(event_id, None)
        if (is_ours or may_be_ours) and self._take(event_id):
            begin()
        return Admission.ACCEPTED

    def _drop_closed_loops(self) -> None:
        """Hold the events of closed loops no longer. Their claims may be recorded, and nothing will finish them."""
        closed = {loop for loop in list(self._loops) if loop.is_closed()}
        self._loops.difference_update(closed)
        self._loops.add(asyncio.get_running_loop())
        if not closed:
            return
        lost = [event_id for event_id, loop in list(self._held.items()) if loop in closed]
        for key in [key for key in list(self._claiming) if key[0] in closed]:
            self._claiming.pop(key, None)
            lost.append(key[1])
        for event_id in lost:
            self._held.pop(event_id, None)
            _remember(self._unsure, event_id)
        if lost:
            logger.warning("An event loop was closed before %s handled. %s", _name(lost), ADVICE)

    @property
    def _is_full(self) -> bool:
        return len(self._held) + len(self._claiming) >= self._most

    def _take(self, event_id: str) -> bool:
        """Hold an event, and return whether its handlers are to be run: not if they run, or have run, already."""
        if event_id in self._held or self._was_handled(event_id):
            return False
        self._hold(event_id)
        return True

    def _was_handled(self, event_id: str) -> bool:
        """Return whether the handlers of an event have run, which could not be recorded; record it now."""
        if event_id not in self._handled:
            return False
        self._background.start(self.finish(event_id))
        return True

    def _hold(self, event_id: str) -> None:
        self._held[event_id] = loop = asyncio.get_running_loop()
        if self._leasing is not None and loop not in self._renewing:
            self._renewing.add(loop)
            loop.call_later(self._leasing.lease / RENEWALS, self._renew, self._leasing)

    def _renew(self, store: LeasingEventStore) -> None:
        loop = asyncio.get_running_loop()
        held = [event_id for event_id, holder in self._held.items() if holder is loop]
        if not held:
            self._renewing.discard(loop)
            return
        self._background.start(self._prolong(store, held))
        loop.call_later(store.lease / RENEWALS, self._renew, store)

    async def _prolong(self, store: LeasingEventStore, event_ids: Sequence[str]) -> None:
        try:
            await self._call(store.renew, event_ids)
        except Exception:  # noqa: BLE001 - a user's store can raise anything
            logger.exception("The store of webhook events failed; %d claim(s) were not renewed.", len(event_ids))

    async def _call_in_time(self, method: Callable[..., Any], *args: Any) -> Any:
        """Call a method of the store, and stop waiting for it after the timeout; it goes on."""
        work = self._background.start(self._call(method, *args))
        done, _ = await asyncio.wait({work}, timeout=self._timeout)
        if not done:
            raise TimeoutError(f"it has not answered in {self._timeout:g} s")
        return work.result()

    async def _call(self, method: Callable[..., Any], *args: Any) -> Any:
        """Call a method of the store, in a thread if it is not async."""
        if inspect.iscoroutinefunction(method):
            return await method(*args)
        result = await self._threads.run(method, *args)
        return await result if inspect.isawaitable(result) else result


def _name(event_ids: Sequence[str]) -> str:
    return f"{event_ids[0]} was" if len(event_ids) == 1 else f"{len(event_ids)} webhook events were"


def _remember(ids: Dict[str, None], event_id: str) -> None:
    ids[event_id] = None
    while len(ids) > MOST_REMEMBERED:
        del ids[next(iter(ids))]  # the oldest one
