"""Callbacks: one when a generation has ended; without a 2xx answer, up to three retries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Callable, Mapping, Sequence

from bluma_async.sandbox.events import Delivery

if TYPE_CHECKING:
    from bluma_async.sandbox.events import Outcome
    from bluma_async.sandbox.luma.provider_api import ProviderApi
    from bluma_async.sandbox.state import State
    from bluma_async.sandbox.tables import Row

__all__ = ["RETRY_DELAYS", "Callbacks"]

RETRY_DELAYS: Sequence[float] = (60.0, 300.0, 900.0)


class Callbacks:
    """Sends the callback of a generation to the URL in its create."""

    def __init__(self, state: State, apis: Mapping[str, ProviderApi]) -> None:
        self._state = state
        self._apis = apis

    def send(self, row: Row, attempt: int = 0) -> None:
        """Send the callback of a generation that has ended, if its create had a URL for it."""
        callback = self._apis[row["provider"]].callback
        url = row["payload"].get(callback.url_field) if callback else None
        if callback is None or not url:
            return
        timestamp = str(int(self._state.clock.time()))
        signature = callback.build_headers(row, timestamp, self._state.settings.webhook_secret)
        headers = {"Content-Type": "application/json", **signature}
        body = json.dumps(callback.build_body(self._state, row)).encode()
        done: Callable[[Outcome], None] = lambda outcome: self._finish(row, attempt, outcome)  # noqa: E731 - typed
        self._state.workers.deliver(Delivery(url=url, body=body, headers=headers, done=done))

    def _finish(self, row: Row, attempt: int, outcome: Outcome) -> None:
        if outcome.status is not None and 200 <= outcome.status < 300:
            return
        clock = self._state.clock
        if attempt < len(RETRY_DELAYS):
            clock.call_at(clock.time() + RETRY_DELAYS[attempt], lambda: self.send(row, attempt + 1))
        else:
            self._state.jobs.update(row, callback_failed=True)
