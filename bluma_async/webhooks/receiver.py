"""
Take in webhooks: verify, answer at once, handle each event once, in the background.

Rule 1: nothing is read before its signature is verified, over the raw bytes.
Rule 2: the sender waits for the store alone, never for a handler.
Rule 3: whatever comes in gets an answer; nothing crashes the server.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Iterable, Protocol, TypeVar

import attrs

from bluma_async._runtime.log import logger
from bluma_async._runtime.threads import in_thread
from bluma_async._wire.checks import invalid
from bluma_async._wire.events import read_event, verify_webhook
from bluma_async._wire.signature import verify_webhook_signature
from bluma_async.errors import BlumaError, WebhookVerificationError
from bluma_async.stores.memory_events import MemoryStore
from bluma_async.types import WebhookEventType
from bluma_async.types._model import utc_now
from bluma_async.webhooks.handling import Handlers

if TYPE_CHECKING:
    from bluma_async._wire.signature import Payload, Secret
    from bluma_async.stores.ports import EventStore
    from bluma_async.types import WebhookEvent
    from bluma_async.webhooks.handling import Handler

__all__ = ["Reply", "WebhookReceiver"]

H = TypeVar("H", bound=Callable[..., Any])
STORE_TIMEOUT = 4.0  # seconds; the sender waits 5
LOOKING_BACK = 60.0  # seconds between two looks for what a crash left unfinished


class Learns(Protocol):
    """A client, of either kind."""

    def learn(self, event: WebhookEvent) -> None:
        """Take in what an event tells."""
        ...


@attrs.frozen
class Reply:
    """What to answer: an HTTP status, and a line of text that holds no secret."""

    status: int
    text: str = ""


class WebhookReceiver:
    """
    An endpoint for webhooks, to be put into a web application.

    It verifies what comes, answers within a moment, and runs handlers in the background, once for each event however
    often that is sent. `aiohttp_handler`, `asgi_app`, `wsgi_app` and `django_view` fit it into frameworks; `receive` is
    for all others.
    """

    def __init__(
        self,
        secret: Secret | None = None,
        *,
        store: EventStore | None = None,
        max_age: float | None = None,
        max_body: int = 2**20,
        body_timeout: float = 5.0,
        on_error: Handler | None = None,
    ) -> None:
        """
        Set up a receiver.

        Args:
            secret: The webhook's `whsec_...` secret, or several while it is being rotated; default
                `BLUMA_WEBHOOK_SECRET`.
            store: What remembers events: a MemoryStore by default, a SQLiteStore for several processes and across
                restarts, or your own `EventStore`.
            max_age: Seconds by which an event's `created_at` may differ from now, in either direction; None for any.
                Bluma sends an event again for more than an hour: allow two.
            max_body: Bytes a body may have; larger ones are answered with 413.
            body_timeout: Seconds a body may take to arrive; slower ones are answered with 408.
            on_error: Called with the event and the error when a handler fails. May be async.

        Raises:
            BlumaError: There is no secret.
        """
        self._secret = secret or os.environ.get("BLUMA_WEBHOOK_SECRET", "").strip()
        if not self._secret:
            raise BlumaError("There is no webhook secret. Pass secret=, or set BLUMA_WEBHOOK_SECRET.")
        self._store: EventStore = MemoryStore() if store is None else store
        self._max_age = max_age
        self.max_body = max_body
        self.body_timeout = body_timeout
        self._handlers = Handlers(on_error)
        self._looked_back = -LOOKING_BACK

    def on(self, event_type: str) -> Callable[[H], H]:
        """
        Have the decorated function called with each event of a type. It may be async, and take its time.

        Args:
            event_type: Such as `video.completed`; a whole family as `video.*`; all as `*`.

        Raises:
            InvalidArgumentError: There is no such type.
        """
        known = {*map(str, WebhookEventType), "video.*", "credits.*", "*"}
        if event_type not in known:
            raise invalid("event_type", f"There is no event {event_type!r}; there are {', '.join(sorted(known))}.")

        def add(handler: H) -> H:
            self._handlers.add(str(event_type), handler)
            return handler

        return add

    def attach(self, client: Learns) -> None:
        """Have a client's waits end as soon as an event tells that their video has. It may be of either kind."""
        self._handlers.add("video.*", client.learn)

    def aiohttp_handler(self) -> Callable[[Any], Awaitable[Any]]:
        """Return a handler for `aiohttp.web`: `app.router.add_post("/webhooks", receiver.aiohttp_handler())`."""
        from bluma_async.webhooks.serving import aiohttp_handler  # noqa: PLC0415 - loads aiohttp

        return aiohttp_handler(self)

    def asgi_app(self) -> Callable[[Any, Any, Any], Awaitable[None]]:
        """Return an ASGI app, to be mounted: `app.mount("/webhooks", receiver.asgi_app())` in Starlette and FastAPI."""
        from bluma_async.webhooks.asgi import asgi_app  # noqa: PLC0415 - few need it

        return asgi_app(self)

    def wsgi_app(self) -> Callable[[Any, Any], Iterable[bytes]]:
        """Return a WSGI app. A Flask view may return it: it then answers in the view's place."""
        from bluma_sync._webhooks import wsgi_app  # noqa: PLC0415 - loads the blocking twin

        return wsgi_app(self)

    def django_view(self) -> Callable[[Any], Any]:
        """Return a Django view, free of CSRF checks: `path("webhooks", receiver.django_view())`."""
        from bluma_sync._webhooks import django_view  # noqa: PLC0415 - as above

        return django_view(self)

    async def receive(self, body: Payload, signature: str | bytes | None) -> Reply:
        """
        Take in one request, and return what to answer. Never raises.

        Args:
            body: Its raw body.
            signature: Its `X-Bluma-Signature` header; None if it has none.

        Returns:
            200 for an event, also one that came before; 401 for a wrong signature; 400 for a signed body that is no
            event, or too old; 503 if the store failed, so that it is sent again.
        """
        try:
            event = verify_webhook(body, signature, self._secret)
        except WebhookVerificationError as problem:
            is_signed = verify_webhook_signature(body, signature, self._secret)
            return Reply(400 if is_signed else 401, str(problem))
        if self._is_stale(event):
            return Reply(400, f"Event {event.id} was created at {event.created_at}, too far from now.")
        raw = body.encode() if isinstance(body, str) else bytes(body)
        return await asyncio.shield(self._handlers.keep(self._take(event, raw)))  # also if the sender hangs up

    async def aclose(self) -> None:
        """Wait until all handlers that were begun in this event loop have ended."""
        await self._handlers.ended()

    async def _take(self, event: WebhookEvent, raw: bytes) -> Reply:
        try:
            is_new = await self._ask(self._store.claim, event.id, raw)
            await self._look_back()
        except Exception:  # noqa: BLE001 - whatever the store raises
            logger.exception("The store of webhook events failed; %s will be sent again.", event.id)
            return Reply(503, "The event could not be stored. Send it again.")
        if is_new:
            self._start(event)
        return Reply(200)

    def _start(self, event: WebhookEvent) -> None:
        async def finish() -> None:
            try:
                await self._ask(self._store.finish, event.id)
            except Exception:  # noqa: BLE001 - as above
                logger.exception("The store of webhook events failed; %s may be handled again.", event.id)

        self._handlers.start(event, finish)

    async def _look_back(self) -> None:
        """Begin again with what a crash left unfinished."""
        if time.monotonic() - self._looked_back < LOOKING_BACK:
            return
        self._looked_back = time.monotonic()
        for body in await self._ask(self._store.unfinished):
            self._start(read_event(body))

    def _is_stale(self, event: WebhookEvent) -> bool:
        if self._max_age is None:
            return False
        return event.created_at is None or abs((utc_now() - event.created_at).total_seconds()) > self._max_age

    async def _ask(self, question: Callable[..., Any], *args: Any) -> Any:
        """Ask the store, in a thread if it blocks."""
        if inspect.iscoroutinefunction(question):
            return await asyncio.wait_for(question(*args), STORE_TIMEOUT)
        outcome = await in_thread(question, *args)
        return await asyncio.wait_for(outcome, STORE_TIMEOUT) if inspect.isawaitable(outcome) else outcome
