"""
Videos and their states: queued, processing, then completed or failed.

`queued`, `processing` and the progress are derived from the clock when a video is read; they are not stored. A video is
completed when its time has come *and* its file exists, so a read never waits for a render.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping

from bluma_async.sandbox.catalog import BY_ID, MULTIPLIERS, calculate_price, estimate_duration
from bluma_async.sandbox.clock import iso

if TYPE_CHECKING:
    from bluma_async.sandbox.clock import Clock, Timer
    from bluma_async.sandbox.events import Events
    from bluma_async.sandbox.files import Files
    from bluma_async.sandbox.ledger import Ledger
    from bluma_async.sandbox.tables import Row, Table

__all__ = [
    "DUE",
    "FAILS",
    "FAILURE",
    "FAIL_MARK",
    "QUEUED",
    "Videos",
    "accepted_view",
    "compute_progress",
    "compute_status",
    "listed_view",
    "video_view",
]

QUEUED = 5.0  # seconds until processing begins
DUE = 105.0  # seconds until a video is completed; the quickstart's example takes as long
FAILS = 45.0  # seconds until the failure of a video that fails
ESTIMATE = 120.0  # seconds from `created_at` to `estimated_completion`
FAIL_MARK = "[fail]"  # a prompt that contains it makes the render fail
FAILURE = {"type": "rendering_failed", "detail": "Invalid asset URL provided in context"}
Render = Callable[["Row"], None]


class Videos:
    """All videos, with the timers that change their states."""

    def __init__(self, table: Table, clock: Clock, ledger: Ledger, events: Events, files: Files) -> None:
        self._table = table
        self._clock = clock
        self._ledger = ledger
        self._events = events
        self._files = files
        self._timers: Dict[str, List[Timer]] = {}
        self.render: Render = lambda _: None

    def create(
        self, body: Mapping[str, Any], template: Dict[str, Any], kind: str, *, fails: bool, is_stranger: bool = False
    ) -> Row:
        """
        Create a video from the body of a request, and charge the account if the key is live.

        Raises:
            ApiError: The balance is too low; nothing was created.
        """
        row = self.draft(body, template, kind, fails=fails)
        if is_stranger:
            row["stranger"] = True
        return self.commit(row)

    def draft(
        self,
        body: Mapping[str, Any],
        template: Dict[str, Any],
        kind: str,
        *,
        fails: bool,
        idempotency_key: str | None = None,
    ) -> Row:
        """Return the row of a video that does not exist yet: it is not billed, and no read shows it."""
        row = self._make_row(body, template, kind, fails=fails)
        row["idempotency_key"] = idempotency_key
        return row

    def commit(self, row: Row) -> Row:
        """
        Create the video of a draft, and charge the account if the key is live.

        Raises:
            ApiError: The balance is too low; nothing was created.
        """
        if row["kind"] == "live":
            self._ledger.charge(
                row["credits_charged"], row["id"], _explain_price(row), is_stranger=bool(row.get("stranger"))
            )
        row["committed"] = self._clock.time()
        self._table.put(row)
        self._publish("video.queued", row, {"created_at": iso(row["created"])})
        self.begin(row)
        return row

    def check_balance(self, row: Row) -> None:
        """Raise an ApiError if the balance does not suffice for a draft."""
        if row["kind"] == "live":
            self._ledger.check_balance(row["credits_charged"], _explain_price(row))

    def begin(self, row: Row) -> None:
        """Start the timers and the render of a new video, or of an unfinished one after a restart."""
        row.setdefault("committed", row["created"])  # a data folder of an earlier version has no time of the commit
        if row["completed"] is not None:
            return
        end, finish = (FAILS, self._fail) if row["fails"] else (DUE, self._complete)
        timers = [self._clock.call_at(row["created"] + end, lambda: finish(row))]
        if self._clock.time() < row["created"] + QUEUED:
            timers.append(self._clock.call_at(row["created"] + QUEUED, lambda: self._process(row)))
        self._timers[row["id"]] = timers
        if not row["fails"] and not row["rendered"]:
            self.render(row)

    def mark_rendered(self, row: Row, size_bytes: int) -> None:
        """Record that a video's file exists, and complete the video if it is due."""
        row["rendered"], row["size_bytes"] = True, size_bytes
        self._table.put(row)
        self._complete(row)

    def mark_unrenderable(self, row: Row) -> None:
        """End a video as failed, because its file cannot be made."""
        for timer in self._timers.get(row["id"], ()):
            timer.cancel()
        row["fails"] = True
        self._fail(row)

    def stop(self) -> None:
        """Cancel all timers."""
        for timers in self._timers.values():
            for timer in timers:
                timer.cancel()
        self._timers.clear()

    def need(self, identifier: str) -> Row:
        """Return a video, or raise a 404."""
        return self._table.need(identifier)

    def newest_first(self) -> List[Row]:
        """Return all videos, newest first by `created_at`, which is not the order of the commits if these are late."""
        return sorted(self._table, key=lambda row: row["created"])[::-1]

    def oldest_commit_first(self) -> List[Row]:
        """Return all videos in the order of their commits."""
        return list(self._table)

    def list_own_templates(self) -> List[str]:
        """Return the templates that the clients of the sandbox have used."""
        return sorted({row["template_id"] for row in self._table if not row.get("stranger")})

    def count(self, kind: str) -> int:
        """Return the number of videos created with keys of a kind (`test` or `live`)."""
        return sum(row["kind"] == kind for row in self._table)

    def count_strangers(self, kind: str) -> int:
        """Return the number of videos of a kind that strangers created."""
        return sum(row["kind"] == kind and bool(row.get("stranger")) for row in self._table)

    def view(self, row: Row) -> Dict[str, Any]:
        """Return a video as `GET /videos/{id}` shows it."""
        return video_view(row, self._clock.time(), self._files)

    def _make_row(self, body: Mapping[str, Any], template: Dict[str, Any], kind: str, *, fails: bool) -> Row:
        prompt = str(body["context"]["prompt"])
        resolution = _read_resolution(body)
        return {
            "id": f"batch_{secrets.token_hex(8)}",
            "kind": kind,
            "template_id": template["id"],
            "variant_id": body.get("variant_id"),
            "prompt": prompt,
            "color": body.get("color"),
            "resolution": "720p" if kind == "test" else resolution or "720p",
            "watermark": kind == "test",
            "webhook_url": body.get("webhook_url"),
            "credits_charged": calculate_price(template, resolution),
            "duration": estimate_duration(template, prompt),
            "created": self._clock.time(),
            "committed": None,
            "fails": fails or FAIL_MARK in prompt,
            "rendered": False,
            "size_bytes": None,
            "completed": None,
        }

    def _process(self, row: Row) -> None:
        self._publish("video.processing", row, {"progress": 0})

    def _complete(self, row: Row) -> None:
        now = self._clock.time()
        if row["completed"] is not None or not row["rendered"] or now < row["created"] + DUE:
            return
        row["completed"] = now
        self._table.put(row)
        self._timers.pop(row["id"], None)
        shown = self.view(row)
        result = {name: shown[name] for name in ("url", "thumbnail_url", "duration", "size_bytes")}
        self._publish("video.completed", row, {**result, "credits_consumed": row["credits_charged"]})

    def _fail(self, row: Row) -> None:
        row["completed"] = self._clock.time()
        self._table.put(row)
        self._timers.pop(row["id"], None)
        if row["kind"] == "live":
            self._ledger.refund(row["credits_charged"], row["id"], is_stranger=bool(row.get("stranger")))
        self._publish("video.failed", row, {"error": FAILURE})

    def _publish(self, event: str, row: Row, more: Mapping[str, Any]) -> None:
        status = compute_status(row, self._clock.time())
        data = {"id": row["id"], "status": status, "template_id": row["template_id"], **more}
        self._events.publish(event, data, webhook_url=row["webhook_url"])


