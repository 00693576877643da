"""
A generation's life: pending, processing, then completed or failed; by the clock alone, as with videos.

Words in a prompt ask for oddities: `[fail]`, `[no-url]` (completed two reads before its file shows), `[unknown]` (a
state nobody has heard of), `[lost]` (never among several that are read).
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping

from bluma_async.sandbox.videos import DUE, FAIL_MARK, FAILS, QUEUED

if TYPE_CHECKING:
    from bluma_async.sandbox.clock import Clock, Timer
    from bluma_async.sandbox.files import Files
    from bluma_async.sandbox.ledger import Ledger
    from bluma_async.sandbox.tables import Row, Table

__all__ = ["LENGTH", "PRICE", "Jobs"]

PRICE = 2
LENGTH = 5  # seconds of a generation, and of what an extension adds
FILELESS_READS = 2
BEGINNING: Mapping[str, Any] = {
    "template_id": "ugc-text-overlay",
    "color": None,
    "resolution": "720p",
    "rendered": False,
    "completed": None,
    "reads": 0,
    "callback_failed": False,
}


class Jobs:
    """All generations of all three providers."""

    def __init__(self, table: Table, clock: Clock, ledger: Ledger, files: Files) -> None:
        self._table = table
        self._clock = clock
        self._ledger = ledger
        self._files = files
        self._timers: Dict[str, Timer] = {}
        self.render: Callable[[Row], None] = lambda _: None
        self.ended: Callable[[Row], None] = lambda _: None

    def create(
        self, provider: str, kind: str, asked: Mapping[str, Any], *, fails: bool, parent: Row | None = None
    ) -> Row:
        """
        Accept a job: charge a live key for it, and let its life begin.

        Raises:
            ApiError: The account cannot pay; nothing was made.
        """
        identifier = uuid.uuid4().hex if provider == "kie" else str(uuid.uuid4())
        if kind == "live":
            self._ledger.charge(PRICE, identifier, {"provider": provider})
        prompt = str(asked.get("prompt") or asked.get("user_prompt"))
        who = {"id": identifier, "provider": provider, "kind": kind, "asked": dict(asked), "prompt": prompt}
        life = {"created": self._clock.time(), "fails": fails or FAIL_MARK in prompt}
        length = {"duration": (parent["duration"] if parent else 0) + LENGTH, "watermark": kind == "test"}
        row = self._table.put({**who, **life, **length, **BEGINNING})
        self.begin(row)
        return row

    def begin(self, row: Row) -> None:
        """Let a generation's life go on from here, also after a restart."""
        if row["completed"] is not None:
            return
        due = row["created"] + (FAILS if row["fails"] else DUE)
        self._timers[row["id"]] = self._clock.call_at(due, lambda: self._end(row))
        if not row["fails"] and not row["rendered"]:
            self.render(row)

    def mark_rendered(self, row: Row, _: int) -> None:
        """Note that a generation's file is there."""
        row["rendered"] = True
        self._table.put(row)
        self._end(row)

    def stop(self) -> None:
        """Let nothing happen any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def all(self) -> List[Row]:
        """Return all generations, oldest first."""
        return list(self._table)

    def count(self, kind: str) -> int:
        """Return how many generations keys of a kind made."""
        return sum(row["kind"] == kind for row in self._table)

    def find(self, provider: str, identifier: str) -> Row | None:
        """Return a provider's generation."""
        row = self._table.find(identifier)
        return row if row is not None and row["provider"] == provider else None

    def state_of(self, row: Row) -> str:
        """Return where a generation is in its life, in the word of the providers' ancestor."""
        if row["completed"] is not None:
            return "failed" if row["fails"] else "completed"
        if "[unknown]" in row["prompt"]:
            return "rescheduled"
        return "pending" if self._clock.time() < row["created"] + QUEUED else "processing"

    def link(self, row: Row, life: float) -> str | None:
        """Sign a link to a generation's file; None while there is none to show."""
        if self.state_of(row) != "completed":
            return None
        row["reads"] += 1
        if "[no-url]" in row["prompt"] and row["reads"] <= FILELESS_READS:
            return None
        return self._files.signed_url(f"videos/{row['id']}.mp4", life)[0]

    def thumbnail(self, row: Row) -> str:
        """Return the link to a generation's picture."""
        return self._files.public_url(f"thumbnails/{row['id']}.jpg")

    def note(self, row: Row, **changes: Any) -> None:
        """Note that something of a generation changed."""
        row.update(changes)
        self._table.put(row)

    def _end(self, row: Row) -> None:
        due = row["created"] + (FAILS if row["fails"] else DUE)
        if row["completed"] is not None or self._clock.time() < due or not (row["rendered"] or row["fails"]):
            return
        self._timers.pop(row["id"], None)
        self.note(row, completed=self._clock.time())
        if row["fails"] and row["kind"] == "live":
            self._ledger.refund(PRICE, row["id"])
        self.ended(row)
