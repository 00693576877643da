"""The repr of a model has no secret: notebooks and logs keep it."""

from __future__ import annotations

from typing import Any, Iterator, List, Tuple

import attrs
import pytest

import bluma_async.types as models
from bluma_async.types import VideoEvent
from bluma_async.types._model import AttrDict, Model

LINK = "https://cdn.example/v.mp4?signed=SECRET"


def list_links() -> Iterator[Tuple[Any, str]]:
    """Yield each class with a field for a link, or for several, and the name of the field."""
    for name in sorted(models.__all__):
        kind = getattr(models, name)
        if not (isinstance(kind, type) and issubclass(kind, (Model, AttrDict))):
            continue
        fields = [field.name for field in attrs.fields(kind)] if attrs.has(kind) else sorted(kind._optional)
        yield from ((kind, field) for field in fields if field.endswith(("url", "urls")))


LINKS: List[Tuple[Any, str]] = list(list_links())


def make(kind: Any, field: str) -> Any:
    """Return an object of a class with a signed link in a field."""
    needed = {}
    if attrs.has(kind):
        needed = {entry.name: "x" for entry in attrs.fields(kind) if entry.default is attrs.NOTHING}
    return kind(**{**needed, field: [LINK] if field.endswith("s") else LINK})


@pytest.mark.parametrize(("kind", "field"), LINKS, ids=lambda value: getattr(value, "__name__", value))
def test_the_query_of_a_link_is_no_part_of_a_repr(kind: Any, field: str) -> None:
    """The field itself is whole."""
    made = make(kind, field)

    assert "SECRET" not in repr(made)
    assert "https://cdn.example/v.mp4?***" in repr(made)
    assert getattr(made, field) == ([LINK] if field.endswith("s") else LINK)


def test_every_kind_of_model_is_looked_at() -> None:
    """Models, their parts, and the data of events."""
    found = {f"{kind.__name__}.{field}" for kind, field in LINKS}

    assert found >= {"Video.url", "VideoDownload.download_url", "Asset.s3_url", "Generation.source_urls", "Webhook.url"}
    assert found >= {"Template.example_url", "VideoEventData.thumbnail_url", "GeneratedVideo.url"}


def test_an_event_is_shown_without_the_query_of_its_link() -> None:
    """Also within the event, which is a dict; its JSON is whole."""
    event = VideoEvent({"id": "e", "type": "video.completed", "data": {"id": "v", "url": LINK, "size_bytes": 3}})

    assert "SECRET" not in repr(event)
    assert "'size_bytes': 3" in repr(event)
    assert event["data"]["url"] == LINK
