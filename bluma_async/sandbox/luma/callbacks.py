"""Callbacks: one when a generation has ended; without a 2xx answer, up to three retries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Mapping, Optional, Sequence

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
        self._state.workers.deliver(
            Delivery(
                name=f"{row['provider']} callback",
                attempt=attempt + 1,
                url=url,
                body=body,
                headers=headers,
                done=lambda outcome: self._finish(row, attempt, outcome),
                again=lambda: self.send(row),
            )
        )

    def _finish(self, row: Row, attempt: int, outcome: Outcome) -> Optional[float]:
        is_success = outcome.status is not None and 200 <= outcome.status < 300
        if is_success or attempt >= len(RETRY_DELAYS):
            self._state.jobs.update(row, callback_failed=not is_success, callback_at=None)
            return None
        next_at = self._state.clock.time() + RETRY_DELAYS[attempt]
        self._state.jobs.update(row, callback_at=next_at)
        self._state.clock.call_at(next_at, lambda: self.send(row, attempt + 1))
        return next_at
