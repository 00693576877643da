"""An event that was received is handled, whatever the store does: fails, is late, or outlives its process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import pytest

from bluma import EventStore, LeasingEventStore, MemoryStore, SQLiteStore, WebhookReceiver, sign_webhook
from bluma_async._runtime.threads import in_thread
from tests.simulation.virtual import VirtualLoop, run_virtually
from tests.webhooks.events import SECRET, make_body

BOUND = 8.0  # seconds in which a loaded machine replies


class PlainStore:
    """A store of a user, with the three methods of `EventStore`. Faults strike once each."""

    def __init__(self, *faults: str) -> None:
        self.faults = set(faults)
        self.claimed: Dict[str, bool] = {}
        self.gate = threading.Event()

    def strikes(self, fault: str) -> bool:
        """Return whether a fault strikes now."""
        is_set = fault in self.faults
        self.faults.discard(fault)
        return is_set

    def claim(self, event_id: str, body: bytes) -> bool:
        """Record an event."""
        if self.strikes("fails"):
            raise OSError("no disk")
        is_new = self.claimed.setdefault(event_id, False) is False
        self.claimed[event_id] = True
        if self.strikes("fails afterwards"):
            raise OSError("the connection broke after the commit")
        if self.strikes("late"):
            self.gate.wait(BOUND)
        return is_new

    def finish(self, event_id: str) -> None:
        """Record the end of an event."""
        if self.strikes("finish fails"):
            raise OSError("no disk")

    def unfinished(self) -> List[bytes]:
        """Return nothing."""
        if self.strikes("recovery fails"):
            raise OSError("no disk")
        return []


class AsyncStore(PlainStore):
    """The same, with async methods."""

    async def claim(self, event_id: str, body: bytes) -> bool:  # type: ignore[override]  # async, as a store may be
        """Record an event."""
        is_late = self.strikes("late")
        is_new = super().claim(event_id, body)
        while is_late and not self.gate.is_set():
            await asyncio.sleep(0.01)
        return is_new

    async def finish(self, event_id: str) -> None:  # type: ignore[override]  # async, as a store may be
        """Record the end of an event."""
        super().finish(event_id)

    async def unfinished(self) -> List[bytes]:  # type: ignore[override]  # async, as a store may be
        """Return nothing."""
        return super().unfinished()


class FailingSQLiteStore(SQLiteStore):
    """A file that cannot be written at first; a transaction that fails has recorded nothing."""

    def __init__(self, path: Path, *faults: str) -> None:
        super().__init__(path)
        self.plain = PlainStore(*faults)

    def claim(self, event_id: str, body: bytes) -> bool:
        """Record an event."""
        self.plain.claim(event_id, body)
        return super().claim(event_id, body)

    def finish(self, event_id: str) -> None:
        """Record the end of an event."""
        self.plain.finish(event_id)
        super().finish(event_id)

    def unfinished(self) -> List[bytes]:
        """Return the events that a crash left."""
        self.plain.unfinished()
        return super().unfinished()


def make_store(kind: str, folder: Path, *faults: str) -> Any:
    """Return a store with faults."""
    if kind == "sqlite":
        return FailingSQLiteStore(folder / "events.sqlite", *faults)
    return {"plain": PlainStore, "async": AsyncStore}[kind](*faults)


def record_handled(receiver: WebhookReceiver) -> List[str]:
    """Register a handler, and return the list of the ids that it gets."""
    handled: List[str] = []
    receiver.on("*")(lambda event: handled.append(event.id))
    return handled


async def send(receiver: WebhookReceiver, name: str = "evt_1") -> int:
    """Deliver an event, and return the status of the reply."""
    body = make_body(name)
    return (await receiver.receive(body, sign_webhook(body, SECRET))).status


async def send_until_accepted(receiver: WebhookReceiver, times: int) -> List[int]:
    """Deliver an event so often, as a sender does, which stops at the first 200; and once more, for a lost answer."""
    statuses: List[int] = []
    while len(statuses) < times and 200 not in statuses:
        statuses.append(await send(receiver))
    await receiver.aclose()
    assert await send(receiver) == 200
    await receiver.aclose()
    return statuses


@pytest.mark.parametrize("kind", ["plain", "async", "sqlite"])
@pytest.mark.parametrize("fault", ["fails", "fails afterwards", "recovery fails", "finish fails"])
async def test_an_event_is_handled_once_although_the_store_fails(tmp_path: Path, kind: str, fault: str) -> None:
    """After a 503 the event is sent again, and handled; after a 200 it was handled. Never twice."""
    receiver = WebhookReceiver(SECRET, store=make_store(kind, tmp_path, fault))
    handled = record_handled(receiver)

    statuses = await send_until_accepted(receiver, 3)

    assert statuses == ([503, 200] if fault in {"fails", "fails afterwards"} else [200])
    assert handled == ["evt_1"]


@pytest.mark.parametrize("kind", ["plain", "async", "sqlite"])
async def test_a_late_store_delays_no_reply(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """The reply is a 503 at the timeout; the claim goes on, and the event is handled once when it succeeds."""
    store = make_store(kind, tmp_path, "late")
    gate = store.plain.gate if kind == "sqlite" else store.gate
    receiver = WebhookReceiver(SECRET, store=store, store_timeout=0.05)
    handled = record_handled(receiver)

    statuses = [await send(receiver), await send(receiver)]
    gate.set()
    receiver._claims._timeout = BOUND  # the claim may take its time on a loaded machine
    await receiver._claims.settle()
    again = await send(receiver)
    await receiver.aclose()

    assert (statuses, again, handled) == ([503, 503], 200, ["evt_1"])
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


async def test_a_store_that_hangs_is_bounded() -> None:
    """Eight claims block the store's threads; other events get a 503 at the timeout, and closing does not hang."""
    store = PlainStore()
    store.claim = lambda event_id, body: store.gate.wait(BOUND)  # type: ignore[method-assign]  # it hangs
    receiver = WebhookReceiver(SECRET, store=store, store_timeout=0.05)
    handled = record_handled(receiver)

    replies = await asyncio.gather(*(send(receiver, f"evt_{number}") for number in range(12)))
    await receiver.aclose()
    store.gate.set()
    receiver._claims._timeout = BOUND
    await receiver.aclose()

    assert replies == [503] * 12
    assert sorted(handled) == sorted(f"evt_{number}" for number in range(12))


