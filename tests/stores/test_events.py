"""Every store of webhook events: an event is claimed once."""

from __future__ import annotations

import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bluma import MemoryStore, SQLiteStore
from bluma_async.stores.ports import EventStore
from tests.stores.steps import Now


def test_of_many_claims_one_succeeds(event_store: EventStore) -> None:
    """Threads race for each of several events."""
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda number: event_store.claim(f"event-{number % 5}", b"{}"), range(40)))

    assert sum(map(bool, claims)) == 5


def test_a_finished_event_stays_claimed(event_store: EventStore) -> None:
    """It is neither new nor unfinished, however late it is sent again."""
    event_store.claim("a", b"{}")

    event_store.finish("a")

    assert (event_store.claim("a", b"{}"), event_store.unfinished()) == (False, [])


def test_a_recent_claim_is_not_taken_over(event_store: EventStore, now: Now) -> None:
    """Its handlers may still be running."""
    event_store.claim("a", b"{}")
    now.advance(119)

    assert event_store.unfinished() == []


def test_an_old_claim_is_taken_over_once(tmp_path: Path, now: Now) -> None:
    """Only one of several starts handles it; after `lease` seconds it is taken over again."""
    first, second = (SQLiteStore(tmp_path / "events", lease=10, now=lambda: now().timestamp()) for _ in range(2))
    first.claim("a", b"body")
    now.advance(11)

    assert (second.unfinished(), first.unfinished()) == ([b"body"], [])
    now.advance(11)
    assert first.unfinished() == [b"body"]


def test_a_claim_ends_by_its_lease(event_store: Any, now: Now) -> None:
    """Then the event can be claimed again; a renewal begins the lease anew, and a finished event stays finished."""
    for name in ("kept", "renewed", "done"):
        event_store.claim(name, b"{}")
    event_store.finish("done")
    now.advance(119)
    event_store.renew(["renewed", "done", "never claimed"])
    now.advance(2)

    assert [event_store.claim(name, b"{}") for name in ("kept", "renewed", "done")] == [True, False, False]
    assert [event_store.is_finished(name) for name in ("kept", "renewed", "done", "new")] == [False, False, True, False]
    assert event_store.lease == 120
    assert event_store.claim("never claimed", b"{}") is True


def test_of_many_takeovers_one_succeeds(event_store: Any, now: Now) -> None:
    """A claim that has ended is claimed again by one thread alone."""
    event_store.claim("a", b"{}")
    now.advance(121)
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: event_store.claim("a", b"{}"), range(40)))

    assert sum(claims) == 1


def test_one_recovery_takes_over_a_hundred_events(tmp_path: Path, now: Now) -> None:
    """Those that have waited longest first; the others are left to the next one, or to another process."""
    store = SQLiteStore(tmp_path / "events", now=lambda: now().timestamp())
    store.claim("evt_0", b"0")
    rows = [(f"evt_{number}", b"", now().timestamp() + number) for number in range(1, 150)]
    with contextlib.closing(sqlite3.connect(tmp_path / "events")) as database, database:
        database.executemany("INSERT INTO events (id, body, claimed_at) VALUES (?, ?, ?)", rows)
    now.advance(300)

    assert (len(store.unfinished()), len(store.unfinished()), store.unfinished()) == (100, 50, [])


def test_a_finished_event_is_kept_for_a_time_without_its_body(tmp_path: Path, now: Now) -> None:
    """It is deleted with the next one that is finished after `keep` seconds."""
    store = SQLiteStore(tmp_path / "events", keep=10, now=lambda: now().timestamp())
    store.claim("a", b"secret")
    store.finish("a")
    with contextlib.closing(sqlite3.connect(tmp_path / "events")) as database:
        assert database.execute("SELECT id, body FROM events").fetchall() == [("a", None)]

    now.advance(11)
    store.claim("b", b"")
    store.finish("b")

    assert store.claim("a", b"secret") is True


def test_memory_keeps_the_newest_events() -> None:
    """The oldest id is forgotten first, so that memory has a bound."""
    store = MemoryStore(most=2)

    assert [store.claim(name, b"") for name in "aabca"] == [True, False, True, True, True]
