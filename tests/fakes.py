"""A clock and a transport for tests: no time passes, and nothing is sent."""

from __future__ import annotations

import asyncio
import inspect
import json
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from typing import Any, AsyncIterator, Callable, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from bluma_async import AsyncBluma
from bluma_async._wire.messages import Answer, Download, Request

Reply = Union[Answer, BaseException, Callable[[Request], Any]]
DATE = "Mon, 03 Nov 2025 10:30:30 GMT"
START = datetime(2025, 11, 3, 10, 30, 30, tzinfo=timezone.utc)  # of fake wall clocks
VIDEO = {"id": "batch_1", "status": "completed", "template_id": "t", "created_at": "2025-11-03T10:30:00Z"}


class FakeMonotonicClock:
    """A clock that moves only when a sleep is requested, and records the sleeps. It has no wall clock."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: List[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)


class FakeClock(FakeMonotonicClock):
    """The same with a wall clock, which begins at START; `ahead` is by how much it differs from the server's time."""

    ahead = timedelta(0)

    def utc(self) -> datetime:
        return START + self.ahead + timedelta(seconds=self.time - 1000.0)


class FakeTransport:
    """A transport that returns the given replies in turn, and the last one again and again."""

    def __init__(self, *replies: Reply, clock: Optional[FakeMonotonicClock] = None, takes: float = 0.0) -> None:
        self.replies = list(replies)
        self.requests: List[Request] = []
        self.timeouts: List[float] = []
        self.patience: List[Optional[float]] = []
        self.is_closed = False
        self.piece = 4  # bytes in each piece of a stream
        self._clock = clock
        self._takes = takes

    async def send(self, request: Request, timeout: float, patience: Optional[float] = None) -> Answer:
        self.requests.append(request)
        self.timeouts.append(timeout)
        self.patience.append(patience)
        if self._clock is not None:
            self._clock.time += self._takes
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if callable(reply) and not isinstance(reply, BaseException):
            reply = reply(request)
            reply = await reply if inspect.isawaitable(reply) else reply
        if isinstance(reply, BaseException):
            raise reply
        return reply

    @asynccontextmanager
    async def stream(self, request: Request, timeout: float) -> AsyncIterator[Download]:
        answer = await self.send(request, timeout)

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(answer.body), self.piece):
                yield answer.body[start : start + self.piece]

        yield Download(answer.status, answer.headers, pieces())

    async def close(self) -> None:
        self.is_closed = True

    @property
    def sent(self) -> List[str]:
        """Method and path of every request, without the base URL."""
        return [f"{request.method} {request.url.split('/v1', 1)[1]}" for request in self.requests]

    @property
    def bodies(self) -> List[Any]:
        return [None if request.body is None else json.loads(request.body) for request in self.requests]


def list_videos(
    *videos: Tuple[str, str], template_id: str = "t", total: Optional[int] = None, date: Optional[str] = DATE
) -> Answer:
    """Return a page with videos of these ids and `created_at`, newest first; `total` if there are more pages."""
    rows = [{"id": name, "status": "queued", "template_id": template_id, "created_at": made} for name, made in videos]
    total = len(rows) if total is None else total
    pagination = {"page": 1, "limit": 100, "total": total, "total_pages": -(-total // 100)}
    return answer(200, {"videos": rows, "pagination": pagination}, {"Date": date} if date else {})


def answer(status: int = 200, body: Any = None, headers: Optional[Mapping[str, str]] = None) -> Answer:
    """Return an answer with a JSON body; bytes are the body itself."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Answer(status, {name.lower(): value for name, value in (headers or {}).items()}, raw)


def problem(status: int, **error: Any) -> Answer:
    """Return an answer in the API's error envelope."""
    return answer(status, {"error": {"type": "x", "title": "X", "status": status, "detail": "It failed.", **error}})


def client_with(
    *replies: Reply, clock: Optional[FakeMonotonicClock] = None, takes: float = 0.0, **options: Any
) -> tuple[AsyncBluma, FakeTransport, FakeMonotonicClock]:
    """Return a client with a fake transport and a fake clock, and both fakes."""
    clock = clock or FakeClock()
    transport = FakeTransport(*replies, clock=clock, takes=takes)
    client = AsyncBluma("bluma_test_key", transport=transport, clock=clock, **options)
    return client, transport, clock


def pages(items: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    """Cut a sequence into pages."""
    return [items[start : start + size] for start in range(0, len(items), size)]
