"""JSON is decoded to models, in all the forms that the documents show."""

from __future__ import annotations

import json
import pickle
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from bluma import types
from bluma_async._wire.aliases import ALIASES, COMPLETIONS
from bluma_async._wire.codec import Many, One

NOON = datetime(2025, 11, 3, 10, 30, tzinfo=timezone.utc)
COMPLETED = {
    "id": "batch_abc123xyz",
    "status": "completed",
    "progress": 100,
    "template_id": "consumerclub-discord-zoomed",
    "url": "https://cdn.getbluma.com/videos/batch_abc123xyz.mp4",
    "thumbnail_url": "https://cdn.getbluma.com/thumbnails/batch_abc123xyz.jpg",
    "duration": 45,
    "size_bytes": 8453120,
    "created_at": "2025-11-03T10:30:00Z",
    "completed_at": "2025-11-03T10:31:45Z",
}


def test_the_quickstart_video_is_read() -> None:
    """Items 28, 31, 41 and 43: the documented JSON sets each documented field."""
    video = One(types.Video)(COMPLETED)

    assert (video.id, video.duration, video.size_bytes, video.progress) == ("batch_abc123xyz", 45, 8453120, 100)
    assert video.created_at == NOON
    assert video.completed_at == NOON + timedelta(seconds=105)
    assert (video.variant_id, video.error, video.credits_charged) == (None, None, 0)


def test_missing_and_null_are_the_same() -> None:
    """Videos with missing and with null optional fields are equal."""
    bare = {"id": "a", "status": "queued", "template_id": "t", "created_at": "2025-11-03T10:30:00Z"}

    full = {**bare, "url": None, "variant_id": None, "credits_charged": None, "progress": None, "error": None}

    assert One(types.Video)(bare) == One(types.Video)(full)


def test_a_listed_video_has_its_link_under_the_usual_name() -> None:
    """Conflict C-14: `video_url` in lists becomes `url`."""
    page = One(types.VideoPage)(
        {"videos": [{"id": "a", "status": "completed", "video_url": "u"}], "pagination": {"total": 7}}
    )

    assert [video.url for video in page] == ["u"]
    assert (len(page), page.pagination.total, page.pagination.limit) == (1, 7, 20)


def test_an_unknown_status_is_kept() -> None:
    """Items 29, 30, 47 and 48: known and unknown statuses print, compare and serialise as text."""
    known, odd = One(types.Video)(COMPLETED).status, types.VideoStatus("rescheduled")

    assert known is types.VideoStatus.COMPLETED
    assert (f"{known}", str(odd), f"{odd:>12}") == ("completed", "rescheduled", " rescheduled")
    assert odd == "rescheduled"
    assert {odd: 1}["rescheduled"] == 1
    assert (known.is_final, odd.is_final) == (True, False)
    assert json.dumps([known, odd]) == '["completed", "rescheduled"]'
    assert pickle.loads(pickle.dumps(odd)) == odd
    with pytest.raises(ValueError, match="5"):
        types.VideoStatus(5)


def test_unknown_fields_are_kept_as_attributes() -> None:
    """Item 48: a new field is an attribute, unless it would hide an attribute of the model."""
    video: Any = One(types.Video)({**COMPLETED, "fps": 30, "codec": {"name": "h264", "tags": [{"a": 1}]}, "to_dict": 1})

    assert (video.fps, video.codec.name, video.codec.tags[0].a) == (30, "h264", 1)
    assert video.to_dict()["fps"] == 30


@pytest.mark.parametrize(
    "broken",
    [
        [],
        None,
        "text",
        {},
        {"status": "queued"},
        {"id": None, "status": "queued"},
        {"id": {"x": 1}, "status": "queued"},
        {"id": True, "status": "queued"},
        {"id": float("nan"), "status": "queued"},
        {"id": "", "status": "queued"},
        {"id": " ", "status": "queued"},
    ],
)
def test_an_object_without_a_readable_id_is_no_video(broken: object) -> None:
    """A video needs an id that can be asked for."""
    with pytest.raises((TypeError, ValueError, KeyError)):
        One(types.Video)(broken)


def test_an_invalid_optional_field_is_none() -> None:
    """The id of a paid video is not lost because of an invalid estimate."""
    odd = {
        "id": 12,
        "status": "queued",
        "estimated_completion": "soon",
        "duration": "x",
        "error": "text",
        "progress": True,
    }
    odd["created_at"] = "0001-01-01T00:00:00+23:00"

    video = One(types.Video)(odd)

    assert (video.id, video.estimated_completion, video.duration, video.error) == ("12", None, None, None)
    assert video.created_at.year >= 2025


@pytest.mark.parametrize("status", [..., None, 5, True, "", " ", [], {"name": "completed"}])
def test_an_unreadable_status_is_not_final(status: object) -> None:
    """A paid video without a readable status has its id, and waits go on reading it."""
    video = One(types.Video)({"id": "a"} if status is ... else {"id": "a", "status": status})

    assert (video.id, str(video.status), video.status.is_final) == ("a", "unknown", False)


