"""`make`: every public model, plausible and consistent."""

from __future__ import annotations

from typing import Any, List

import attrs
import pytest

from bluma import types
from bluma.testing import make
from bluma.types import CreditHistory, Template, Transaction, Video, VideoPage
from bluma_testing.field_table import TABLE

MODELS: List[Any] = [
    getattr(types, name)
    for name in types.__all__
    if isinstance(getattr(types, name), type) and attrs.has(getattr(types, name))
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_is_made(model: Any) -> None:
    """The object has the model's class, and its JSON form makes an equal one."""
    made = make(model)

    assert type(made) is model
    assert model(**made.to_dict()) == made


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_the_table_names_fields_that_exist(model: Any) -> None:
    """A model keeps unknown fields, so a wrong name in the table would not be noticed."""
    assert set(TABLE[model.__name__]) <= {field.name for field in attrs.fields(model)}


def test_the_table_has_public_models_alone() -> None:
    """A model that was removed leaves no entry."""
    assert set(TABLE) == {model.__name__ for model in MODELS}


def test_objects_have_ids_of_their_own_and_share_nothing() -> None:
    """A test may change one object."""
    first, second = make(Template), make(Template)
    first.supported_resolutions.append("8k")

    assert "8k" not in second.supported_resolutions
    assert make(Video).id != make(Video).id


@pytest.mark.parametrize(
    ("status", "has_url", "has_error", "is_over"),
    [("queued", False, False, False), ("processing", False, False, False), ("completed", True, False, True),
     ("failed", False, True, True), ("rescheduled", False, False, False)],
)  # fmt: skip
def test_the_fields_of_a_video_fit_to_its_status(status: str, has_url: bool, has_error: bool, is_over: bool) -> None:
    """A made video has the fields of its status, also for a status that the SDK does not know."""
    video = make(Video, status=status)

    assert (video.url is not None, video.error is not None, video.completed_at is not None) == (
        has_url, has_error, is_over
    )  # fmt: skip
    assert video.url is None or video.id in video.url


def test_the_fields_of_the_test_come_first() -> None:
    """Plain values are converted; other fields follow from them."""
    video = make(Video, id="batch_x", created_at="2026-02-01T00:00:00Z")
    page = make(VideoPage, videos=[make(Video), make(Video)])
    history = make(CreditHistory, transactions=[make(Transaction)])

    assert (video.created_at.month, video.url) == (2, "https://cdn.example.com/videos/batch_x.mp4")
    assert (page.pagination.total, history.total) == (2, 1)


@pytest.mark.parametrize(
    ("model", "fields", "message"),
    [
        (Video, {"stauts": "failed"}, "Did you mean status"),
        (Video, {"xyz": 1}, "It has id, status"),
        (int, {}, "models of bluma.types"),
        ("Video", {}, "models of bluma.types"),
        (types.AttrDict, {}, "models of bluma.types"),
    ],
)
def test_a_wrong_model_or_field_is_refused(model: Any, fields: Any, message: str) -> None:
    """A misspelt field would make a test pass that checks nothing."""
    with pytest.raises(TypeError, match=message):
        make(model, **fields)
