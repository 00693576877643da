"""
The life of a generation: pending, processing, then completed or failed. As with videos, only the clock decides.

Marks in a prompt ask for irregularities: `[fail]` (the generation fails), `[no-url]` (it is completed two reads before
its file appears), `[unknown]` (its state is a word that no client knows), `[lost]` (bulk reads leave it out).
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Tuple

from bluma_async.sandbox.luma.shapes import DEFAULT_RATIO, find_size
from bluma_async.sandbox.videos import DUE, FAIL_MARK, FAILS, QUEUED

if TYPE_CHECKING:
    from bluma_async.sandbox.clock import Clock, Timer
    from bluma_async.sandbox.files import Files
    from bluma_async.sandbox.ledger import Ledger
    from bluma_async.sandbox.tables import Row, Table

__all__ = ["LENGTH", "PRICE", "Jobs"]

PRICE = 2
LENGTH = 5  # seconds of a generation; an extension adds as many
READS_WITHOUT_FILE = 2
INITIAL: Mapping[str, Any] = {
    "template_id": "ugc-text-overlay",
    "color": None,
    "resolution": "720p",
    "rendered": False,
    "completed": None,
    "reads": 0,
    "callback_failed": False,
    "callback_at": None,  # the time of the next attempt, after one that has failed
}


class Jobs:
    """The generations of all providers."""

    def __init__(self, table: Table, clock: Clock, ledger: Ledger, files: Files) -> None:
        self._table = table
        self._clock = clock
        self._ledger = ledger
        self._files = files
        self._timers: Dict[str, Timer] = {}
        self.render: Callable[[Row], None] = lambda _: None
        self.on_end: Callable[[Row], None] = lambda _: None

    def create(
        self,
        provider: str,
        kind: str,
        payload: Mapping[str, Any],
        prompt: str,
        *,
        fails: bool,
        size: Tuple[int, int] = find_size(DEFAULT_RATIO),
        mark: str | None = None,
        parent: Row | None = None,
        identifier: str | None = None,
    ) -> Row:
        """
        Accept a job: charge a live key for it, and start its timer.

        Args:
            provider: The provider's name.
            kind: The kind of the key: `test` or `live`.
            payload: The body of the create.
            prompt: The prompt in it.
            fails: Whether the generation fails.
            size: The width and height of the picture in pixels.
            mark: The text of a watermark that is drawn into the picture; None for none.
            parent: The generation that this one extends.
            identifier: The id; default: a UUID.

        Raises:
            ApiError: The account has too few credits; nothing was created.
        """
        identifier = identifier or str(uuid.uuid4())
        if kind == "live":
            self._ledger.charge(PRICE, identifier, {"provider": provider})
        row = {
            "id": identifier,
            "provider": provider,
            "kind": kind,
            "payload": dict(payload),
            "prompt": prompt,
            "created": self._clock.time(),
            "fails": fails or FAIL_MARK in prompt,
            "duration": (parent["duration"] if parent else 0) + LENGTH,
            "watermark": kind == "test",
            "size": list(size),
            "mark": mark,
        }
        row = self._table.put({**row, **INITIAL})
        self.begin(row)
        return row

    def begin(self, row: Row) -> None:
        """Start the timer and the render of a generation that has not ended; also after a restart of the sandbox."""
        if row["completed"] is not None:
            return
        due = row["created"] + (FAILS if row["fails"] else DUE)
        self._timers[row["id"]] = self._clock.call_at(due, lambda: self._end(row))
        if not row["fails"] and not row["rendered"]:
            self.render(row)

    def mark_rendered(self, row: Row, _: int) -> None:
        """Record that the file of a generation is ready."""
        row["rendered"] = True
        self._table.put(row)
        self._end(row)

    def mark_unrenderable(self, row: Row) -> None:
        """End a generation as failed, because its file cannot be made."""
        self._timers[row["id"]].cancel()
        row["fails"] = True
        self._finish(row)

    def stop(self) -> None:
        """Cancel all timers."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def all(self) -> List[Row]:
        """Return all generations, oldest first."""
        return list(self._table)

    def count(self, kind: str) -> int:
        """Return the number of generations that were created with keys of a kind."""
        return sum(row["kind"] == kind for row in self._table)

    def find(self, provider: str, identifier: str) -> Row | None:
        """Return a provider's generation, or None."""
        row = self._table.find(identifier)
        return row if row is not None and row["provider"] == provider else None

    def find_state(self, row: Row) -> str:
        """Return the state of a generation, as UmamiAI and V-API name it."""
        if row["completed"] is not None:
            return "failed" if row["fails"] else "completed"
        if "[unknown]" in row["prompt"]:
            return "rescheduled"
        return "pending" if self._clock.time() < row["created"] + QUEUED else "processing"

    def sign_url(self, row: Row, life: float) -> str | None:
        """Return a signed URL of a generation's file, valid for so many seconds, or None while there is no file."""
        if self.find_state(row) != "completed":
            return None
        row["reads"] += 1
        if "[no-url]" in row["prompt"] and row["reads"] <= READS_WITHOUT_FILE:
            return None
        return self._files.signed_url(f"videos/{row['id']}.mp4", life)[0]

    def read_size(self, row: Row) -> Dict[str, int]:
        """Return the width and height of a generation's picture; those of an earlier version were all portraits."""
        width, height = row.get("size", (720, 1280))
        return {"width": width, "height": height}

    def thumbnail(self, row: Row) -> str:
        """Return the URL of a generation's preview image."""
        return self._files.public_url(f"thumbnails/{row['id']}.jpg")

    def update(self, row: Row, **changes: Any) -> None:
        """Change fields of a generation, and store it."""
        row.update(changes)
        self._table.put(row)

    def _end(self, row: Row) -> None:
        due = row["created"] + (FAILS if row["fails"] else DUE)
        if row["completed"] is not None or self._clock.time() < due or not (row["rendered"] or row["fails"]):
            return
        self._finish(row)

    def _finish(self, row: Row) -> None:
        self._timers.pop(row["id"], None)
        self.update(row, completed=self._clock.time())
        if row["fails"] and row["kind"] == "live":
            self._ledger.refund(PRICE, row["id"])
        self.on_end(row)
