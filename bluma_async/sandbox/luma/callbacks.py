"""Callbacks: one when a generation has ended, and up to three more until somebody answers 2xx."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

from bluma_async.luma.kie import sign
from bluma_async.sandbox.events import Delivery

if TYPE_CHECKING:
    from bluma_async.sandbox.clock import Clock
    from bluma_async.sandbox.events import Outcome
    from bluma_async.sandbox.luma.jobs import Jobs
    from bluma_async.sandbox.tables import Row

__all__ = ["LADDER", "Callbacks"]

LADDER: Sequence[float] = (60.0, 300.0, 900.0)


class Callbacks:
    """Tells those who asked to be told."""

    def __init__(
        self, jobs: Jobs, clock: Clock, secret: str, deliver: Callable[[Delivery], None], views: Mapping[str, Any]
    ) -> None:
        self._jobs = jobs
        self._clock = clock
        self._secret = secret
        self._deliver = deliver
        self._views = views

    def tell(self, row: Row, attempt: int = 0) -> None:
        """Tell of a generation that has ended, if it asked for that."""
        url = row["asked"].get("callBackUrl") or row["asked"].get("notify_hook")
        if not url:
            return
        headers = {"Content-Type": "application/json"}
        if row["provider"] == "kie":
            now = str(int(self._clock.time()))
            headers.update({"X-Webhook-Timestamp": now, "X-Webhook-Signature": sign(row["id"], now, self._secret)})
        body = json.dumps(self._views[row["provider"]](row)).encode()
        done: Callable[[Outcome], None] = lambda outcome: self._done(row, attempt, outcome)  # noqa: E731 - typed
        self._deliver(Delivery(url=url, body=body, headers=headers, done=done))

    def _done(self, row: Row, attempt: int, outcome: Outcome) -> None:
        if outcome.status is not None and 200 <= outcome.status < 300:
            return
        if attempt < len(LADDER):
            self._clock.call_at(self._clock.time() + LADDER[attempt], lambda: self.tell(row, attempt + 1))
        else:
            self._jobs.note(row, callback_failed=True)
