# Generated from bluma_async/resources/webhooks.py by `nox -s facade`: change that, not this.
"""Webhooks: the URLs that events are sent to, and the verification of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Sequence

from bluma_async.resources.webhooks import Verifier
from bluma_sync._portal import run

if TYPE_CHECKING:
    from bluma_async.resources import webhooks as asynchronous
    from bluma_async.types import KnownEventType, Webhook, WebhookDelivery

__all__ = ["Webhooks"]


class Webhooks:
    """Register URLs for events, read their deliveries, and verify received events."""

    verify: Verifier = Verifier()

    def __init__(self, twin: asynchronous.Webhooks) -> None:
        self._async = twin

    @property
    def secret(self) -> str | None:
        """The client's `webhook_secret`, the default secret of `verify`."""
        return self._async.secret

    def create(self, url: str, events: Sequence[KnownEventType | str]) -> Webhook:
        """
        Register a URL for events. Only this answer has the webhook's `secret`: store it.

        Args:
            url: The URL; HTTPS.
            events: Types of events, such as `video.completed`; see `WebhookEventType`.

        Raises:
            InvalidArgumentError: The URL is empty, or `events` is a single string. Nothing was sent.
            ValidationError: The server refuses the URL or a type of event.
        """
        return run(self._async.create(url, events))

    def get(self, webhook_id: str | Webhook) -> Webhook:
        """
        Return a webhook, without its secret.

        Raises:
            NotFoundError: There is no webhook with this id.
        """
        return run(self._async.get(webhook_id))

    def delete(self, webhook_id: str | Webhook) -> None:
        """
        Remove a webhook. No more events are sent to its URL.

        Raises:
            NotFoundError: There is no webhook with this id.
        """
        run(self._async.delete(webhook_id))

    def get_deliveries(self, webhook_id: str | Webhook) -> List[WebhookDelivery]:
        """
        Return the attempts to deliver events, one entry for each attempt.

        Raises:
            NotFoundError: There is no webhook with this id.
        """
        return run(self._async.get_deliveries(webhook_id))

    def list(self) -> List[Webhook]:
        """Return all webhooks, without their secrets."""
        return run(self._async.list())
