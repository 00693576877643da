"""The network of one simulated process: requests take time, are cut, are answered by proxies, or never arrive."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import asynccontextmanager
from typing import AsyncIterator, Callable, List, Optional

from bluma_async._wire.messages import Answer, Download, Request
from bluma_async.errors import NetworkError, RequestTimeoutError
from tests.simulation.api import Api, MadeVideo
from tests.simulation.conditions import FATES, UNREADABLE
from tests.simulation.virtual import Killed, spawn_outside

PROXY_KINDS = {"502", "504", "bare 503", "bare 409"}
Trace = Callable[[str], None]


class Network:
    """
    The Transport port of one process.

    Attributes:
        is_cut: Whether no answer reaches the process now.
    """

    is_cut = False

    def __init__(self, api: Api, chance: random.Random, trace: Trace) -> None:
        self._api = api
        self._chance = chance
        self._trace = trace
        self.is_dead = False
        self.creates = 0
        self.faults = 0
        self._delivered: List[MadeVideo] = []
        self._under_way: List[asyncio.Task[None]] = []

    async def send(self, request: Request, timeout: float, patience: Optional[float] = None) -> Answer:
        """Exchange a request for its answer, within `timeout` seconds."""
        limit = timeout if patience is None else min(timeout, patience)
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        is_create = request.method == "POST" and request.url.endswith("/videos")
        serve = self._create(request, answered) if is_create else self._read(request, answered)
        task = spawn_outside(asyncio.get_running_loop(), serve)  # the server goes on when the client has gone
        self._under_way.append(task)
        task.add_done_callback(self._under_way.remove)
        try:
            await asyncio.wait([answered], timeout=limit)
        finally:
            answered.cancel()  # if it is not there: nobody waits for it any more
        if answered.cancelled():
            raise RequestTimeoutError("no answer in time", request_sent=True)
        if self.is_dead:
            raise Killed
        return answered.result()

    @asynccontextmanager
    async def stream(self, request: Request, timeout: float) -> AsyncIterator[Download]:
        """Refuse: files are not simulated."""
        raise NetworkError("files are not simulated", request_sent=False)
        yield

    async def close(self) -> None:
        """Have nothing to close."""

    def _delay(self) -> float:
        return self._api.conditions.latency * self._chance.uniform(0.5, 1.5)

    async def _create(self, request: Request, answered: asyncio.Future[Answer]) -> None:
        conditions, chance = self._api.conditions, self._chance
        is_fault = chance.random() < conditions.create_faults
        fate = chance.choice(conditions.fates) if is_fault else "answered"
        acts, kind = FATES[fate]
        self.creates += 1
        self.faults += fate != "answered"
        maker = request.headers["Idempotency-Key"]
        self._trace(f"POST /videos {maker[:6]}: {fate}")
        if kind == "no connection":
            _fail(answered, NetworkError("connection refused", request_sent=False))
            return
        await asyncio.sleep(self._delay())
        video = self._api.create(json.loads(request.body or b"{}"), maker) if acts else None
        if video is not None:
            self._trace(f"  accepted as {video.id}, committed at {video.committed:.1f}")
            if not conditions.dated_at_arrival and kind == "answer":  # no answer has a time that has not come yet
                await asyncio.sleep(max(video.committed - asyncio.get_running_loop().time(), 0.0))
        await asyncio.sleep(self._delay())
        self._reply(kind, video, answered)

    def _reply(self, kind: str, video: Optional[MadeVideo], answered: asyncio.Future[Answer]) -> None:
        api = self._api
        if kind == "answer" and video is not None:
            if not answered.done() and not self.is_cut:
                self._delivered.append(video)  # what can come once more, astray
            _settle(answered, api.created(video))
        elif kind in PROXY_KINDS:
            _settle(answered, Answer(int(kind[-3:]), {"content-type": "text/html"}, b"<html>proxy</html>"))
        elif kind == "garbage":
            _settle(answered, Answer(202, {}, b'{"id": '))
        elif kind == "stray":
            older = self._chance.choice(self._delivered) if self._delivered else None
            _settle(answered, api.created(older) if older else Answer(202, {}, b""))
        else:
            self._refuse_or_cut(kind, answered)

    def _refuse_or_cut(self, kind: str, answered: asyncio.Future[Answer]) -> None:
        api = self._api
        if kind == "cut":
            _fail(answered, NetworkError("connection cut", request_sent=True))
        elif kind in {"500", "503", "429"}:
            answer = api.refuse(int(kind), "server_error" if kind == "500" else "refused")
            if kind == "429":
                answer.headers = {**answer.headers, "retry-after": self._chance.choice(("0", "3"))}
            _settle(answered, answer)

    async def _read(self, request: Request, answered: asyncio.Future[Answer]) -> None:
        await asyncio.sleep(self._delay())
        answer = self._api.read(request)
        await asyncio.sleep(self._delay())
        is_list = "/videos?" in request.url or request.url.endswith("/videos")
        if is_list and self._chance.random() < self._api.conditions.list_failures:
            kind = self._chance.choice(UNREADABLE)
            self._trace(f"{request.method} list: unreadable, {kind}")
            if kind == "cut":
                _fail(answered, NetworkError("connection cut", request_sent=True))
            elif kind == "garbage":
                _settle(answered, Answer(200, {}, b"<html>"))
            elif kind != "silence":
                _settle(answered, self._api.refuse(int(kind), "failed"))
            return
        _settle(answered, answer)


def _settle(answered: asyncio.Future[Answer], answer: Answer) -> None:
    if not answered.done():
        answered.set_result(answer)


def _fail(answered: asyncio.Future[Answer], error: BaseException) -> None:
    if not answered.done():
        answered.set_exception(error)