async def test_claims_in_flight_count_as_waiting_events() -> None:
    """A store that hangs does not let claims pile up without a limit."""
    store = PlainStore()
    store.claim = lambda event_id, body: store.gate.wait(BOUND)  # type: ignore[method-assign]  # it hangs
    receiver = WebhookReceiver(SECRET, store=store, store_timeout=0.01, concurrency=1, max_waiting=2)

    replies = [await receiver.receive(*signed(f"evt_{number}")) for number in range(4)]
    store.gate.set()
    receiver._claims._timeout = BOUND
    await receiver.aclose()

    assert [reply.text.partition(".")[0] for reply in replies] == [
        *["The event could not be stored"] * 3,
        "Too many events wait for their handlers",
    ]


def signed(name: str) -> Any:
    """Return the body of an event and its signature."""
    return make_body(name), sign_webhook(make_body(name), SECRET)


async def test_a_killed_process_loses_no_event(tmp_path: Path) -> None:
    """Its claim holds the event: another process answers 503, until the lease ends. Then it handles the event."""
    now = 1000.0
    stores = [SQLiteStore(tmp_path / "events.sqlite", lease=120, now=lambda: now) for _ in range(2)]
    await in_thread(stores[0].claim, "evt_1", make_body())  # and then the process is killed
    receiver = WebhookReceiver(SECRET, store=stores[1])
    handled = record_handled(receiver)

    before = [await send(receiver), await send(receiver)]
    now += 121
    after = await send_until_accepted(receiver, 1)

    assert (before, after, handled) == ([503, 503], [200], ["evt_1"])
    assert await in_thread(stores[0].is_finished, "evt_1")


