"""The poll hub: one poll for many waits, pages for many videos, paced by the budget, nothing left behind."""

from __future__ import annotations

import asyncio
import gc
from datetime import datetime, timezone
from typing import Any, Dict, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._wire.messages import Answer
from bluma_async.sandbox import Sandbox
from bluma_async.types import Video, VideoEvent, VideoEventData, WebhookEvent, WebhookEventType
from tests.fakes import FakeClock, FakeTransport, answer, client_with, problem

MOMENT = datetime(2025, 11, 3, 10, 31, tzinfo=timezone.utc)

VIDEO = {"template_id": "t", "created_at": "2025-11-03T10:30:00Z"}


class Server:
    """Answers like the API: videos that are finished at a moment of the clock, and a budget if there is one."""

    def __init__(self, clock: FakeClock, ends: Dict[str, float], budget: Any = None) -> None:
        self.clock = clock
        self.ends = ends
        self.sent: List[str] = []
        self.budget = budget
        self.uses: List[float] = []
        self.refused = 0

    def __call__(self, request: Any) -> Answer:
        path = request.url.split("/v1", 1)[1]
        self.sent.append(path)
        headers = self._count()
        if headers is None:
            self.refused += 1
            return problem(429)
        if path.startswith("/videos/"):
            video_id = path.split("/")[2]
            return answer(200, {**VIDEO, "id": video_id, "status": self._status(video_id), "progress": 7}, headers)
        query = dict(part.split("=") for part in path.partition("?")[2].split("&"))
        found = [name for name in self.ends if self._status(name) == query["status"]]
        first = (int(query["page"]) - 1) * 100
        rows = [{**VIDEO, "id": name, "status": query["status"]} for name in found[first : first + 100]]
        pages = {"page": int(query["page"]), "limit": 100, "total": len(found), "total_pages": -(-len(found) // 100)}
        return answer(200, {"videos": rows, "pagination": pages}, headers)

    def _status(self, name: str) -> str:
        return "completed" if self.clock.time >= self.ends[name] else "processing"

    def _count(self) -> Any:
        if self.budget is None:
            return {}
        now = self.clock.time
        self.uses = [use for use in self.uses if use > now - 3600]
        if len(self.uses) >= self.budget:
            return None
        self.uses.append(now)
        noon = 1762171200
        return {
            "Date": "Mon, 03 Nov 2025 12:00:00 GMT",
            "X-RateLimit-Limit": str(self.budget),
            "X-RateLimit-Remaining": str(self.budget - len(self.uses)),
            "X-RateLimit-Reset": str(noon + int(self.uses[0] + 3600 - now + 0.999)),
        }


def served(ends: Dict[str, float], budget: Any = None) -> tuple[AsyncBluma, Server, FakeClock]:
    """Return a client of such a server."""
    clock = FakeClock()
    server = Server(clock, {name: clock.time + end for name, end in ends.items()}, budget)
    client, _, _ = client_with(server, clock=clock)
    return client, server, clock


async def wait_all(client: AsyncBluma, ids: Any, **options: Any) -> List[Video]:
    """Wait for all of them at once."""
    return list(await asyncio.gather(*(client.videos.wait_for(name, **options) for name in ids)))


async def test_many_waits_for_one_video_are_one_poll() -> None:
    """A hundred wait, and the video is read as often as for one."""
    client, server, clock = served({"v": 12})

    done = await wait_all(client, ["v"] * 100)

    assert {video.status for video in done} == {"completed"}
    assert server.sent == ["/videos/v"] * 4
    assert clock.slept == [5, 5, 5]


async def test_a_handful_is_read_one_by_one() -> None:
    """Up to four, no list is read."""
    client, server, _ = served(dict.fromkeys("abcd", 3.0))

    await wait_all(client, "abcd")

    assert sorted(server.sent) == sorted([f"/videos/{name}" for name in "abcd"] * 2)


async def test_many_are_read_by_pages_and_once_in_full() -> None:
    """Three hundred videos: pages of those that are active, and one read each when it is finished."""
    ends = {f"v{number}": 5.0 * (number % 4) + 1 for number in range(300)}
    client, server, clock = served(ends)

    done = await wait_all(client, ends)

    singles = [path for path in server.sent if path.startswith("/videos/")]
    assert [video.id for video in done] == list(ends)
    assert all(video.progress == 7 for video in done)
    assert sorted(singles) == sorted(f"/videos/{name}" for name in ends)
    assert len(server.sent) - len(singles) < 25
    assert clock.slept == [5, 5, 5, 5]


async def test_watched_progress_is_read_by_itself() -> None:
    """Lists carry no progress; only whoever watches costs a read in each round."""
    ends = {f"v{number}": 11.0 for number in range(50)}
    client, server, _ = served(ends)
    told: List[int] = []

    await asyncio.gather(wait_all(client, list(ends)[1:]), client.videos.wait_for("v0", on_progress=told.append))

    assert told == [7, 100]
    assert server.sent.count("/videos/v0") == 4
    assert server.sent.count("/videos/v1") == 1


async def test_five_hundred_under_a_thousand_an_hour() -> None:
    """No 429, nobody starves: all are told, at the latest a while after their end."""
    ends = {f"v{number}": 100.0 + number * 7 for number in range(500)}
    client, server, clock = served(ends, budget=1000)
    learned: Dict[str, float] = {}

    async def wait(name: str) -> None:
        await client.videos.wait_for(name, timeout=86400)
        learned[name] = clock.time - server.ends[name]

    await asyncio.gather(*(wait(name) for name in ends))

    assert server.refused == 0
    assert len(learned) == 500
    assert max(learned.values()) < 120


async def test_a_spent_budget_is_waited_for() -> None:
    """At nothing left, nothing is asked before the reset."""
    client, server, clock = served({"v": 4000.0}, budget=3)

    await client.videos.wait_for("v", timeout=86400)

    assert server.refused == 0
    assert min(clock.slept) > 500


async def test_what_others_have_spent_is_waited_for() -> None:
    """The budget is used up by other calls: the first look comes after the reset."""
    client, server, clock = served({"v": 0.0, "w": 0.0}, budget=1)
    await client.videos.get("w")

    await client.videos.wait_for("v", timeout=86400)

    assert (server.refused, len(server.sent)) == (0, 2)
    assert clock.time >= 1000 + 3600


async def test_lists_that_fail_in_passing() -> None:
    """A 503, a cut, a 429 with its pause: the next round sees it all; who leaves meanwhile leaves the others be."""
    ends = {f"v{number}": 3.0 for number in range(9)}
    clock = FakeClock()
    server = Server(clock, {name: clock.time + end for name, end in ends.items()})
    failures: List[Any] = [problem(503)] * 4 + [errors.NetworkError("cut")] * 4 + [problem(429)]

    def serve(request: Any) -> Any:
        return failures.pop(0) if "?" in request.url and failures else server(request)

    client, _, _ = client_with(serve, clock=clock)

    done = await wait_all(client, ends)

    assert {video.status for video in done} == {"completed"}
    assert failures == []


async def test_a_hook_that_fails_during_a_poll_ends_the_waits() -> None:
    """Nobody awaits the poll itself: those who wait hear of what went wrong."""

    def fail(_: object) -> None:
        raise ZeroDivisionError

    clock = FakeClock()
    client, _, _ = client_with(Server(clock, {"v": 2000.0}), clock=clock, on_request=fail)

    with pytest.raises(ZeroDivisionError):
        await client.videos.wait_for("v")


async def test_each_wait_has_its_own_deadline() -> None:
    """One gives up after 7 s, another after 12, the third is told."""
    client, _, clock = served({"v": 14.0})
    began = clock.time

    async def wait(timeout: float) -> float:
        try:
            await client.videos.wait_for("v", timeout=timeout)
        except errors.WaitTimeoutError as late:
            assert late.last is not None
            return began - clock.time
        return clock.time - began

    assert await asyncio.gather(wait(7), wait(12), wait(60)) == [
        -7,
        -12,
        17,
    ]  # each look is followed by a whole interval


async def test_cancelling_one_leaves_the_others() -> None:
    """Also when the poll was being made in its name."""
    gate = asyncio.Event()

    class Slow(FakeTransport):
        async def send(self, request: Any, timeout: float, patience: Any = None) -> Answer:
            sent = await super().send(request, timeout, patience)
            await gate.wait()
            return sent

    transport = Slow(answer(200, {**VIDEO, "id": "v", "status": "completed"}))
    client = AsyncBluma("bluma_test_key", transport=transport, clock=FakeClock())
    first, second = (asyncio.ensure_future(client.videos.wait_for("v")) for _ in range(2))
    while not transport.requests:
        await asyncio.sleep(0)

    first.cancel()
    await asyncio.wait([first])
    gate.set()

    assert (await second).status == "completed"
    assert first.cancelled()
    assert len(transport.requests) == 2


async def test_closing_ends_all_waits() -> None:
    """With an error that says so, and without a task left."""
    client, _, clock = served(dict.fromkeys("abcdefgh", 1e9))

    async def forever(_: float) -> None:
        await asyncio.Event().wait()

    clock.sleep = forever  # type: ignore[method-assign]  # the fake's own, for once
    waits = [asyncio.ensure_future(client.videos.wait_for(name, timeout=1e6)) for name in "abcdefgh"]
    for _ in range(20):
        await asyncio.sleep(0)
    await client.aclose()
    outcomes = await asyncio.gather(*waits, return_exceptions=True)
    await asyncio.sleep(0)

    assert {type(outcome) for outcome in outcomes} == {errors.BlumaError}
    assert "was closed while this waited" in str(outcomes[0])
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert client._hub._pollers == {}


async def test_nothing_is_left_behind() -> None:
    """After the last wait there is no task, no patrol, no entry."""
    client, _, _ = served({f"v{number}": 7.0 for number in range(20)})

    await wait_all(client, [f"v{number}" for number in range(20)])
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()

    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert client._hub._pollers == {}


async def test_what_is_learned_elsewhere_ends_a_wait() -> None:
    """A webhook tells the end: no further poll."""
    client, server, clock = served({"v": 1e9})
    naps: List[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        await asyncio.Event().wait()

    clock.sleep = nap  # type: ignore[method-assign]  # the fake's own, for once
    wait = asyncio.ensure_future(client.videos.wait_for("v"))
    while not naps:
        await asyncio.sleep(0)

    told = VideoEventData(id="v", status="completed", url="https://cdn/v.mp4", credits_charged=2)
    client.learn(VideoEvent(id="e", type=WebhookEventType.VIDEO_COMPLETED, data=told, created_at=MOMENT))

    done = await wait
    assert (done.status, done.url, done.credits_charged) == ("completed", "https://cdn/v.mp4", 2)
    assert done.completed_at == MOMENT
    assert server.sent == ["/videos/v"]


async def test_what_cannot_be_made_out_is_looked_at_at_once() -> None:
    """A deleted video, say: the wait ends with what a poll says."""
    client, server, clock = served({"v": 1e9})
    naps: List[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        await asyncio.Event().wait()

    clock.sleep = nap  # type: ignore[method-assign]  # as above
    wait = asyncio.ensure_future(client.videos.wait_for("v"))
    while not naps:
        await asyncio.sleep(0)
    server.ends["v"] = 0.0

    client.learn(VideoEvent(id="e", type=WebhookEventType.VIDEO_DELETED, data=VideoEventData(id="v")))
    client.learn(WebhookEvent(id="e", type=WebhookEventType.CREDITS_LOW))

    assert (await wait).status == "completed"
    assert server.sent == ["/videos/v", "/videos/v"]


@pytest.mark.parametrize("refusal", [403, 404])
async def test_a_key_that_may_not_list_polls_one_by_one(refusal: int) -> None:
    """What lists refuse, single reads may allow."""
    clock = FakeClock()
    server = Server(clock, {f"v{number}": clock.time + 3 for number in range(9)})
    client, _, _ = client_with(lambda request: problem(refusal) if "?" in request.url else server(request), clock=clock)

    done = await wait_all(client, server.ends)

    assert {video.status for video in done} == {"completed"}
    assert len(server.sent) == 18


async def test_a_list_longer_than_the_waits_is_not_read() -> None:
    """Five wait among a thousand active videos: five reads cost less than eleven pages."""
    ends = {f"v{number}": 3.0 if number < 5 else 1e9 for number in range(1000)}
    client, server, _ = served(ends)

    await wait_all(client, list(ends)[:5])

    assert len([path for path in server.sent if "?" in path]) <= 2
    assert len(server.sent) <= 12


async def test_an_unknown_id_ends_its_own_waits_alone() -> None:
    """A 404 is for those who wait for that id; each gets an error of its own."""
    clock = FakeClock()
    server = Server(clock, {f"v{number}": clock.time + 8 for number in range(9)})
    client, _, _ = client_with(
        lambda request: problem(404) if "nobody" in request.url else server(request), clock=clock
    )

    *done, first, second = await asyncio.gather(
        *(client.videos.wait_for(name) for name in [*server.ends, "nobody", "nobody"]), return_exceptions=True
    )

    assert all(isinstance(video, Video) for video in done)
    assert isinstance(first, errors.NotFoundError)
    assert isinstance(second, errors.NotFoundError)
    assert first is not second


async def test_against_the_sandbox(sandbox: Sandbox, client: AsyncBluma) -> None:
    """Twelve real videos: all are told, by pages."""
    videos = [await client.videos.create({"prompt": "Hi"}, "ugc-text-overlay") for _ in range(12)]
    waits = asyncio.gather(*(client.videos.wait_for(video.id, poll_interval=0.01) for video in videos))
    await asyncio.sleep(0)
    await sandbox.advance(105)

    done = await waits

    assert [video.id for video in done] == [video.id for video in videos]
    assert all(video.size_bytes for video in done)
    assert any(record.path == "/api/v1/videos" and record.method == "GET" for record in sandbox.requests)
