"""JSON is decoded to models, in all the forms that the documents show."""

from __future__ import annotations

import dataclasses
import json
import pickle
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from bluma import types
from bluma_async._wire.codec import Many, One
from bluma_async._wire.times import read_datetime

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
ALL = [getattr(types, name) for name in types.__all__ if dataclasses.is_dataclass(getattr(types, name))]


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
        {"id": None, "status": "queued"},
        {"id": "a"},
        {"id": {"x": 1}, "status": "queued"},
        {"id": "a", "status": 5},
        {"id": "a", "status": ""},
        {"id": "a", "status": "queued", "credits_charged": "many"},
        {"id": True, "status": "queued"},
        {"id": "", "status": "queued"},
    ],
)
def test_an_invalid_video_is_refused(broken: object) -> None:
    """An object without an id or a status, or with an invalid price, is not a video."""
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


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-11-03T10:30:00Z", NOON),
        ("2025-11-03t10:30:00z", NOON),
        ("2025-11-03 10:30", NOON),
        ("2025-11-03T10:30:00", NOON),
        ("2025-11-03T12:30:00+02:00", NOON),
        ("2025-11-03T08:00:00-0230", NOON),
        ("2025-11-03T12:30:00+02", NOON),
        ("2025-11-03T10:30:00.123456789Z", NOON.replace(microsecond=123456)),
        ("2025-11-03T10:30:00,5Z", NOON.replace(microsecond=500000)),
    ],
)
def test_times_are_read_in_every_usual_form(text: str, moment: datetime) -> None:
    """Item 1: also the forms that Python 3.8 cannot parse; a time without an offset is in UTC."""
    assert read_datetime(text) == moment
    assert read_datetime(text).tzinfo is timezone.utc


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2025-11-03", "2025-13-03T10:30:00Z", "0001-01-01T00:00:00+23:00", 5, None]
)
def test_an_invalid_time_is_refused(text: object) -> None:
    """An invalid time raises one of the errors that callers handle."""
    with pytest.raises((ValueError, OverflowError)):
        read_datetime(text)


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_every_model_is_a_dataclass_too(cls: Any) -> None:
    """Items 44 and 46: fields, asdict and replace work, and `__dict__` has the fields alone."""
    needed: Any = {"id": "a", "status": types.VideoStatus.QUEUED, "type": "x", "amount": 1, "credits": 1}
    needed.update(
        download_url="u", upload_url="u", asset_id="a", key="k", state=types.JobState.SAVED, provider="kie", url="u"
    )
    needed.update(idempotency_key="k", create=types.OpenCreate(idempotency_key="k"), result=types.CreateResult.IN_DOUBT)
    names = [field.name for field in dataclasses.fields(cls)]
    made = cls(**{name: value for name, value in needed.items() if name in names})

    copy = dataclasses.replace(made)

    assert dataclasses.is_dataclass(cls)
    assert copy == made
    assert list(dataclasses.asdict(made)) == names == list(made.__dict__)
    assert not [name for name in made.__dict__ if name.startswith("_")]
    json.dumps(made.to_dict())
    with pytest.raises(TypeError):
        cls("positional")


def test_video_is_built_by_the_documented_arguments() -> None:
    """Items 42 and 45: the arguments of the documented mock are enough, and `created_at` has a default."""
    made = datetime.now(timezone.utc)

    video = types.Video(
        id="batch_abc123",
        status=types.VideoStatus.COMPLETED,
        template_id="rick-morty-explainer",
        url="https://cdn.getbluma.com/videos/mock.mp4",
        credits_charged=5,
        created_at=made,
    )

    assert video.to_dict()["created_at"] == made.isoformat().replace("+00:00", "Z")
    assert types.Video(id="a", status=types.VideoStatus.QUEUED).created_at >= made


def test_free_form_objects_answer_both_ways() -> None:
    """Items 34 and 61: the error of a failed video is a dict whose keys are attributes too."""
    error = types.AttrDict({"type": "rendering_failed", "items": 1, "deep": [{"a": {"b": 2}}]})

    assert (error["type"], error.type, error.deep[0].a.b) == ("rendering_failed", "rendering_failed", 2)
    assert dict(error)["items"] == 1
    assert json.loads(json.dumps(error)) == error
    assert pickle.loads(pickle.dumps(error)) == error
    with pytest.raises(AttributeError, match="nothing_here"):
        _ = error.nothing_here
    with pytest.raises(AttributeError):
        error.type = "x"


def test_secrets_do_not_show() -> None:
    """No repr shows an API key, a webhook secret, or the signature of a link."""
    shown = [
        types.Webhook(id="w", secret="whsec_abc"),
        types.ApiKey(id="k", key="bluma_live_abc"),
        types.VideoDownload(download_url="https://x/y.mp4?signed=abc"),
        types.AssetUploadResponse(asset_id="a", upload_url="https://x/y?sig=abc"),
    ]

    assert not [model for model in shown if "abc" in repr(model)]
    assert "https://x/y.mp4" in repr(shown[2])
    assert repr(types.VideoDownload(download_url="https://x/y.mp4")).count("***") == 0
