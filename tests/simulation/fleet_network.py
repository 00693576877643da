"""The network of one worker of a simulated fleet: it can be cut off, and the worker can be stopped before it sends."""

from __future__ import annotations

import asyncio
from typing import Callable, Optional

from bluma_async._wire.messages import Answer, Request
from bluma_async.errors import NetworkError, RequestTimeoutError
from tests.simulation.network import Network
from tests.simulation.virtual import Killed

CONNECTING = 0.05  # seconds


class FleetNetwork(Network):
    """The Transport port of one worker."""

    heeds_age = True  # whether it asks, as the real transport does, if an announcement is recent enough to send
    on_attempt: Callable[[], None] = staticmethod(lambda: None)  # called before a create connects
    on_create: Callable[[str], None] = staticmethod(lambda key: None)  # called with the key of a create that is sent

    async def send(self, request: Request, timeout: float, patience: Optional[float] = None) -> Answer:
        """Connect, exchange a request for its answer, and lose the answer if the worker is cut off by then."""
        self._require_life()
        is_create = request.method == "POST" and request.url.endswith("/videos")
        if is_create:
            self.on_attempt()
        await asyncio.sleep(CONNECTING)
        self._require_life()
        if self.is_cut:
            raise NetworkError("the host cannot be reached", request_sent=False)
        if self.heeds_age and request.may_send is not None and not request.may_send():
            raise NetworkError("this process was stopped for too long", request_sent=False)
        if is_create:
            self.on_create(request.headers["Idempotency-Key"])
        answer = await super().send(request, timeout - CONNECTING, patience)
        if self.is_cut:
            raise RequestTimeoutError("no answer in time", request_sent=True)
        return answer

    def _require_life(self) -> None:
        if self.is_dead:
            raise Killed
