"""
The common format of UmamiAI and V-API: payloads and answers.

Both services wrap the same older service, so one decoder reads the answers of both.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence, cast

import attrs

from bluma_async._wire.call import compact
from bluma_async._wire.checks import invalid, require_text
from bluma_async.luma.decoder import decode_http_error
from bluma_async.luma.images import encode_image
from bluma_async.luma.refusals import Refusal, is_refused
from bluma_async.luma.values import (
    parse_number,
    parse_object,
    parse_state,
    parse_text,
    parse_time,
    parse_videos,
    pick_id,
    pick_text,
)
from bluma_async.types import GeneratedVideo, Generation, GenerationState
from bluma_async.types._model import AttrDict

if TYPE_CHECKING:
    from bluma_async._wire.messages import Answer
    from bluma_async.errors import APIError
    from bluma_async.luma.adapter import Adapter

__all__ = ["LumaFormat", "build_payload"]

RATIO = re.compile(r"\d+:\d+")
# Where an answer has files: the object, its URL field, the `kind` of the video. The first file without a watermark is
# the best one, so it stands first.
FILES = (
    ("video_raw", "url", "raw"),
    ("video", "download_url", "download"),
    ("video", "url", "video"),
    ("artifact.video", "url", "artifact"),
    ("assets", "video", "asset"),
)


def build_payload(adapter: Adapter, arguments: Mapping[str, Any], *, takes_data: bool) -> Dict[str, object]:
    """
    Return the JSON body of a create or an extension; it leaves out the arguments that are None.

    Raises:
        InvalidArgumentError: An argument is invalid.
    """
    images = {name: arguments.get(name) for name in ("image_url", "image_end_url")}
    links = {
        name: None if value is None else encode_image(name, value, takes_data=takes_data)
        for name, value in images.items()
    }
    if sum(link is not None and link.startswith("data:") for link in links.values()) > 1:
        raise invalid("image_end_url", "At most one image can be sent as data; put the other one behind a URL.")
    if arguments.get("aspect_ratio") is not None:
        _check_ratio(adapter, arguments["aspect_ratio"])
    return compact(
        user_prompt=require_text("prompt", arguments.get("prompt")),
        aspect_ratio=arguments.get("aspect_ratio"),
        expand_prompt=arguments.get("expand_prompt"),
        loop=arguments.get("loop"),
        notify_hook=arguments.get("callback_url"),
        **links,
    )


@attrs.frozen
class LumaFormat:
    """The decoder of the common format; a provider overrides the parts in which it differs."""

    provider: str
    refusals: Sequence[Refusal] = ()

    def find_error(self, answer: Answer, document: object, *, is_read: bool) -> APIError | None:  # noqa: ARG002 - a Decoder
        """Return the error of an HTTP status that is not 2xx."""
        return decode_http_error(answer, document)

    def is_refusal(self, answer: Answer, document: object) -> bool:
        """Return whether nothing was created, although the answer reports an error."""
        return is_refused(self.refusals, answer.status, document)

    def decode_created(self, document: object) -> Generation:
        """
        Return the generation in an object, in a list of one object, or in an envelope around it.

        Raises:
            ValueError: It has no id.
        """
        row, fields = _unwrap(document)
        identifier = pick_id(row.get("task_id"), fields.get("task_id"), fields.get("id"))
        if identifier is None:
            raise ValueError("no id")
        named = (fields[name] for name in ("state", "task_status", "status") if fields.get(name) is not None)
        raw_state = next(named, None)
        state, files = parse_state(raw_state), _find_files(fields)
        return Generation(
            id=identifier,
            provider=self.provider,
            state=state,
            raw_state=raw_state if isinstance(raw_state, (str, int)) else None,
            prompt=pick_text(parse_object(fields.get("request")).get("prompt"), fields.get("prompt")),
            url=files[0].url if files else None,
            videos=files,
            thumbnail_url=_find_thumbnail(fields),
            created_at=parse_time(fields.get("created_at")) or parse_time(row.get("submit_time")),
            completed_at=parse_time(row.get("finish_time")),
            estimate_wait=parse_number(fields.get("estimate_wait_seconds")),
            error=_find_failure(fields, state),
            raw=document,
        )

    def decode_read(self, document: object, ids: Sequence[str]) -> Dict[str, Generation]:  # noqa: ARG002 - a Decoder
        """
        Return the generations in a list, or in an envelope around a list, by their own ids.

        A row without an id, such as an error about one of the ids, is left out: the other rows are still valid, and the
        generation that it stands for counts as missing.

        Raises:
            ValueError: There is no list, and no generation either. An empty result would report all of them as unknown.
        """
        inner: object = parse_object(document).get("data")
        rows = next((cast("List[object]", each) for each in (document, inner) if isinstance(each, list)), None)
        found = [self.decode_created(document)] if rows is None else list(filter(None, map(self._decode_row, rows)))
        return {generation.id: generation for generation in found}

    def _decode_row(self, row: object) -> Generation | None:
        try:
            return self.decode_created(row)
        except ValueError:
            return None


def _check_ratio(adapter: Adapter, value: object) -> None:
    if not isinstance(value, str) or not RATIO.fullmatch(value):
        raise invalid("aspect_ratio", f"aspect_ratio must be text such as '16:9', not {value!r}.")
    known = adapter.capabilities.aspect_ratios
    if known and value not in known:
        # Sent all the same: the documents are incomplete, and the server can decide better than an old client.
        warnings.warn(f"{adapter.name} is not known to take {value}; it takes {', '.join(known)}.", stacklevel=7)


def _unwrap(document: object) -> tuple[Dict[str, Any], Dict[str, Any]]:
    """
    Return the gateway's row around a generation, and the fields of the generation itself.

    A row has its own `id`, `status` and times beside `task_id`; an answer without a row is its own row.
    """
    if isinstance(document, list):
        [document] = cast("List[object]", document)
    outer = parse_object(document)
    row = parse_object(outer.get("data")) if "id" not in outer else outer
    return row, {**row, **parse_object(row.get("data"))}


def _find_files(fields: Dict[str, Any]) -> List[GeneratedVideo]:
    found: Dict[str, GeneratedVideo] = {}
    for where, url_field, kind in FILES:
        place: Any = fields
        for name in where.split("."):
            place = parse_object(place).get(name)
        for entry in parse_videos(place, kind, url_field):
            found.setdefault(entry.url, entry)
    return list(found.values())


def _find_thumbnail(fields: Dict[str, Any]) -> str | None:
    thumbnail, video = fields.get("thumbnail"), parse_object(fields.get("video"))
    return pick_text(thumbnail, parse_object(thumbnail).get("url"), video.get("thumbnail"))


def _find_failure(fields: Dict[str, Any], state: GenerationState) -> AttrDict | None:
    if state != GenerationState.FAILED:
        return None
    message = pick_text(fields.get("failure_reason"), fields.get("fail_reason"))
    return AttrDict(code=parse_text(fields.get("failure_code")), message=message or "no reason was given")
