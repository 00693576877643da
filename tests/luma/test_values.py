"""Traps about values and shapes: the many forms of the same answer."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from tests.luma.answers import ID, RUNNING, decode_created, decode_read, wrap_task


@pytest.mark.parametrize(
    ("value", "wait"), [("45", 45.0), (45, 45.0), (None, None), (-1, None), ("soon", None), (True, None), ([], None)]
)
def test_traps_6_and_7_everything_is_text(value: Any, wait: Any) -> None:
    """Traps 6 and 7: numbers may be text, null or invalid; they never cause an error."""
    row = {**RUNNING, "estimate_wait_seconds": value, "liked": "text", "video": {"url": "https://x", "width": "12"}}

    done = decode_read("umami", [row])

    assert (done.estimate_wait, done.videos[0].width) == (wait, 12)


@pytest.mark.parametrize("video", [None, {}, "", {"url": ""}, {"url": None}, []])
def test_trap_8_no_video_yet(video: Any) -> None:
    """Trap 8: a video that is null, empty or without a URL is no video."""
    for provider in ("umami", "vapi"):
        done = decode_read(provider, {**RUNNING, "video": video})
        assert (done.url, done.videos) == (None, [])


@pytest.mark.parametrize(
    "value",
    [
        {"thumbnail": "https://t"},
        {"thumbnail": {"url": "https://t", "width": 1}},
        {"video": {"url": "https://v", "thumbnail": "https://t"}},
    ],
)
def test_trap_10_thumbnails(value: Any) -> None:
    """Trap 10: the thumbnail is found as text, as an object, and inside the video."""
    assert decode_read("vapi", {**RUNNING, **value}).thumbnail_url == "https://t"


@pytest.mark.parametrize(
    "value",
    [
        ["https://1", "https://2"],
        '["https://1","https://2"]',
        [{"resultUrl": "https://1"}, {"url": "https://2"}],
        {"resultUrls": ["https://1", "https://2"]},
        ["https://1", "", None, "https://2", "https://1"],
    ],
)
def test_trap_11_lists_of_links(value: Any) -> None:
    """Trap 11: URLs are found in arrays, in JSON encoded as text, and in objects; in order, without duplicates."""
    done = decode_read("kie", wrap_task(successFlag=1, response={"resultUrls": value}))

    assert [video.url for video in done.videos] == ["https://1", "https://2"]
    assert decode_read("kie", wrap_task(successFlag=1, response={"resultUrls": "https://1"})).url == "https://1"


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1755078171000, datetime(2025, 8, 13, 9, 42, 51, tzinfo=timezone.utc)),
        (1755078171, datetime(2025, 8, 13, 9, 42, 51, tzinfo=timezone.utc)),
        ("2024-12-24T18:01:25.319Z", datetime(2024, 12, 24, 18, 1, 25, 319000, tzinfo=timezone.utc)),
        ("2024-12-24T18:01:25.319129Z", datetime(2024, 12, 24, 18, 1, 25, 319129, tzinfo=timezone.utc)),
        ("2024-12-24T18:01:25.319129123Z", datetime(2024, 12, 24, 18, 1, 25, 319129, tzinfo=timezone.utc)),
        ("0001-01-01T00:00:00Z", None),
        (0, None),
        (None, None),
        ("yesterday", None),
        (10**30, None),
    ],
)
def test_trap_12_times(value: Any, moment: Any) -> None:
    """Trap 12: times are seconds, milliseconds, or ISO 8601 with 3, 6 or 9 digits; zero and the year 1 are None."""
    assert decode_read("kie", wrap_task(createTime=value)).created_at == moment
    assert decode_read("vapi", {**RUNNING, "created_at": value}).created_at == moment


@pytest.mark.parametrize(
    "value", [RUNNING, [RUNNING], {"code": 0, "data": {"task_id": ID, "task_status": "submitted"}}]
)
def test_trap_13_forms_of_a_create(value: Any) -> None:
    """Trap 13: a create may be answered with an object, a list of one object, or an envelope."""
    for provider in ("umami", "vapi"):
        assert decode_created(provider, value, 201).id == ID


def test_trap_14_a_read_of_one_is_a_list() -> None:
    """Trap 14: a read returns a list; the generation is found by its id."""
    other = {**RUNNING, "id": "other"}

    assert decode_read("umami", [other, RUNNING]).id == ID


def test_trap_15_row_numbers() -> None:
    """Trap 15: `task_id` is the id of the generation; the row's own `id` is ignored."""
    row = {
        "id": 13917,
        "task_id": ID,
        "status": "IN_PROGRESS",
        "finish_time": 0,
        "data": {"id": ID, "state": "pending"},
    }

    done = decode_read("vapi", {"code": "success", "data": row})

    assert (done.id, done.state, done.completed_at) == (ID, "queued", None)
