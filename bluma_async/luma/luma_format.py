"""What UmamiAI and V-API share: both wrap the same ancestor, and one decoder reads both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, cast

from bluma_async._wire.call import compact
from bluma_async._wire.checks import invalid, require_text
from bluma_async.luma.checks import require_image, warn_of_ratio
from bluma_async.luma.decoding import first, moment, number, obj, state_of, text, video
from bluma_async.types import GeneratedVideo, Generation, GenerationState
from bluma_async.types._model import AttrDict

if TYPE_CHECKING:
    from bluma_async.luma.adapter import Adapter

__all__ = ["body_of", "generation_of", "generations_of"]

# From the best to the plainest: without a watermark first.
FILES = (
    ("video_raw", "url", "raw"),
    ("video", "download_url", "download"),
    ("video", "url", "video"),
    ("artifact.video", "url", "artifact"),
    ("assets", "video", "asset"),
)


def body_of(adapter: Adapter, arguments: Mapping[str, Any], *, takes_data: bool) -> Dict[str, object]:
    """
    Return what a create or an extension sends; what is not given is left out.

    Raises:
        InvalidArgumentError: Something cannot be right.
    """
    images = {name: arguments.get(name) for name in ("image_url", "image_end_url")}
    links = {
        name: None if value is None else require_image(name, value, takes_data=takes_data)
        for name, value in images.items()
    }
    if sum(link is not None and link.startswith("data:") for link in links.values()) > 1:
        raise invalid("image_end_url", "At most one image can be sent as data; put the other one behind a URL.")
    if arguments.get("aspect_ratio") is not None:
        warn_of_ratio(adapter, arguments["aspect_ratio"])
    return compact(
        user_prompt=require_text("prompt", arguments.get("prompt")),
        aspect_ratio=arguments.get("aspect_ratio"),
        expand_prompt=arguments.get("expand_prompt"),
        loop=arguments.get("loop"),
        notify_hook=arguments.get("callback_url"),
        **links,
    )


def generation_of(provider: str, told: object) -> Generation:
    """
    Return a generation: of an object, of a list of one, or of an envelope around it.

    Raises:
        ValueError: It has no id.
    """
    row, inner = _unwrapped(told)
    identifier = first(row.get("task_id"), inner.get("task_id"), inner.get("id"))
    if identifier is None:
        raise ValueError("no id")
    raw_state = next((inner[name] for name in ("state", "task_status", "status") if inner.get(name) is not None), None)
    state, files = state_of(raw_state), _files(inner)
    asked = obj(inner.get("request"))
    return Generation(
        id=identifier,
        provider=provider,
        state=state,
        raw_state=raw_state if isinstance(raw_state, (str, int)) else None,
        prompt=first(asked.get("prompt"), inner.get("prompt")),
        url=files[0].url if files else None,
        videos=files,
        thumbnail_url=_thumbnail(inner),
        created_at=moment(inner.get("created_at")) or moment(row.get("submit_time")),
        completed_at=moment(row.get("finish_time")),
        estimate_wait=number(inner.get("estimate_wait_seconds")),
        error=_error(inner, state),
        raw=told,
    )


def generations_of(provider: str, told: object) -> Dict[str, Generation]:
    """Return all that can be made out of a list, by their ids."""
    inner: object = obj(told).get("data")
    rows = next((cast("List[object]", each) for each in (told, inner) if isinstance(each, list)), [told])
    found = [generation_of(provider, row) for row in rows if row is not None]
    return {generation.id: generation for generation in found}


def _unwrapped(told: object) -> tuple[Dict[str, Any], Dict[str, Any]]:
    """Return the row that a generation stands in, and the generation over it."""
    if isinstance(told, list):
        [told] = cast("List[object]", told)
    outer = obj(told)
    row = obj(outer.get("data")) if "id" not in outer else outer
    return row, {**row, **obj(row.get("data"))}


def _files(told: Dict[str, Any]) -> List[GeneratedVideo]:
    found: Dict[str, GeneratedVideo] = {}
    for where, link, kind in FILES:
        place: Any = told
        for name in where.split("."):
            place = obj(place).get(name)
        for entry in video(place, kind, link):
            found.setdefault(entry.url, entry)
    return list(found.values())


def _thumbnail(told: Dict[str, Any]) -> str | None:
    shown = told.get("thumbnail")
    return first(shown, obj(shown).get("url"), obj(told.get("video")).get("thumbnail"))


def _error(told: Dict[str, Any], state: GenerationState) -> AttrDict | None:
    message = first(told.get("failure_reason"), told.get("fail_reason"))
    if state != GenerationState.FAILED:
        return None
    return AttrDict(code=text(told.get("failure_code")), message=message or "no reason was given")
