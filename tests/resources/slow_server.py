"""A model of the API for one account that commits late, lists with a lag, and whose clocks disagree; in fake time."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, AsyncIterator, List, Optional

import attrs

from bluma_async._wire.messages import Answer, Download, Request
from bluma_async.errors import NetworkError, RequestTimeoutError
from tests.fakes import START, FakeClock, answer


@attrs.define
class Billed:
    """A video that was accepted, and when the server has committed it, in fake seconds."""

    id: str
    template_id: str
    committed: float


@attrs.define
class SlowServer:
    """
    A transport with a server behind it.

    Attributes:
        fates: The fate of each create in turn: `cut` (accepted, and no answer), `late` (accepted, and the client's
            timeout ends first), `lost` (it never arrived) or an answer; every later create is answered.
        commit: Seconds from a request to the commit of its video, which is also its `created_at`.
        lag: Seconds from the commit until the video is listed.
        date_ahead: By how many seconds the Date header is ahead of `created_at`; None for no Date header.
    """

    clock: FakeClock
    fates: List[Any] = attrs.field(factory=list)
    commit: float = 0.0
    lag: float = 0.0
    date_ahead: Optional[float] = 0.0
    billed: List[Billed] = attrs.field(factory=list)
    requests: List[Request] = attrs.field(factory=list)

    async def send(self, request: Request, timeout: float, patience: Optional[float] = None) -> Answer:
        self.requests.append(request)
        if request.method == "POST":
            return self._create(request, timeout)
        if "/videos?" in request.url:
            now = self.clock.time
            listed = [video for video in self.billed if video.committed + self.lag <= now]
            rows = [self._row(video) for video in reversed(listed)]
            return self._answer(200, {"videos": rows, "pagination": {"total": len(rows), "total_pages": 1}})
        if "/videos/" in request.url:
            return self._answer(200, self._row(self.billed[-1]))
        return self._answer(200, {"templates": []})

    def make(self, template_id: str = "t", seconds_ago: float = 0.0) -> Billed:
        """Create a video in nobody's name."""
        made = Billed(f"batch_{len(self.billed) + 1}", template_id, self.clock.time - seconds_ago + self.commit)
        self.billed.append(made)
        return made

    def _create(self, request: Request, timeout: float) -> Answer:
        fate = self.fates.pop(0) if self.fates else "answered"
        if isinstance(fate, Answer):
            return fate
        if fate == "lost":
            raise NetworkError("lost on the way")
        made = self.make(json.loads(request.body or b"{}")["template_id"])
        if fate == "late":
            self.clock.time += timeout
            raise RequestTimeoutError("late")
        if fate == "cut":
            raise NetworkError("cut")
        return self._answer(202, self._row(made))

    def _row(self, video: Billed) -> Any:
        created_at = self._moment(video.committed).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"id": video.id, "status": "queued", "template_id": video.template_id, "created_at": created_at}

    def _answer(self, status: int, body: Any) -> Answer:
        if self.date_ahead is None:
            return answer(status, body)
        date = self._moment(self.clock.time + self.date_ahead)
        return answer(status, body, {"Date": format_datetime(date, usegmt=True)})

    @staticmethod
    def _moment(seconds: float) -> datetime:
        return START + timedelta(seconds=seconds - 1000.0)

    @asynccontextmanager
    async def stream(self, request: Request, timeout: float) -> AsyncIterator[Download]:
        raise NotImplementedError
        yield

    async def close(self) -> None:
        """Close nothing."""