def _read_resolution(body: Mapping[str, Any]) -> str | None:
    options: Dict[str, Any] = body.get("options") or {}
    return options.get("resolution")


def _explain_price(row: Row) -> Dict[str, Any]:
    """Return the factors of a live video's price."""
    base = BY_ID[row["template_id"]]["credits_per_video"]
    details: Dict[str, Any] = {"template_id": row["template_id"], "resolution": row["resolution"]}
    return {**details, "base": base, "multiplier": MULTIPLIERS[row["resolution"]]}


def compute_status(row: Row, now: float) -> str:
    """Return a video's status at a time."""
    if row["completed"] is not None:
        return "failed" if row["fails"] else "completed"
    return "queued" if now < row["created"] + QUEUED else "processing"


def compute_progress(row: Row, now: float) -> int:
    """Return a video's progress in percent; it stays at 99 until the file exists."""
    if row["completed"] is not None and not row["fails"]:
        return 100
    end = row["completed"] if row["completed"] is not None else now
    return min(max(int((end - row["created"] - QUEUED) / (DUE - QUEUED) * 100), 0), 99)


def video_view(row: Row, now: float, files: Files) -> Dict[str, Any]:
    """Return a video as `GET /videos/{id}` shows it."""
    status = compute_status(row, now)
    view: Dict[str, Any] = {
        "id": row["id"],
        "status": status,
        "progress": compute_progress(row, now),
        "template_id": row["template_id"],
        "created_at": iso(row["created"]),
    }
    if status in {"completed", "failed"}:
        is_completed = status == "completed"
        view["url"] = files.public_url(f"videos/{row['id']}.mp4") if is_completed else None
        view["thumbnail_url"] = files.public_url(f"thumbnails/{row['id']}.jpg") if is_completed else None
        view["duration"] = row["duration"] if is_completed else None
        view["size_bytes"] = row["size_bytes"] if is_completed else None
        view["completed_at"] = iso(row["completed"])
    if status == "failed":
        view["error"] = dict(FAILURE)
    return view


def accepted_view(row: Row) -> Dict[str, Any]:
    """Return a video as the 202 answer to its create shows it."""
    return {
        "id": row["id"],
        "status": "queued",
        "template_id": row["template_id"],
        "variant_id": row["variant_id"],
        "created_at": iso(row["created"]),
        "estimated_completion": iso(row["created"] + ESTIMATE),
        "status_url": f"/v1/videos/{row['id']}",
        "credits_charged": row["credits_charged"],
    }


def listed_view(row: Row, now: float, files: Files) -> Dict[str, Any]:
    """Return a video as `GET /videos` lists it: the link is named `video_url`, and there is no progress."""
    view = video_view(row, now, files)
    return {
        "id": row["id"],
        "template_id": row["template_id"],
        "status": view["status"],
        "video_url": view.get("url"),
        "thumbnail_url": view.get("thumbnail_url"),
        "created_at": view["created_at"],
        "completed_at": view.get("completed_at"),
    }
