"""A create is billed once, however slow, inconsistent or unreadable the server is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, List, Optional, Tuple

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from tests.fakes import FakeClock, FakeMonotonicClock, answer, client_with, list_videos, problem
from tests.resources.slow_server import SlowServer

PROMPT = {"prompt": "p"}
CUT = errors.NetworkError("cut")
QUIET = list_videos()
SERVER_ERROR = problem(500, type="internal_error")
UNREADABLE = {  # six ways in which a list of videos cannot be read
    "500": problem(500),
    "403": problem(403),
    "429": problem(429),
    "garbage": answer(200, b"<html>"),
    "cut": errors.NetworkError("cut"),
    "silent": errors.RequestTimeoutError("silent"),
}
LIST_FAULTS: Any = {
    "500": ("status", {"status": 500}),
    "403": ("status", {"status": 403}),
    "429": ("status", {"status": 429}),
    "garbage": ("not_json", {}),
    "cut": ("drop_before", {}),
    "silent": ("silent", {}),
}


def slow(**server: Any) -> Tuple[SlowServer, FakeClock]:
    """Return a slow server and its clock."""
    clock = FakeClock()
    return SlowServer(clock, **server), clock


def client_of(server: SlowServer, **options: Any) -> AsyncBluma:
    """Return a client of a slow server."""
    return AsyncBluma("bluma_test_key", transport=server, clock=server.clock, **{"timeout": 2.0, **options})


@pytest.mark.parametrize("max_retries", [0, 3])
@pytest.mark.parametrize("listed", UNREADABLE)
@pytest.mark.parametrize(
    ("failure", "kind", "is_accepted"),
    [
        (SERVER_ERROR, "internal_error", False),
        (answer(503, b"<html>"), None, False),
        (answer(202, b'{"id": '), None, True),
        (CUT, None, False),
    ],
    ids=["500", "bare 503", "unreadable 202", "cut"],
)
async def test_an_unreadable_list_proves_nothing(
    failure: Any, kind: Optional[str], is_accepted: bool, listed: str, max_retries: int
) -> None:
    """The create is sent once; the server's error is the cause of the doubt, and gives its `type`."""
    client, transport, _ = client_with(failure, UNREADABLE[listed], max_retries=max_retries)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create(PROMPT, "t")

    assert transport.sent.count("POST /videos") == 1
    assert isinstance(caught.value.__cause__, errors.NetworkError if failure is CUT else errors.ServerError)
    assert (caught.value.type, caught.value.accepted) == (
        kind or getattr(caught.value.__cause__, "type", None),
        is_accepted,
    )
    assert len(client.open_creates) == 1


@pytest.mark.parametrize("listed", LIST_FAULTS)
@pytest.mark.parametrize(("kind", "details"), [("status_after", {"status": 500}), ("not_json", {})])
async def test_one_bill_if_the_list_cannot_be_read(sandbox: Sandbox, kind: str, details: Any, listed: str) -> None:
    """Over real sockets: a create that was accepted, and a list that fails from then on."""
    sandbox.faults.add("POST /videos", kind, times=None, **details)
    list_kind, list_details = LIST_FAULTS[listed]
    sandbox.faults.add("GET /videos", list_kind, times=None, **list_details)
    options: Any = {"retry_delay": 0.0, "settle_time": 0.0, "timeout": 0.3, "max_retries": 1}

    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, **options) as client:
        with pytest.raises(errors.AmbiguousCreateError):
            await client.videos.create(PROMPT, "ugc-text-overlay")

    assert sandbox.state()["billed"] == 1


@pytest.mark.parametrize(
    ("fate", "commit", "lag"),
    [("cut", 0.0, 3.0), ("late", 4.0, 0.0), ("late", 4.0, 3.0), ("cut", 0.0, 29.0), ("late", 15.0, 15.0)],
)
async def test_a_late_video_is_found(fate: str, commit: float, lag: float) -> None:
    """A list that lags, or a commit after the timeout: one bill, and its video is the candidate."""
    server, clock = slow(fates=[fate], commit=commit, lag=lag)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client_of(server).videos.create(PROMPT, "t")

    assert [video.id for video in caught.value.candidates] == ["batch_1"]
    assert len(server.billed) == 1
    assert clock.slept == [1, 29]


async def test_a_late_video_is_billed_twice_without_the_settle_time() -> None:
    """The model of the server can show the error that the wait prevents: a client that does not wait pays twice."""
    server, _ = slow(fates=["cut"], lag=3.0)

    await client_of(server, settle_time=0.0).videos.create(PROMPT, "t")

    assert len(server.billed) == 2


@pytest.mark.parametrize("fates", [["lost"], ["lost", "lost", "lost"]])
async def test_a_create_that_never_arrived_is_repeated(fates: List[str]) -> None:
    """Doubt is not a way out: a create that was certainly not accepted is sent again, and returns."""
    server, clock = slow(fates=list(fates), lag=3.0)

    video = await client_of(server).videos.create(PROMPT, "t")

    assert (video.id, len(server.billed)) == ("batch_1", 1)
    assert sum(clock.slept) == 30 * len(fates)


@pytest.mark.parametrize("date_ahead", [2.0, 30.0, 55.0, -55.0])
@pytest.mark.parametrize("local_ahead", [0.0, 55.0, -3600.0])
async def test_a_date_out_of_step_does_not_hide_a_video(date_ahead: float, local_ahead: float) -> None:
    """Date, and our own clock, up to 55 s ahead of `created_at`: the video is in the window."""
    server, clock = slow(fates=["cut"], date_ahead=date_ahead)
    clock.ahead = timedelta(seconds=local_ahead)
    client = client_of(server)
    await client.templates.list()

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create(PROMPT, "t")

    assert [video.id for video in caught.value.candidates] == ["batch_1"]
    assert len(server.billed) == 1


async def test_an_answered_create_shows_the_skew() -> None:
    """From then on the window is exact: a stranger's video of ten seconds ago is not a candidate, our own still is."""
    server, _ = slow(fates=["answered", "cut"], date_ahead=5.0)
    client = client_of(server)
    await client.videos.create(PROMPT, "t")
    server.clock.time += 100
    server.make(seconds_ago=10)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create(PROMPT, "t")

    assert [video.id for video in caught.value.candidates] == ["batch_3"]


async def test_no_search_names_a_date() -> None:
    """Finding 4: `from_date` is documented as "created after", so no search depends on it."""
    server, _ = slow(fates=["lost", "cut"])

    with pytest.raises(errors.AmbiguousCreateError):
        await client_of(server).videos.create(PROMPT, "t")

    searches = [request.url for request in server.requests if request.method == "GET"]
    assert len(searches) == 3
    assert not [url for url in searches if "date" in url.lower()]


async def test_without_a_date_the_local_clock_gives_the_window() -> None:
    """A server that sends no Date: a day-old video is not a candidate, and our own is."""
    server, _ = slow(fates=["cut"], date_ahead=None)
    server.make(seconds_ago=86_400)
    client = client_of(server)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create(PROMPT, "t")

    assert [video.id for video in caught.value.candidates] == ["batch_2"]


async def test_without_any_clock_there_is_doubt() -> None:
    """Neither a Date nor a wall clock: every video could be its own, so none is searched for, and nothing is resent."""
    client, transport, _ = client_with(CUT, QUIET, clock=FakeMonotonicClock())

    with pytest.raises(errors.AmbiguousCreateError, match="neither the server's clock nor this machine's") as caught:
        await client.videos.create(PROMPT, "t")

    assert (transport.sent, caught.value.started_at) == (["POST /videos"], None)
