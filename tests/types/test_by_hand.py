"""Models that are made by hand take the plain values of JSON, as the models of 1.2.0 did."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import pickle
from datetime import datetime, timezone
from typing import Any, Dict

import pytest

from bluma import types
from bluma_async._wire.codec import One

NOON = datetime(2025, 11, 3, 10, 30, tzinfo=timezone.utc)
VIDEO: Dict[str, Any] = {
    "id": "batch_1",
    "status": "failed",
    "template_id": "t",
    "created_at": "2025-11-03T10:30:00Z",
    "completed_at": "2025-11-03T12:30:00+02:00",
    "error": {"type": "rendering_failed", "detail": "Too dark."},
}


def test_texts_become_times_enums_and_objects() -> None:
    """`Video(**json)` has the types that a decoded video has."""
    video = types.Video(**VIDEO)

    assert (video.created_at, video.completed_at) == (NOON, NOON)
    assert video.status is types.VideoStatus.FAILED
    assert isinstance(video.error, types.VideoError)
    assert (video.error.type, video.error["detail"]) == ("rendering_failed", "Too dark.")
    assert types.Video(**video.to_dict()) == video


def test_unknown_keywords_are_kept() -> None:
    """A field that the server adds later is an attribute, as it is when the SDK decodes it."""
    video = types.Video(**VIDEO, brand={"name": "x"}, to_dict=5)
    made: Any = video

    assert made.brand.name == "x"
    assert video.to_dict()["brand"] == {"name": "x"}
    assert (types.Video(id="a", status="new_status").status, callable(video.to_dict)) == ("new_status", True)


def test_nested_objects_are_made_from_dicts() -> None:
    """Lists of models, models in models, and free-form objects."""
    page = types.VideoPage(videos=[VIDEO, types.Video(**VIDEO)], pagination={"page": 2})
    metrics = types.UsageMetrics(period={"start": "2025-11-03T10:30:00Z", "end": None})
    balance = types.CreditBalance(credits=5, usage={"total_spent": 412})
    asset = types.Asset(id="a", metadata={"size": {"width": 5}})

    assert page.videos[0] == page.videos[1] == types.Video(**VIDEO)
    assert (page.pagination.page, page.pagination.limit) == (2, 20)
    assert metrics.period == types.UsagePeriod(start=NOON)
    assert balance.usage is not None
    assert (balance.usage.total_spent, balance.usage.average_per_video) == (412, None)
    assert asset.metadata.size.width == 5
    assert types.ApiKey(id="k", last_used="2025-11-03T10:30:00Z").last_used == NOON


def test_decoded_objects_have_the_same_types() -> None:
    """A period or an error that is not an object is none, so that the rest of the answer stays readable."""
    metrics = One(types.UsageMetrics)({"period": {"start": "2025-11-03T10:30:00Z"}, "total_requests": 1})
    broken = One(types.UsageMetrics)({"period": "7d", "total_requests": 1})
    video = One(types.Video)(VIDEO)

    assert (metrics.period, broken.period, broken.total_requests) == (types.UsagePeriod(start=NOON), None, 1)
    assert (type(video), type(video.error), video) == (types.Video, types.VideoError, types.Video(**VIDEO))
    assert One(types.Video)({**VIDEO, "error": "dark"}).error is None


def test_values_of_the_right_type_are_not_touched() -> None:
    """Times without an offset, enums, objects and None stay what they are."""
    naive = datetime(2025, 11, 3)  # noqa: DTZ001 - it has no offset
    error = types.VideoError(type="x", detail="y")

    video = types.Video(id="a", status=types.VideoStatus.QUEUED, created_at=naive, error=error, url=None)

    assert (video.created_at, video.error, video.url) == (naive, error, None)
    assert video.error is error


@pytest.mark.parametrize("text", ["yesterday", "", "0001-01-01T00:00:00+23:00"])
def test_an_invalid_time_is_refused(text: str) -> None:
    """A mistake in a test's own data is found where it is made; the error names the field."""
    with pytest.raises(ValueError, match=r"Video.created_at: .* is not an ISO 8601 time|Video.created_at: .*range"):
        types.Video(id="a", status="queued", created_at=text)


def test_a_missing_field_and_a_positional_argument_are_refused() -> None:
    """The constructor has the signature that its fields say."""
    with pytest.raises(TypeError, match="status"):
        types.Video(id="a")
    with pytest.raises(TypeError):
        types.Video("a", "queued")
    assert list(inspect.signature(types.Video).parameters)[:3] == ["id", "status", "template_id"]


def test_models_made_by_hand_are_copied_and_pickled() -> None:
    """Copies are equal, and unknown fields travel with them."""
    video = types.Video(**VIDEO, brand="x")

    for twin in (pickle.loads(pickle.dumps(video)), copy.copy(video), copy.deepcopy(video)):
        assert (type(twin), twin, twin.__dict__) == (types.Video, video, video.__dict__)
    assert dataclasses.replace(video, status="completed").status is types.VideoStatus.COMPLETED
    assert json.loads(json.dumps(video.to_dict()))["status"] == "failed"