async def test_another_event_recovers_it_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An event that was answered with 200 is not sent again: the next event, or `recover`, finds it."""
    now = 1000.0
    store = SQLiteStore(tmp_path / "events.sqlite", lease=120, now=lambda: now)
    for name, body in (("evt_1", make_body("evt_1")), ("evt_2", make_body("evt_2")), ("evt_3", b"no event")):
        await in_thread(store.claim, name, body)
    now += 121
    receiver, other = (WebhookReceiver(SECRET, store=store) for _ in range(2))
    handled, others = record_handled(receiver), record_handled(other)

    assert await send(receiver, "evt_4") == 200
    await receiver.aclose()
    await other.recover()
    await other.aclose()

    assert (sorted(handled), others) == (["evt_1", "evt_2", "evt_4"], [])
    [record] = caplog.records
    assert "has a body that is not an event" in record.getMessage()


async def test_recovery_keeps_the_limit_of_waiting_events(tmp_path: Path) -> None:
    """What does not fit is taken over after another lease, by whichever process has room."""
    now = 1000.0
    store = SQLiteStore(tmp_path / "events.sqlite", lease=120, now=lambda: now)
    for number in range(5):
        await in_thread(store.claim, f"evt_{number}", make_body(f"evt_{number}"))
    now += 121
    receiver = WebhookReceiver(SECRET, store=store, concurrency=1, max_waiting=2)
    handled = record_handled(receiver)

    await receiver.recover()
    await receiver.aclose()
    first = len(handled)
    now += 121
    await receiver.recover()
    await receiver.aclose()

    assert (first, sorted(handled)) == (3, [f"evt_{number}" for number in range(5)])


class SharedStore:
    """A leasing store with async methods, for virtual time."""

    def __init__(self) -> None:
        self.claims: Dict[str, Optional[float]] = {}
        self.renewals: List[Sequence[str]] = []
        self.fails = False

    @property
    def lease(self) -> float:
        """Seconds."""
        return 120.0

    async def claim(self, event_id: str, body: bytes) -> bool:
        """Record an event."""
        now, claimed_at = asyncio.get_running_loop().time(), self.claims.get(event_id, -1e9)
        if claimed_at is None or now - claimed_at < self.lease:
            return False
        self.claims[event_id] = now
        return True

    async def renew(self, event_ids: Sequence[str]) -> None:
        """Prolong claims."""
        self.renewals.append(event_ids)
        if self.fails:
            raise OSError("no database")
        self.claims.update(dict.fromkeys(event_ids, asyncio.get_running_loop().time()))

    async def is_finished(self, event_id: str) -> bool:
        """Return whether an event was handled."""
        return self.claims.get(event_id, 0.0) is None

    async def finish(self, event_id: str) -> None:
        """Record the end of an event."""
        self.claims[event_id] = None

    async def unfinished(self) -> List[bytes]:
        """Return nothing."""
        return []


def test_claims_are_renewed_while_handlers_run(caplog: pytest.LogCaptureFixture) -> None:
    """An hour's work is not taken over by another process, which answers 503 meanwhile; a failed renewal is logged."""
    store = SharedStore()
    loop = VirtualLoop()
    handled: List[str] = []

    async def work() -> List[int]:
        first, second = WebhookReceiver(SECRET, store=store), WebhookReceiver(SECRET, store=store)
        for name, receiver in (("first", first), ("second", second)):

            async def handle(_: Any, name: str = name) -> None:
                await asyncio.sleep(3600)
                handled.append(name)

            receiver.on("*")(handle)
        statuses = [await send(first), await send(second), await send(first)]
        await asyncio.sleep(1800)
        store.fails = True
        statuses.append(await send(second))
        await asyncio.sleep(60)
        store.fails = False
        await first.aclose()
        statuses.append(await send(second))
        await asyncio.sleep(200)  # nothing is renewed any more
        for name in ("evt_2", "evt_3"):  # one timer renews all claims, also those that begin between two renewals
            statuses.append(await send(second, name))
            await second.aclose()
        return statuses

    statuses = run_virtually(loop, work())

    assert statuses == [200, 503, 200, 503, 200, 200, 200]
    assert handled == ["first", "second", "second"]
    assert [list(ids) for ids in store.renewals] == [[f"evt_{number}"] for number in (1, 2, 3) for _ in range(90)]
    assert "claim(s) were not renewed" in caplog.text


BOTH_KINDS = [(MemoryStore(), True), (PlainStore(), False), (AsyncStore(), False), (SharedStore(), True)]


@pytest.mark.parametrize(("store", "is_leasing"), BOTH_KINDS)
def test_stores_of_both_kinds_are_accepted(store: Any, is_leasing: bool) -> None:
    """The three methods are enough; a store with leases has three more."""
    checked: EventStore = store
    assert isinstance(checked, LeasingEventStore) is is_leasing


async def test_an_event_that_was_handled_is_not_handled_again_if_that_could_not_be_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process remembers it: when the claim has ended, the event is recorded as finished, without handlers."""
    now = 1000.0
    store = SQLiteStore(tmp_path / "events.sqlite", lease=120, now=lambda: now)
    receiver = WebhookReceiver(SECRET, store=store, store_timeout=30.0)
    handled = record_handled(receiver)

    assert await send(receiver, "evt_0") == 200  # creates the file
    await receiver.aclose()
    gate = asyncio.Event()
    receiver.on("*")(lambda _: gate.wait())
    assert await send(receiver) == 200
    with contextlib.closing(sqlite3.connect(tmp_path / "events.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with monkeypatch.context() as hasty:
            hasty.setattr(receiver._claims, "_timeout", 0.05)
            gate.set()
            await receiver._handlers.wait_all()
    now += 121
    statuses = [await send(receiver)]
    await receiver.aclose()

    assert statuses == [200]
    assert handled == ["evt_0", "evt_1"]
    assert await in_thread(store.is_finished, "evt_1")


async def test_a_cancelled_store_is_a_failed_one(caplog: pytest.LogCaptureFixture) -> None:
    """A store whose own await is cancelled cancels neither the request nor the server."""

    class Cancelled(AsyncStore):
        async def claim(self, event_id: str, body: bytes) -> bool:  # type: ignore[override]  # async, as a store may be
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            return bool(await future)

    assert await send(WebhookReceiver(SECRET, store=Cancelled())) == 503


async def test_two_deliveries_at_once_are_one_claim() -> None:
    """The second one takes part in the claim of the first."""
    store = AsyncStore("late")
    receiver = WebhookReceiver(SECRET, store=store)
    handled = record_handled(receiver)

    deliveries = [asyncio.ensure_future(send(receiver)) for _ in range(3)]
    await asyncio.sleep(0)
    store.gate.set()
    statuses = await asyncio.gather(*deliveries)
    await receiver.aclose()

    assert (statuses, handled) == ([200, 200, 200], ["evt_1"])
