"""Webhooks: the URLs that events are sent to, and the verification of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Protocol, Sequence

from bluma_async._wire.call import delete, get, path, post
from bluma_async._wire.checks import require_id, require_id_list, require_text
from bluma_async._wire.codec import Many, One
from bluma_async._wire.events import verify_webhook
from bluma_async._wire.signature import Secret  # noqa: TC001 - kept real, for its constant
from bluma_async.types import Event, Webhook, WebhookDelivery

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async._wire.signature import Payload
    from bluma_async.types import KnownEventType

__all__ = ["Webhooks"]


CLIENTS_OWN: Secret = ()  # stands for the client's secret as a default value, so that no signature shows the secret


class Verify(Protocol):
    """The signature of `verify`."""

    def __call__(self, payload: Payload | None, signature: str | bytes | None, secret: Secret | None = ...) -> Event:
        """Return the event, or raise WebhookVerificationError."""
        ...


class HasSecret(Protocol):
    """The webhooks of a client, of either kind."""

    @property
    def secret(self) -> str | None:
        """The secret of the client."""
        ...


class Verifier:
    """`verify` as a descriptor: on the class the secret must be passed, on an instance the client's is the default."""

    def __get__(self, webhooks: HasSecret | None, owner: type[HasSecret]) -> Verify:
        """Return the function that verifies a webhook."""
        own = None if webhooks is None else webhooks.secret

        def verify(
            payload: Payload | None, signature: str | bytes | None, secret: Secret | None = CLIENTS_OWN
        ) -> Event:
            return verify_webhook(payload, signature, own if secret is CLIENTS_OWN else secret)

        verify.__doc__ = verify_webhook.__doc__
        return verify


class Webhooks:
    """Register URLs for events, read their deliveries, and verify received events."""

    verify: Verifier = Verifier()

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def secret(self) -> str | None:
        """The client's `webhook_secret`, the default secret of `verify`."""
        return self._session.options.webhook_secret

    async def create(self, url: str, events: Sequence[KnownEventType | str]) -> Webhook:
        """
        Register a URL for events. Only this answer has the webhook's `secret`: store it.

        Args:
            url: The URL; HTTPS.
            events: Types of events, such as `video.completed`; see `WebhookEventType`.

        Raises:
            InvalidArgumentError: The URL is empty, or `events` is a single string. Nothing was sent.
            ValidationError: The server refuses the URL or a type of event.
        """
        names = [str(event) for event in require_id_list("events", events, "event types")]
        body = {"url": require_text("url", url), "events": names}
        return await self._session.send(post("/webhooks", One(Webhook), body))

    async def get(self, webhook_id: str | Webhook) -> Webhook:
        """
        Return a webhook, without its secret.

        Raises:
            NotFoundError: There is no webhook with this id.
        """
        return await self._session.send(
            get(path("/webhooks", require_id("webhook_id", webhook_id, Webhook)), One(Webhook))
        )

    async def delete(self, webhook_id: str | Webhook) -> None:
        """
        Remove a webhook. No more events are sent to its URL.

        Raises:
            NotFoundError: There is no webhook with this id.
        """
        await self._session.send(delete(path("/webhooks", require_id("webhook_id", webhook_id, Webhook))))

    async def get_deliveries(self, webhook_id: str | Webhook) -> List[WebhookDelivery]:
        """
        Return the attempts to deliver events, one entry for each attempt.

        Raises:
            NotFoundError: There is no webhook with this id.
        """
        where = path("/webhooks", require_id("webhook_id", webhook_id, Webhook), "deliveries")
        return await self._session.send(get(where, Many(WebhookDelivery, "deliveries")))

    async def list(self) -> List[Webhook]:
        """Return all webhooks, without their secrets."""
        return await self._session.send(get("/webhooks", Many(Webhook, "webhooks")))
