"""What is known of a create: by its outcome, its window, and the pages that a search has read."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import List, Optional, Sequence

import pytest

from bluma_async import errors
from bluma_async._wire.answers import read_answer as read
from bluma_async._wire.certainty import CreateOutcome, classify, window_begin
from bluma_async._wire.messages import Answer
from bluma_async._wire.video_search import CandidateSearch, ListedVideo, VideoListing

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
OWN = b'{"error": {"type": "t", "title": "x", "status": 400, "detail": "d"}}'


def failure_of(status: int, body: bytes) -> errors.APIError:
    """Return the error that an answer means."""
    with pytest.raises(errors.APIError) as caught:
        read(Answer(status, {}, body), lambda raw: raw["id"])  # type: ignore[index]  # any JSON
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        *[(status, OWN, "REFUSED") for status in (400, 401, 402, 403, 404, 409, 422, 429, 503)],
        (401, b'{"error": "Unauthorized"}', "REFUSED"),
        *[(status, b"<html>", "UNCERTAIN") for status in (400, 403, 408, 409, 425, 429, 499, 503)],
        *[(status, b"", "UNCERTAIN") for status in (408, 429, 503)],
        *[(status, b'{"error": "Timeout"}', "UNCERTAIN") for status in (400, 403, 408, 409, 425, 429, 499, 503)],
        (503, b'{"status": 503, "error": "Service Unavailable", "path": "/api/v1/videos"}', "UNCERTAIN"),
        (503, b'{"message": "no upstream"}', "UNCERTAIN"),
        (503, b'{"error": {}}', "UNCERTAIN"),
        *[(status, OWN, "UNCERTAIN") for status in (500, 502, 504, 301)],
        *[(status, b"{", "ACCEPTED") for status in (200, 202, 204)],
        (202, b"", "ACCEPTED"),
    ],
)
def test_the_outcome_of_an_answered_create(status: int, body: bytes, outcome: str) -> None:
    """Only the API's own words refuse, a bare text at 401 alone; every 2xx accepts, readable or not."""
    assert classify(failure_of(status, body)) is CreateOutcome[outcome]


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (errors.NetworkError("refused", request_sent=False), "REFUSED"),
        (errors.NetworkError("cut", request_sent=True), "UNCERTAIN"),
        (errors.RequestTimeoutError("late"), "UNCERTAIN"),
        (errors.RequestTimeoutError("no connection came free", request_sent=False), "REFUSED"),
        (errors.InvalidArgumentError("bad"), "REFUSED"),
        (errors.BlumaError("whatever"), "UNCERTAIN"),
    ],
)
def test_the_outcome_of_a_create_without_an_answer(failure: errors.BlumaError, outcome: str) -> None:
    """Whatever may have left this machine is uncertain."""
    assert classify(failure) is CreateOutcome[outcome]


@pytest.mark.parametrize(
    ("date", "local", "skew", "expected"),
    [
        (0, 0, None, -60),
        (30, -10, None, -70),
        (-30, 10, None, -90),
        (None, 5, None, -55),
        (5, None, None, -55),
        (None, None, None, None),
        (10, 500, 4, 4),
        (10, -500, -3, 8),
        (None, 0, 4, -60),
    ],
)
def test_the_window_begins_before_every_clock(
    date: Optional[int], local: Optional[int], skew: Optional[int], expected: Optional[int]
) -> None:
    """A learned skew replaces the minute that is allowed for unknown clocks; without a clock there is no window."""
    moments = [None if seconds is None else NOON + timedelta(seconds=seconds) for seconds in (date, local)]
    learned = None if skew is None else timedelta(seconds=skew)

    begin = window_begin(moments[0], moments[1], learned)

    assert begin == (None if expected is None else NOON + timedelta(seconds=expected))


def page(*ages: Optional[int], total: Optional[int], pages: Optional[int] = 1, start: int = 0) -> VideoListing:
    """Return a page of videos that are so many seconds old; their ids count from `start`."""
    videos = [
        ListedVideo(f"v{start + number}", "t", None if age is None else NOON - timedelta(seconds=age))
        for number, age in enumerate(ages)
    ]
    return VideoListing(videos, total, pages)


def search(pages: Sequence[VideoListing]) -> CandidateSearch:
    """Give a search the pages it asks for; the window is ten seconds long."""
    searching = CandidateSearch(NOON - timedelta(seconds=10))
    while (number := searching.next_page) is not None and number <= len(pages):
        searching.add(pages[number - 1])
    return searching


@pytest.mark.parametrize(
    ("pages", "found", "is_complete"),
    [
        ([page(total=0)], [], True),
        ([page(1, 5, total=2)], ["v0", "v1"], True),
        ([page(10, total=1)], ["v0"], True),  # the first second of the window counts
        ([page(1, 20, total=9, pages=2), page(30, 40, total=9, start=2)], ["v0"], True),
        ([page(20, total=9, pages=9), page(1, total=9, start=1)], ["v1"], False),  # one video shows no order
        ([page(20, 30, total=9, pages=5)], [], True),  # a page that lies wholly before the window is far enough
        ([page(1, total=3, pages=1), page(total=3)], ["v0"], False),  # an empty page below `total` is not the end
        ([page(1, total=3, pages=1), page(5, 20, total=3, start=1)], ["v0", "v1"], True),  # capped below `limit`
        # One video was pushed onto the next page by a new one: the list has four now, and three were read.
        ([page(1, 2, total=3, pages=2), page(2, 20, total=4, pages=2, start=1)], ["v0", "v1"], False),
        (
            [
                page(1, 2, total=3, pages=2),
                page(2, 20, total=4, pages=2, start=1),
                page(30, total=4, pages=2, start=3),
            ],
            ["v0", "v1"],
            True,
        ),
        ([page(1, 2, total=4, pages=2), page(total=3, pages=2)], ["v0", "v1"], False),  # one was deleted meanwhile
        ([page(20, 30, total=4, pages=2), page(1, 5, total=4, pages=2, start=2)], [], True),  # ordered as far as read
        ([page(30, 20, total=4, pages=2), page(1, 5, total=4, pages=2, start=2)], ["v2", "v3"], True),  # unordered
        ([page(30, 20, total=9, pages=2), page(1, 5, total=9, pages=2, start=2), page(total=9)], ["v2", "v3"], False),
        ([page(None, 20, total=2)], ["v0"], True),  # a video without a time is a candidate
        ([page(1, total=None, pages=None), page(total=None, pages=None)], ["v0"], False),  # no counts: no proof
        ([page(20, 30, total=None, pages=None)], [], True),
        ([page(20, total=None, pages=None), page(total=None, pages=None)], [], False),
    ],
)
def test_a_search_is_complete_when_it_read_far_enough(
    pages: Sequence[VideoListing], found: List[str], is_complete: bool
) -> None:
    """Every video of the window was seen, or the search is not proof."""
    searching = search(pages)

    assert [video.id for video in searching.found] == found
    assert searching.is_complete is is_complete


def test_a_search_is_bounded() -> None:
    """A list that never ends is given up after so many requests, and proves nothing."""
    searching = CandidateSearch(NOON - timedelta(days=999), most_requests=3)
    while (number := searching.next_page) is not None:
        searching.add(page(1, total=1000, pages=1000, start=number))

    assert len(searching.found) == 3
    assert not searching.is_complete
