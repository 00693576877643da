"""
The common base of an async client and its blocking twin: the methods that wait for nothing.

Rule 1: both classes inherit the same functions. A client has its session and its hub itself; a twin has them in the
client that it holds in `_async`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, cast

from bluma_async._lazy import LazyModule
from bluma_async._runtime.client_option import ClientOption
from bluma_async._runtime.with_blocks import WithBlocks

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async._wire.budget import RateLimit
    from bluma_async._wire.signature import Payload
    from bluma_async.resources import _client_parts as parts
    from bluma_async.types import OpenCreate, WebhookEvent
    from bluma_async.waiting.hub import PollHub
else:
    parts = LazyModule("bluma_async.resources._client_parts")

__all__ = ["BaseClient"]


class BaseClient(WithBlocks):
    """
    The options of a client, its state, and what others tell it.

    Attributes:
        api_key: The key. No repr, log or error shows it.
        base_url: The URL of the API, without a slash at its end.
        timeout: Seconds that one attempt may take.
        max_retries: How often a call is retried.
        retry_delay: Seconds before the first retry.
        retry_multiplier: How much longer each following pause is.
    """

    api_key: ClientOption[str] = ClientOption()
    base_url: ClientOption[str] = ClientOption()
    timeout: ClientOption[float] = ClientOption()
    max_retries: ClientOption[int] = ClientOption()
    retry_delay: ClientOption[float] = ClientOption()
    retry_multiplier: ClientOption[float] = ClientOption()

    @property
    def is_closed(self) -> bool:
        """Whether the client, or one that it shares its connections with, was closed: its calls raise then."""
        return _get_session(self).shared.connections.is_closed

    @property
    def rate_limit(self) -> RateLimit | None:
        """The key's hourly budget, as the newest answer reported it; None before the first."""
        return _get_session(self).rate_limit

    @property
    def open_creates(self) -> List[OpenCreate]:
        """
        The creates of this account that this process has sent, and whose outcome is not known, oldest first.

        A create is open while it is in flight, and stays open when it was interrupted, or ended with
        AmbiguousCreateError. Clients with the same base URL and key share the list.
        """
        return parts.list_open_creates(_get_session(self))

    def learn(self, event: WebhookEvent) -> None:
        """
        Use a verified webhook event: a video that has ended ends the waits for it, without a further poll.

        May be called from any thread. Other events, and videos that are not waited for, change nothing. With the option
        `shared`, waits of other processes end too.
        """
        if isinstance(event, parts.VideoEvent) and isinstance(event.data.get("id"), str):
            _get_hub(self).learn(event.data.id, event)
            parts.tell_others(_get_session(self), event)

    def confirm_create(self, token: str, body: Payload) -> bool:
        """
        Use a callback to the `webhook_url` of a create as evidence of which video that create has made.

        Put `{create_token}` into the `webhook_url`, for example `https://app.example.com/hook?create={create_token}`:
        each create gets a token of its own there. Pass the token of the callback's URL and its raw body. A create whose
        answer was lost then returns this video, after it has read and checked it; after an AmbiguousCreateError,
        `settle` returns it. A WebhookReceiver that is attached to this client calls this for you.

        May be called from any thread. Never raises for a forged, repeated or invalid callback.

        Args:
            token: The token in the URL of the request. It is valid once.
            body: The raw request body. No signature is needed: the token is known to the server alone.

        Returns:
            Whether the callback confirmed an open create. False for a create that has its answer: it needs none.
        """
        return parts.confirm_create(_get_session(self).evidence, token, body)


def _get_session(client: Any) -> Session:
    return cast("Session", getattr(client, "_async", client)._session)  # noqa: SLF001 - the client's own


def _get_hub(client: Any) -> PollHub:
    return cast("PollHub", getattr(client, "_async", client)._hub)  # noqa: SLF001 - the client's own
