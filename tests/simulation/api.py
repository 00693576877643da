"""A model of the Bluma API: one account in memory, with commits and reads that may lag, and clocks that disagree."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Dict, List, Mapping, Optional
from urllib.parse import parse_qs, urlsplit

import attrs

from bluma_async._wire.messages import Answer, Request
from tests.simulation.conditions import Conditions
from tests.simulation.virtual import EPOCH, VirtualLoop

TEMPLATES = ("alpha", "beta", "gamma")
PRICE = 2
PREFIX = "/api/v1"


@attrs.define(eq=False)
class MadeVideo:
    """A video of the account; `maker` is the idempotency key of its create, or names a stranger."""

    id: str
    template_id: str
    variant_id: Optional[str]
    maker: str
    prompt: str
    created_at: datetime
    committed: float
    fails: bool = False
    history_id: str = ""


class Api:
    """Answers requests as the real API does, and remembers who made and paid what."""

    def __init__(self, loop: VirtualLoop, conditions: Conditions, chance: random.Random) -> None:
        self.loop = loop
        self.conditions = conditions
        self.chance = chance
        self.videos: List[MadeVideo] = []
        self.variants: Dict[str, str] = {}
        self.requests: Dict[str, int] = {}

    def bills(self, maker: str) -> List[MadeVideo]:
        """Return every video that one create was billed for."""
        return [video for video in self.videos if video.maker == maker]

    def create(self, body: Mapping[str, Any], maker: str) -> MadeVideo:
        """Commit a video, now or a while later; it is billed either way."""
        now, conditions = self.loop.seconds, self.conditions
        delay = conditions.commit_delay * self.chance.choice((0.0, 0.5, 1.0))
        dated = now if conditions.dated_at_arrival else now + delay
        number = len(self.videos) + 1
        variant_id = body.get("variant_id")
        video = MadeVideo(
            id=f"batch_{number}",
            template_id=self.variants.get(str(variant_id), "") if variant_id else str(body.get("template_id")),
            variant_id=variant_id,
            maker=maker,
            prompt=str(body.get("context", {}).get("prompt")),
            created_at=(EPOCH + timedelta(seconds=dated)).replace(microsecond=0),
            committed=now + delay,
            fails=self.chance.random() < conditions.render_failures,
        )
        self.videos.append(video)
        return video

    def answer(self, status: int, body: object) -> Answer:
        """Return an answer with the headers that go with it."""
        headers = {"content-type": "application/json"}
        if self.conditions.date_ahead is not None:
            date = EPOCH + timedelta(seconds=self.loop.seconds + self.conditions.date_ahead)
            headers["date"] = format_datetime(date.replace(microsecond=0), usegmt=True)
        return Answer(status, headers, json.dumps(body).encode())

    def refuse(self, status: int, kind: str) -> Answer:
        """Return the API's own error."""
        return self.answer(status, {"error": {"type": kind, "title": kind, "status": status, "detail": kind}})

    def created(self, video: MadeVideo) -> Answer:
        """Return the answer to an accepted create."""
        shown = {**self.show(video, is_new=True), "status": "queued"}
        if self.conditions.charges_shown:
            shown["credits_charged"] = PRICE
        return self.answer(202, shown)

    def read(self, request: Request) -> Answer:
        """Answer anything but a create."""
        parts = urlsplit(request.url)
        path = parts.path[len(PREFIX) :]
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if path == "/videos":
            return self._list(query)
        if path == "/credits/history":
            return self._history(query)
        if path.endswith("/variants"):
            return self._make_variant(path.split("/")[2], request)
        if path.startswith("/videos/"):
            return self._one(path.split("/")[2])
        if path.startswith("/templates/"):
            return self.answer(200, {"id": path.split("/")[2], "name": "t", "credits_per_video": PRICE})
        return self.refuse(404, "not_found")

    def show(self, video: MadeVideo, *, is_new: bool = False) -> Dict[str, Any]:
        """Return a video as JSON."""
        age = self.loop.seconds - video.committed
        status = "processing" if is_new or age < self.conditions.render else "failed" if video.fails else "completed"
        return {
            "id": video.id,
            "template_id": video.template_id,
            "variant_id": video.variant_id,
            "status": status,
            "created_at": video.created_at.isoformat().replace("+00:00", "Z"),
        }

    def is_finished(self, video: MadeVideo) -> bool:
        """Tell whether a video has been rendered, or has failed."""
        return self.loop.seconds - video.committed >= self.conditions.render

    def has_failed(self, video_id: str) -> bool:
        """Tell whether the render of a video fails."""
        return any(video.fails for video in self.videos if video.id == video_id)

    def _one(self, video_id: str) -> Answer:
        seen = self.loop.seconds - self.conditions.get_lag
        video = next((video for video in self.videos if video.id == video_id and video.committed <= seen), None)
        return self.refuse(404, "not_found") if video is None else self.answer(200, self.show(video))

    def _list(self, query: Mapping[str, str]) -> Answer:
        seen = self.loop.seconds - self.conditions.list_lag
        videos = [video for video in self.videos if video.committed <= seen]
        if "template_id" in query:
            videos = [video for video in videos if video.template_id == query["template_id"]]
        shown = [self.show(video) for video in videos]
        if "status" in query:
            shown = [video for video in shown if video["status"] == query["status"]]
        shown.sort(key=lambda video: video["created_at"], reverse=self.conditions.is_ordered)
        limit = min(int(query.get("limit", "20")), self.conditions.page_cap)
        page = int(query.get("page", "1"))
        pages = -(-len(shown) // limit)
        counts = {"page": page, "limit": limit, "total": len(shown), "total_pages": pages}
        return self.answer(200, {"videos": shown[(page - 1) * limit : page * limit], "pagination": counts})

    def _history(self, query: Mapping[str, str]) -> Answer:
        if self.conditions.history == "forbidden":
            return self.refuse(403, "forbidden")
        entries = [
            {
                "id": f"txn_{video.id}",
                "type": "deduction",
                "amount": -PRICE,
                "description": f"Video generation: {video.id}",
                "metadata": {"video_id": video.id, "template_id": video.template_id},
                "created_at": video.created_at.isoformat().replace("+00:00", "Z"),
            }
            for video in reversed(self.videos)
            if video.committed <= self.loop.seconds
        ]
        limit, offset = int(query.get("limit", "50")), int(query.get("offset", "0"))
        return self.answer(200, {"transactions": entries[offset : offset + limit], "total": len(entries)})

    def _make_variant(self, template_id: str, request: Request) -> Answer:
        variant_id = f"var_{len(self.variants) + 1}"
        self.variants[variant_id] = template_id
        name = json.loads(request.body or b"{}").get("name")
        return self.answer(201, {"id": variant_id, "template_id": template_id, "name": name, "payload": {}})
