"""Traps about values and shapes: the many forms of the same answer."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict

import pytest

from bluma_async import errors
from bluma_async._runtime.secret import Secret
from bluma_async._wire.messages import Answer
from bluma_async.luma.registry import PROVIDERS
from tests.luma.answers import ID, RUNNING, decode_created, decode_read, encode, wrap_task


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
    """Trap 8: a video that is null, empty or without a URL is not a video."""
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


@pytest.mark.parametrize(
    ("provider", "value"),
    [
        ("umami", {"id": 77, "state": "pending"}),
        ("vapi", {"id": 77, "state": "pending"}),
        ("vapi", {"code": 0, "data": {"task_id": 77, "id": 5, "task_status": "submitted"}}),
        ("kie", {"code": 200, "data": {"taskId": 77}}),
        ("kie", {"data": {"taskId": "77"}}),
        ("umami", b'\xef\xbb\xbf{"id": 77}'),
        ("umami", {"id": 77, "state": {"x": 1}, "prompt": 5, "video": 7, "created_at": [], "request": "x", "liked": 1}),
        ("vapi", {"id": 77, "state": 1.5, "thumbnail": 3, "artifact": [], "data": "x", "estimate_wait_seconds": {}}),
        ("kie", {"code": 999, "msg": "later", "data": {"taskId": 77}}),
        ("kie", {"code": 200.0, "msg": {}, "data": {"taskId": 77, "successFlag": {}}}),
    ],
)
def test_a_readable_id_is_never_lost(provider: str, value: Any) -> None:
    """A create is billed: its id may be a number, and odd fields beside it, or a byte order mark, do not hide it."""
    assert decode_created(provider, value, 201).id == "77"


@pytest.mark.parametrize("value", [0, -1, True, 1.5, None, "", " ", [], {}])
def test_values_that_are_no_id(value: Any) -> None:
    """Nothing is made up: the create is an accepted one without an id."""
    for provider, document in (("umami", {"id": value}), ("kie", {"code": 200, "data": {"taskId": value}})):
        with pytest.raises(errors.ServerError, match="cannot be read"):
            decode_created(provider, document)


def test_a_generation_with_a_number_for_an_id_can_be_read() -> None:
    """The id of the create, as text, is that of the answers to reads and callbacks."""
    made = {name: PROVIDERS[name].build_read(["77"]) for name in PROVIDERS}
    rows: Dict[str, Any] = {"umami": [{"id": 77}], "vapi": {"id": 77}, "kie": {"code": 200, "data": {"taskId": 77}}}
    read = {
        name: call.read(Answer(200, {}, encode(rows[name])), Secret("")) for name, call in made.items() if call.read
    }

    assert {name: list(found) for name, found in read.items()} == {name: ["77"] for name in PROVIDERS}
    for provider, body in (("vapi", b'{"id": 77}'), ("kie", b'{"data": {"taskId": 77}}')):
        assert PROVIDERS[provider].parse_callback(body, {}, None) == "77"


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
