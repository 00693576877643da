"""`bluma listen --poll`: no event is lost by a poll that fails, a video that is gone, or many videos at once."""

from __future__ import annotations

import json
import re
from typing import Any, AsyncIterator, Dict, List, Tuple
from urllib.parse import parse_qs, urlsplit

import pytest

from bluma_async import errors
from bluma_async._wire.messages import Answer, Request
from bluma_async.cli.polling import EventPoller
from bluma_async.cli.printing import Printer
from tests.fakes import answer, client_with

Capture = pytest.CaptureFixture[str]


class Account:
    """The videos of an account, newest first, and the answers to single ones that differ."""

    def __init__(self) -> None:
        self.videos: List[Dict[str, Any]] = []
        self.refused: Dict[str, int] = {}
        self.pages = 0
        self.cap = 0  # rows of a page at most, with counts of the pages; 0 for as many as are asked for

    def add(self, status: str, count: int = 1) -> List[str]:
        """Create so many videos, and return their ids."""
        names = [f"batch_{len(self.videos) + number:03d}" for number in range(count)]
        for name in names:
            made = f"2026-01-01T00:{len(self.videos) // 60:02d}:{len(self.videos) % 60:02d}Z"
            self.videos.insert(0, {"id": name, "status": status, "template_id": "t", "created_at": made})
        return names

    def reply(self, request: Request) -> Answer:
        """Answer a request for a page or for a video."""
        url = urlsplit(request.url)
        if url.path.endswith("/videos"):
            self.pages += 1
            size = self.cap or 100
            begin = (int(parse_qs(url.query)["page"][0]) - 1) * size
            counts = {"total": len(self.videos), "total_pages": -(-len(self.videos) // size)} if self.cap else {}
            return answer(200, {"videos": self.videos[begin : begin + size], "pagination": counts})
        name = url.path.rpartition("/")[2]
        if name in self.refused:
            return answer(self.refused[name], {"error": {"detail": "no", "status": self.refused[name]}})
        return answer(200, next(video for video in self.videos if video["id"] == name))


@pytest.fixture
async def polled() -> AsyncIterator[Tuple[Account, EventPoller]]:
    """Give an account, and what polls it."""
    account = Account()
    client, _, _ = client_with(account.reply, max_retries=0)
    yield account, EventPoller(client, Printer((), is_json=True), secret="whsec_x", forward=None)
    await client.aclose()


def read_events(capsys: Capture) -> List[Tuple[str, str]]:
    """Return the videos and types of the events that were printed."""
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [(event["video_id"], event["type"]) for event in events]


async def test_a_poll_that_fails_loses_no_event(polled: Tuple[Account, EventPoller], capsys: Capture) -> None:
    """The events of the videos behind the failed one are made by the next poll, and none is made twice."""
    account, poller = polled
    first, second, third = account.add("processing", 3)
    await poller.poll()
    for video in account.videos:
        video["status"] = "completed"
    account.refused[second] = 500

    with pytest.raises(errors.ServerError):
        await poller.poll()
    before = read_events(capsys)
    account.refused.clear()
    await poller.poll()
    after = read_events(capsys)
    await poller.poll()

    assert before == [(first, "video.completed")]
    assert after == [(second, "video.completed"), (third, "video.completed")]
    assert read_events(capsys) == []


async def test_a_video_that_is_gone_was_deleted(polled: Tuple[Account, EventPoller], capsys: Capture) -> None:
    """It does not end the command, and the other videos have their events."""
    account, poller = polled
    await poller.poll()
    gone, other = account.add("completed", 2)
    account.refused[gone] = 404

    await poller.poll()

    assert read_events(capsys) == [(gone, "video.deleted"), (other, "video.completed")]


async def test_an_unfinished_video_that_was_deleted_is_not_searched_for_again(
    polled: Tuple[Account, EventPoller], capsys: Capture
) -> None:
    """It is in no page of the list; further polls read one page again."""
    account, poller = polled
    account.add("completed", 250)
    account.add("processing")
    await poller.poll()
    account.videos.pop(0)

    await poller.poll()
    account.pages = 0
    await poller.poll()

    assert (account.pages, read_events(capsys)) == (1, [])


async def test_a_row_that_cannot_be_read_makes_no_event(polled: Tuple[Account, EventPoller], capsys: Capture) -> None:
    """Neither an unreadable status nor an unreadable id is a change; the next poll reads the video."""
    account, poller = polled
    first, second = account.add("processing", 2)
    await poller.poll()
    newer, older = account.videos
    newer["status"], older["id"] = None, None

    await poller.poll()
    before = read_events(capsys)
    newer["status"] = older["status"] = "completed"
    older["id"] = first
    await poller.poll()

    assert before == []
    assert read_events(capsys) == [(first, "video.completed"), (second, "video.completed")]


async def test_many_videos_between_two_polls(polled: Tuple[Account, EventPoller], capsys: Capture) -> None:
    """Pages are read until one has a video that is known."""
    account, poller = polled
    account.add("completed", 30)
    await poller.poll()
    made = account.add("processing", 150)

    await poller.poll()

    assert read_events(capsys) == [(name, "video.processing") for name in made]


async def test_a_page_that_is_smaller_than_asked_for_is_not_the_end(
    polled: Tuple[Account, EventPoller], capsys: Capture
) -> None:
    """The server's counts say whether there are more pages: an old video has its event too."""
    account, poller = polled
    account.cap = 2
    names = account.add("processing", 3)
    await poller.poll()
    await poller.poll()
    for video in account.videos:
        video["status"] = "completed"

    await poller.poll()

    assert sorted(read_events(capsys)) == [(name, "video.completed") for name in names]


async def test_too_many_videos_between_two_polls(polled: Tuple[Account, EventPoller], capsys: Capture) -> None:
    """The pages of a poll are bounded, and that some are left out is printed."""
    account, poller = polled
    account.add("completed")
    await poller.poll()
    account.add("processing", 1100)

    await poller.poll()

    out, err = capsys.readouterr()
    assert out.count("\n") == 1000
    assert re.search(r"More than 1000 videos .* get no event", err)
