"""
Webhook events: which endpoints get which event, and every attempt to deliver it.

A notification is one event for one endpoint; it is pending until one of its attempts succeeds or all have failed.

Rule 1: delivery is at least once. An attempt without a 2xx answer within 5 s is retried after 3 s, 30 s, 5 min and 1 h.
Rule 2: ten failures in a row deactivate a webhook.
Rule 3: the `webhook_url` of a create has no webhook and no secret of its own; the setting `webhook_secret` signs it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence

import attrs

from bluma_async.sandbox.clock import iso

if TYPE_CHECKING:
    from bluma_async.sandbox.clock import Clock, Timer
    from bluma_async.sandbox.faults import Faults
    from bluma_async.sandbox.tables import Row, Table

__all__ = ["EVENT_TYPES", "RETRY_DELAYS", "Delivery", "Events", "Outcome", "sign_event"]

RETRY_DELAYS: Sequence[float] = (3.0, 30.0, 300.0, 3600.0)
FAILURES_ALLOWED = 10
NO_ANSWER = 0  # the status of an attempt without an answer: the documents show numbers only, and 1.2.0 reads no null
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
    """The result of an attempt; `status` is None if there was no answer. `body` has the first bytes of the answer."""

    status: Optional[int]
    milliseconds: int
    error: Optional[str]
    body: bytes = b""


@attrs.frozen(kw_only=True)
class Delivery:
    """
    One attempt: the request to send, and what follows.

    Attributes:
        name: The type of the event, or the provider whose callback it is.
        attempt: The number of the attempt, from 1.
        url: Where it is sent.
        body: The bytes of the body.
        headers: The headers, with the signature.
        done: Called with the outcome; returns the time of the next attempt, or None if there will be none.
        again: Sends the same event once more, as a first attempt. Raises a ValueError if it may not be sent any more.
    """

    name: str
    attempt: int
    url: str
    body: bytes
    headers: Mapping[str, str]
    done: Callable[[Outcome], Optional[float]]
    again: Callable[[], None]


class Events:
    """Publishes events, logs the attempts, and retries."""

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
        """Send an event to every webhook that subscribes to it, and to `webhook_url`. Returns at once."""
        event = {
            "id": f"evt_{secrets.token_hex(8)}",
            "type": event_type,
            "created_at": iso(self._clock.time()),
            "data": dict(data),
        }
        targets = [row["id"] for row in self._webhooks if row["is_active"] and event_type in row["events"]]
        notifications = [self._make_notification(event, webhook_id=target) for target in targets]
        if webhook_url:
            notifications.append(self._make_notification(event, url=webhook_url))
        self._release(notifications)

    def resume(self) -> None:
        """Continue with the notifications that were pending when the sandbox stopped."""
        for notification in self._pending:
            self._schedule(notification)

    def stop(self) -> None:
        """Cancel the timers; pending notifications stay in their table."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def list_retries(self) -> List[float]:
        """Return the times of the attempts that are scheduled."""
        return [row["at"] for row in self._pending if row["id"] in self._timers]

    def list_attempts(self, webhook_id: str) -> List[Row]:
        """Return a webhook's attempts, newest first."""
        return [row for row in self._deliveries if row["webhook_id"] == webhook_id][::-1]

    def _make_notification(
        self, event: Mapping[str, Any], *, webhook_id: str | None = None, url: str | None = None
    ) -> Row:
        return {
            "id": f"notification_{secrets.token_hex(8)}",
            "event": dict(event),
            "webhook_id": webhook_id,
            "url": url,
            "attempt": 1,
            "at": self._clock.time(),
        }

    def _release(self, notifications: Sequence[Row]) -> None:
        """Send notifications; faults may hold one back behind the next, or send it twice."""
        for notification in notifications:
            if self._faults.take_for_webhook("reorder_webhooks"):
                self._held.append(self._pending.put(notification))
                continue
            copies = 2 if self._faults.take_for_webhook("duplicate_webhook") else 1
            held, self._held = self._held, []
            duplicates = [{**notification, "id": notification["id"] + "d"}] * (copies - 1)
            for entry in [notification, *duplicates, *held]:
                self._schedule(self._pending.put(entry))

    def _schedule(self, notification: Row) -> None:
        if notification["at"] <= self._clock.time():
            self._attempt(notification)
        else:
            self._timers[notification["id"]] = self._clock.call_at(
                notification["at"], lambda: self._attempt(notification)
            )

    def _attempt(self, notification: Row) -> None:
        self._timers.pop(notification["id"], None)
        webhook = self._webhooks.find(notification["webhook_id"]) if notification["webhook_id"] else None
        if notification["webhook_id"] and (webhook is None or not webhook["is_active"]):
            self._pending.drop(notification["id"])
            return
        secret = webhook["secret"] if webhook else self._secret
        body = json.dumps(notification["event"]).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Bluma-Webhooks/1.0",
            "X-Bluma-Signature": sign_event(body, secret),
            "X-Bluma-Event-Id": notification["event"]["id"],
            "X-Bluma-Event-Type": notification["event"]["type"],
        }
        self.send(
            Delivery(
                name=notification["event"]["type"],
                attempt=notification["attempt"],
                url=webhook["url"] if webhook else notification["url"],
                body=body,
                headers=headers,
                done=lambda outcome: self._done(notification, outcome),
                again=lambda: self._send_again(notification),
            )
        )

    def _send_again(self, notification: Row) -> None:
        if notification["webhook_id"]:
            webhook = self._webhooks.find(notification["webhook_id"])
            if webhook is None:
                raise ValueError("The webhook was deleted, so nothing was sent.")
            # Whoever sends again has mended the program, after failures that may have deactivated the webhook.
            self._webhooks.put({**webhook, "is_active": True, "failures": 0})
        fresh = {"id": f"notification_{secrets.token_hex(8)}", "attempt": 1, "at": self._clock.time()}
        self._schedule(self._pending.put({**notification, **fresh}))

    def _done(self, notification: Row, outcome: Outcome) -> Optional[float]:
        is_success = outcome.status is not None and 200 <= outcome.status < 300
        step = int(notification["attempt"]) - 1
        is_over = is_success or step >= len(RETRY_DELAYS)
        next_at: Optional[float] = None if is_over else self._clock.time() + RETRY_DELAYS[step]
        self._log_attempt(notification, outcome, next_at)
        self._count_failures(notification, is_success=is_success)
        if next_at is None:
            self._pending.drop(notification["id"])
            return None
        notification["attempt"], notification["at"] = notification["attempt"] + 1, next_at
        self._schedule(self._pending.put(notification))
        return next_at

    def _log_attempt(self, notification: Row, outcome: Outcome, next_at: float | None) -> None:
        self._deliveries.put(
            {
                "id": f"delivery_{secrets.token_hex(6)}",
                "webhook_id": notification["webhook_id"],
                "event_id": notification["event"]["id"],
                "event_type": notification["event"]["type"],
                "attempt_number": notification["attempt"],
                "status_code": outcome.status or NO_ANSWER,
                "duration_ms": outcome.milliseconds,
                "error_message": outcome.error,
                "next_retry_at": None if next_at is None else iso(next_at),
                "created": self._clock.time(),
            }
        )

    def _count_failures(self, notification: Row, *, is_success: bool) -> None:
        webhook = self._webhooks.find(notification["webhook_id"]) if notification["webhook_id"] else None
        if webhook is None:
            return
        webhook["failures"] = 0 if is_success else webhook["failures"] + 1
        if webhook["failures"] >= FAILURES_ALLOWED:
            webhook["is_active"] = False
        self._webhooks.put(webhook)


def sign_event(body: bytes, secret: str) -> str:
    """
    Return the `X-Bluma-Signature` of a body: `sha256=` and the hex HMAC-SHA256 of its bytes.

    The client's `sign_webhook` is not used here. If both sides shared the code, a wrong signature would verify.
    """
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
