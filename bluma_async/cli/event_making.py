"""Make events from videos or from nothing, sign them as the API does, and post them to a program."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Dict, Mapping
from urllib.parse import urlsplit

import aiohttp
import attrs
import click

from bluma_async._wire.signature import sign_webhook
from bluma_async.cli.printing import Record

if TYPE_CHECKING:
    from bluma_async.types import Video

__all__ = ["EventRecord", "Signed", "describe_video", "make_event", "parse_target", "post_event", "sign_event"]

TIMEOUT = 10.0  # seconds for the program's answer
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "video.queued": {"status": "queued", "progress": 0},
    "video.processing": {"status": "processing", "progress": 40},
    "video.completed": {
        "status": "completed",
        "progress": 100,
        "url": "https://cdn.example.com/video.mp4",
        "thumbnail_url": "https://cdn.example.com/video.jpg",
        "duration": 15,
        "size_bytes": 1048576,
        "credits_consumed": 2,
    },
    "video.failed": {"status": "failed", "error": {"type": "generation_failed", "detail": "An example of a failure"}},
    "video.deleted": {"status": "completed"},
    "credits.low": {"remaining": 9, "threshold": 10},
    "credits.exhausted": {"remaining": 0},
}
SENT_FIELDS = ("id", "status", "template_id", "progress", "url", "thumbnail_url", "duration", "size_bytes", "error")


@attrs.frozen(kw_only=True)
class EventRecord(Record):
    """
    An event, as `listen` and `trigger` print it.

    Attributes:
        id: The id of the event; None if it is not valid.
        type: Its type.
        created_at: When it happened.
        video_id: Its video.
        forwarded: The status that the program answered with; None if it was not forwarded, or gave no answer.
        problem: What is wrong: the signature, or the program's answer.
    """

    id: str | None = None
    type: str | None = None
    created_at: str | None = None
    video_id: str | None = None
    forwarded: int | None = None
    problem: str | None = None

    @classmethod
    def of(cls, event: Mapping[str, Any], **more: Any) -> EventRecord:
        """Return the record of an event."""
        data: Mapping[str, Any] = event.get("data") or {}
        is_video = str(event.get("type")).startswith("video.")
        return cls(
            id=str(event.get("id")),
            type=str(event.get("type")),
            created_at=event.get("created_at"),
            video_id=data.get("id") if is_video else None,
            **more,
        )


@attrs.frozen
class Signed:
    """The request that delivers an event."""

    body: bytes
    headers: Dict[str, str]


def make_event(event_type: str, data: Mapping[str, Any]) -> Dict[str, Any]:
    """Return an event of a known type that never happened; the given fields of its data replace plausible ones."""
    fields = dict(EXAMPLES[event_type])
    if event_type.startswith("video."):
        fields = {"id": f"batch_{secrets.token_hex(8)}", "template_id": "ugc-text-overlay", **fields}
    return _wrap(f"evt_{secrets.token_hex(8)}", event_type, {**fields, **data})


def describe_video(video: Video, status: str | None = None) -> Dict[str, Any]:
    """
    Return the event of a video's present status, or of another one, such as `deleted`.

    The same video with the same status always gives the same id.
    """
    status = status or str(video.status)
    digest = hashlib.sha256(f"{video.id} {status}".encode()).hexdigest()
    made = video.to_dict()
    data = {name: made[name] for name in SENT_FIELDS if made.get(name) is not None}
    if video.credits_charged:
        data["credits_consumed"] = video.credits_charged
    return _wrap(f"evt_{digest[:16]}", f"video.{status}", data)


def _wrap(event_id: str, event_type: str, data: Mapping[str, Any]) -> Dict[str, Any]:
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"id": event_id, "type": event_type, "created_at": now, "data": dict(data)}


def sign_event(event: Mapping[str, Any], secret: str) -> Signed:
    """Return the signed request for an event."""
    body = json.dumps(event).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Bluma-Signature": sign_webhook(body, secret),
        "X-Bluma-Event-Id": str(event["id"]),
        "X-Bluma-Event-Type": str(event["type"]),
    }
    return Signed(body, headers)


def parse_target(value: str) -> str:
    """
    Return the URL of a program that takes events.

    Raises:
        BadParameter: It is not an http(s) URL with a host. The exit code is 2.
    """
    try:
        parts = urlsplit(value)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the host or the port
        is_url = False
    if not is_url or not value.isprintable() or " " in value:
        raise click.BadParameter(f"{value!r} is not an http:// or https:// URL with a host. Nothing was sent.")
    return value


async def post_event(url: str, signed: Signed) -> Dict[str, Any]:
    """Post an event, and return the fields of its record: `forwarded`, and `problem` if the program did not take it."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.post(
            url, data=signed.body, headers=signed.headers, allow_redirects=False
        ) as answer:
            problem = None if 200 <= answer.status < 300 else f"{url} answered {answer.status}"
            return {"forwarded": answer.status, "problem": problem}
    except asyncio.TimeoutError:
        return {"problem": f"{url} did not answer within {TIMEOUT:g} s"}
    except (aiohttp.ClientError, OSError, ValueError) as problem:
        number = getattr(problem, "errno", None)
        reason = os.strerror(number) if isinstance(number, int) and number > 0 else type(problem).__name__
        return {"problem": f"{url} cannot be reached: {reason}"}
