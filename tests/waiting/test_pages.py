"""Many waits are polled by the pages of active videos, and few one by one."""

from __future__ import annotations

import asyncio
from typing import Any, List

import pytest

from bluma_async import errors
from bluma_async.types import Video
from tests.fakes import FakeClock, client_with, problem
from tests.waiting.served import Server, served, wait_all


async def test_a_handful_is_read_one_by_one() -> None:
    """Up to four videos, no list is read."""
    client, server, _ = served(dict.fromkeys("abcd", 3.0))

    await wait_all(client, "abcd")

    assert sorted(server.sent) == sorted([f"/videos/{name}" for name in "abcd"] * 2)


async def test_many_are_read_by_pages_and_once_in_full() -> None:
    """Three hundred videos: pages of the active ones, and one read of each when it is finished."""
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
    """Lists have no progress, so a wait with `on_progress` costs one more read in each round."""
    ends = {f"v{number}": 11.0 for number in range(50)}
    client, server, _ = served(ends)
    reported: List[int] = []

    await asyncio.gather(wait_all(client, list(ends)[1:]), client.videos.wait_for("v0", on_progress=reported.append))

    assert reported == [7, 100]
    assert server.sent.count("/videos/v0") == 4
    assert server.sent.count("/videos/v1") == 1


@pytest.mark.parametrize("failures", [[problem(503)] * 4, [errors.NetworkError("cut")] * 4, [problem(429)]])
async def test_a_transient_failure_of_a_list_does_not_end_waits(failures: List[Any]) -> None:
    """After a 503 and its retries, a cut connection or a 429, the next list is read as usual."""
    ends = {f"v{number}": 3.0 for number in range(9)}
    clock = FakeClock()
    server = Server(clock, {name: clock.time + end for name, end in ends.items()})
    left = list(failures)

    def serve(request: Any) -> Any:
        return left.pop(0) if "?" in request.url and left else server(request)

    client, _, _ = client_with(serve, clock=clock)

    done = await wait_all(client, ends)

    assert {video.status for video in done} == {"completed"}
    assert left == []
    assert len([path for path in server.sent if "?" in path]) == 2  # the pages of one list


@pytest.mark.parametrize("refusal", [403, 404])
async def test_a_key_that_may_not_list_polls_one_by_one(refusal: int) -> None:
    """If lists are refused, videos are read one by one."""
    clock = FakeClock()
    server = Server(clock, {f"v{number}": clock.time + 3 for number in range(9)})
    client, _, _ = client_with(lambda request: problem(refusal) if "?" in request.url else server(request), clock=clock)

    done = await wait_all(client, server.ends)

    assert {video.status for video in done} == {"completed"}
    assert len(server.sent) == 18


async def test_a_list_longer_than_the_waits_is_not_read() -> None:
    """Five waits among a thousand active videos: five reads cost less than eleven pages."""
    ends = {f"v{number}": 3.0 if number < 5 else 1e9 for number in range(1000)}
    client, server, _ = served(ends)

    await wait_all(client, list(ends)[:5])

    assert len([path for path in server.sent if "?" in path]) <= 2
    assert len(server.sent) <= 12


async def test_an_unknown_id_ends_its_own_waits_alone() -> None:
    """A 404 ends the waits for that id only; each wait gets an error object of its own."""
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
