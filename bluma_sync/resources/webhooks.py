# Generated from bluma_async/resources/webhooks.py by `nox -s facade`: change that, not this.
"""Webhooks: where events are sent, and whether they are real."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Sequence

from bluma_async.resources.webhooks import Verifier
from bluma_sync._portal import run

if TYPE_CHECKING:
    from bluma_async.resources import webhooks as asynchronous
    from bluma_async.types import Webhook, WebhookDelivery

__all__ = ["Webhooks"]


class Webhooks:
    """Say where events are sent, see how they went, and verify those that come."""

    verify: Verifier = Verifier()

    def __init__(self, twin: asynchronous.Webhooks) -> None:
        self._async = twin

    @property
    def secret(self) -> str | None:
        """The client's `webhook_secret`, which `verify` uses unless another is passed."""
        return self._async.secret

    def create(self, url: str, events: Sequence[str]) -> Webhook:
        """
        Have events sent to a URL. The webhook's `secret` is told this once.

        Args:
            url: Where to; HTTPS.
            events: Which, such as `video.completed`; see `WebhookEventType`.
        """
        return run(self._async.create(url, events))

    def get(self, webhook_id: str) -> Webhook:
        """
        Return a webhook, without its secret.

        Raises:
            NotFoundError: There is no such webhook.
        """
        return run(self._async.get(webhook_id))

    def delete(self, webhook_id: str) -> None:
        """Have no more events sent there."""
        run(self._async.delete(webhook_id))

    def get_deliveries(self, webhook_id: str) -> List[WebhookDelivery]:
        """Return the attempts to deliver events, one entry an attempt."""
        return run(self._async.get_deliveries(webhook_id))

    def list(self) -> List[Webhook]:
        """Return all webhooks, without their secrets."""
        return run(self._async.list())
