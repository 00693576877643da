"""
Events: who is to hear of what, and every attempt to tell them.

Rule 1: at least once: what is not answered with a 2xx within 5 s is sent again after 3 s, 30 s, 5 min and 1 h.
Rule 2: ten failures in a row switch a webhook off.
Rule 3: a create's own `webhook_url` has no webhook and no secret, so the sandbox's default secret signs for it.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence

import attrs

from bluma_async._wire.signature import sign_webhook
from bluma_async.sandbox.clock import iso

if TYPE_CHECKING:
    from bluma_async.sandbox.clock import Clock, Timer
    from bluma_async.sandbox.faults import Faults
    from bluma_async.sandbox.tables import Row, Table

__all__ = ["EVENT_TYPES", "LADDER", "Delivery", "Events", "Outcome"]

LADDER: Sequence[float] = (3.0, 30.0, 300.0, 3600.0)
FAILURES_ALLOWED = 10
EVENT_TYPES = (
    "video.queued",
    "video.processing",
    "video.completed",
    "video.failed",
    "video.deleted",
    "credits.low",
    "credits.exhausted",
)


@attrs.frozen
class Outcome:
    """How an attempt went; `status` is None when nobody answered."""

    status: Optional[int]
    milliseconds: int
    error: Optional[str]


@attrs.frozen(kw_only=True)
class Delivery:
    """One attempt to be made."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    done: Callable[[Outcome], None]


class Events:
    """Queues deliveries, keeps the log, and climbs the ladder."""

    def __init__(
        self, webhooks: Table, deliveries: Table, pending: Table, clock: Clock, faults: Faults, secret: str
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._pending = pending
        self._clock = clock
        self._faults = faults
        self._secret = secret
        self._timers: Dict[str, Timer] = {}
        self._held: List[Row] = []
        self.send: Callable[[Delivery], None] = lambda _: None

    def publish(self, event_type: str, data: Mapping[str, Any], *, webhook_url: str | None = None) -> None:
        """Tell everybody who wants to hear of it. Never waits."""
        event = {
            "id": f"evt_{secrets.token_hex(8)}",
            "type": event_type,
            "created_at": iso(self._clock.time()),
            "data": dict(data),
        }
        targets = [row["id"] for row in self._webhooks if row["is_active"] and event_type in row["events"]]
        jobs = [self._job(event, webhook_id=target) for target in targets]
        if webhook_url:
            jobs.append(self._job(event, url=webhook_url))
        self._release(jobs)

    def resume(self) -> None:
        """Go on with what was pending when the sandbox ended."""
        for job in self._pending:
            self._schedule(job)

    def stop(self) -> None:
        """Send nothing any more; what is pending stays so."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def log(self, webhook_id: str) -> List[Row]:
        """Return a webhook's attempts, newest first."""
        return [row for row in self._deliveries if row["webhook_id"] == webhook_id][::-1]

    def _job(self, event: Mapping[str, Any], *, webhook_id: str | None = None, url: str | None = None) -> Row:
        return {
            "id": f"job_{secrets.token_hex(8)}",
            "event": dict(event),
            "webhook_id": webhook_id,
            "url": url,
            "attempt": 1,
            "at": self._clock.time(),
        }

    def _release(self, jobs: Sequence[Row]) -> None:
        """Send jobs, in an order and a number that the faults may bend."""
        for job in jobs:
            if self._faults.strike_webhooks("reorder_webhooks"):
                self._held.append(self._pending.put(job))
                continue
            copies = 2 if self._faults.strike_webhooks("duplicate_webhook") else 1
            late, self._held = self._held, []
            for entry in [job, *[{**job, "id": job["id"] + "d"}] * (copies - 1), *late]:
                self._schedule(self._pending.put(entry))

    def _schedule(self, job: Row) -> None:
        if job["at"] <= self._clock.time():
            self._attempt(job)
        else:
            self._timers[job["id"]] = self._clock.call_at(job["at"], lambda: self._attempt(job))

    def _attempt(self, job: Row) -> None:
        self._timers.pop(job["id"], None)
        webhook = self._webhooks.find(job["webhook_id"]) if job["webhook_id"] else None
        if job["webhook_id"] and (webhook is None or not webhook["is_active"]):
            self._pending.drop(job["id"])
            return
        secret = webhook["secret"] if webhook else self._secret
        body = json.dumps(job["event"]).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Bluma-Webhooks/1.0",
            "X-Bluma-Signature": sign_webhook(body, secret),
            "X-Bluma-Event-Id": job["event"]["id"],
            "X-Bluma-Event-Type": job["event"]["type"],
        }
        url = webhook["url"] if webhook else job["url"]
        self.send(Delivery(url=url, body=body, headers=headers, done=lambda outcome: self._done(job, outcome)))

    def _done(self, job: Row, outcome: Outcome) -> None:
        is_success = outcome.status is not None and 200 <= outcome.status < 300
        step = int(job["attempt"]) - 1
        is_over = is_success or step >= len(LADDER)
        next_at: Optional[float] = None if is_over else self._clock.time() + LADDER[step]
        self._note(job, outcome, next_at)
        self._count(job, is_success=is_success)
        if next_at is None:
            self._pending.drop(job["id"])
            return
        job["attempt"], job["at"] = job["attempt"] + 1, next_at
        self._schedule(self._pending.put(job))

    def _note(self, job: Row, outcome: Outcome, next_at: float | None) -> None:
        self._deliveries.put(
            {
                "id": f"delivery_{secrets.token_hex(6)}",
                "webhook_id": job["webhook_id"],
                "event_id": job["event"]["id"],
                "event_type": job["event"]["type"],
                "attempt_number": job["attempt"],
                "status_code": outcome.status,
                "duration_ms": outcome.milliseconds,
                "error_message": outcome.error,
                "next_retry_at": None if next_at is None else iso(next_at),
                "created": self._clock.time(),
            }
        )

    def _count(self, job: Row, *, is_success: bool) -> None:
        webhook = self._webhooks.find(job["webhook_id"]) if job["webhook_id"] else None
        if webhook is None:
            return
        webhook["failures"] = 0 if is_success else webhook["failures"] + 1
        if webhook["failures"] >= FAILURES_ALLOWED:
            webhook["is_active"] = False
        self._webhooks.put(webhook)
