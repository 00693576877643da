"""The models: they answer as dataclasses, and show no secrets."""

from __future__ import annotations

import dataclasses
import json
import pickle
from datetime import datetime, timezone
from typing import Any

import pytest

from bluma import types

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


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_every_model_is_a_dataclass_too(cls: Any) -> None:
    """Items 44 and 46: fields, asdict and replace work, and `__dict__` has the fields alone."""
    needed: Any = {"id": "a", "status": types.VideoStatus.QUEUED, "type": "x", "amount": 1, "credits": 1}
    needed.update(kind=types.MismatchKind.UNPAID)
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