@pytest.mark.parametrize(
    ("field", "value", "default"),
    [
        *[("credits_charged", value, 0) for value in ("two", True, {"amount": 2}, [], float("inf"), 10**400, 2**60)],
        *[("template_id", value, "") for value in ({"id": "t"}, ["t"], True)],
        *[("reused", value, False) for value in ("no", 1, {})],
        ("size_bytes", 10**400, None),
    ],
)
def test_an_unreadable_field_is_as_if_it_were_missing(field: str, value: object, default: object) -> None:
    """The id that was paid for is not lost because another field is odd, and the other fields are kept."""
    video = One(types.Video)({**COMPLETED, "credits_charged": 2, field: value})

    assert (video.id, video.status, video.duration) == ("batch_abc123xyz", "completed", 45)
    assert getattr(video, field) == default


def test_a_default_that_states_something_replaces_no_value() -> None:
    """A key that cannot be read as active is not shown as active, and an unreadable amount is no transaction."""
    with pytest.raises(TypeError):
        One(types.ApiKey)({"id": "k", "is_active": "no"})
    with pytest.raises(ValueError, match="many"):
        One(types.Transaction)({"id": "t", "type": "deduction", "amount": "many"})


def test_a_page_leaves_out_rows_without_an_id() -> None:
    """One odd row hides no other video; the page counts it, because it may be a video that somebody looks for."""
    rows = [{"id": "a", "status": None}, {"id": None, "status": "completed"}, "row", {"id": "b", "reused": "x"}]

    page = One(types.VideoPage)({"videos": rows, "skipped": 9})
    assets = Many(types.Asset, "assets")([{"id": "a"}, {}, {"id": {}}])

    assert ([video.id for video in page], page.skipped) == (["a", "b"], 2)
    assert [asset.id for asset in assets] == ["a"]


def test_a_list_of_something_else_is_refused() -> None:
    """If no row has an id, the list is not taken for an empty one."""
    with pytest.raises(TypeError, match="no row of the list has an id"):
        One(types.VideoPage)({"videos": [{"name": "x"}]})


def test_a_ledger_with_an_odd_row_is_refused() -> None:
    """A transaction that was left out would be a charge that nobody sees."""
    with pytest.raises(ValueError, match="id"):
        One(types.CreditHistory)({"transactions": [{"type": "deduction", "amount": -2}]})


def test_numbers_may_come_as_text_or_floats() -> None:
    """Integers are read from floats and text."""
    video = One(types.Video)({"id": 1.5, "status": "queued", "duration": 45.9, "size_bytes": "10", "progress": 64.6})

    assert (video.id, video.duration, video.size_bytes, video.progress) == ("1.5", 45, 10, 64)


def test_template_prices_and_schemas_are_filled_both_ways() -> None:
    """Items 49, 50, 52 and 53: the names of the quickstart and of the SDK page have the same value."""
    quickstart = One(types.Template)(
        {"id": "t", "credits_per_video": 2, "requires_context": {"prompt": True, "x": False}}
    )
    page = One(types.Template)({"id": "t", "base_cost": 3, "context_schema": {"type": "object"}})

    assert (quickstart.base_cost, quickstart.credits_per_video) == (2, 2)
    assert quickstart.context_schema is not None
    assert quickstart.context_schema.required == ["prompt"]
    assert quickstart.context_schema.properties.prompt.type == "string"
    assert (page.base_cost, page.credits_per_video, page.context_schema) == (3, 3, {"type": "object"})


def test_documented_assets_and_keys_are_read() -> None:
    """Conflicts C-8, C-10 and C-11: the names of both documents are read."""
    asset = One(types.Asset)({"id": "a", "display_name": "n", "cloudfront_url": "u", "width": 3, "metadata": {"k": 1}})
    key = One(types.ApiKey)({"id": "k", "api_key": "bluma_test_secret", "last_used": "2025-11-03T10:30:00Z"})

    assert (asset.name, asset.cdn_url, asset.metadata) == ("n", "u", {"width": 3, "k": 1})
    assert (key.key, key.last_used_at) == ("bluma_test_secret", NOON)
    assert "api_key" not in key.__dict__


@pytest.mark.parametrize(
    ("raw", "count"),
    [([{"id": "a"}], 1), ({"assets": [{"id": "a"}, {"id": "b"}]}, 2), ({"id": "a"}, 1), ({"assets": None}, 0)],
)
def test_lists_come_bare_alone_or_named(raw: object, count: int) -> None:
    """Reference 1.9: a list under its name, a bare list, and a single object are decoded to lists."""
    assert len(Many(types.Asset, "assets")(raw)) == count


@pytest.mark.parametrize("raw", [{}, {"assets": 5}, "x", None, {"assets": ["x"]}])
def test_a_value_without_a_list_is_refused(raw: object) -> None:
    """A value without a list is refused."""
    with pytest.raises(TypeError):
        Many(types.Asset, "assets")(raw)


def test_the_tables_of_other_names_know_their_models() -> None:
    """The tables are by the name of the model; a misspelt name would have no effect."""
    assert {*ALIASES, *COMPLETIONS} <= set(types.__all__)
