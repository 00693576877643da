"""
Receive webhooks: verify a request, answer it at once, and run the handlers of each event once, in the background.

Rule 1: nothing is parsed before its signature is verified, over the raw bytes. The exception is a callback that carries
the token of an open create: no secret is documented for the `webhook_url` of a create. Only its video id is used.
Rule 2: the sender waits for the event store, never for a handler: after 5 s it times out and sends the event again.
Rule 3: every request gets a reply; no input and no failing store raises an exception into the web server.
Rule 4: the receiver knows no web framework. `aiohttp_web`, `asgi` and `bluma_sync.webhooks` connect it to one.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from typing import TYPE_CHECKING, Any, Callable, List, Protocol, TypeVar

from bluma_async._runtime.log import logger
from bluma_async._runtime.threads import in_users_thread
from bluma_async._wire.checks import invalid
from bluma_async._wire.events import read_event, verify_webhook
from bluma_async._wire.signature import verify_webhook_signature
from bluma_async.errors import BlumaError, WebhookVerificationError
from bluma_async.stores.memory_events import MemoryStore
from bluma_async.types import WebhookEventType
from bluma_async.types._model import utc_now
from bluma_async.webhooks.handlers import Handlers
from bluma_async.webhooks.reply import Reply

if TYPE_CHECKING:
    from bluma_async._wire.signature import Payload, Secret
    from bluma_async.stores.ports import EventStore
    from bluma_async.types import WebhookEvent
    from bluma_async.webhooks.handlers import Handler

__all__ = ["WebhookReceiver"]

H = TypeVar("H", bound=Callable[..., Any])
STORE_TIMEOUT = 4.0  # seconds; the sender waits 5
RECOVERY_INTERVAL = 60.0  # seconds between two searches for events that a crash left unhandled


class EventConsumer(Protocol):
    """A client of either kind: AsyncBluma or Bluma."""

    def learn(self, event: WebhookEvent) -> None:
        """Use the event to end the waits for its video."""
        ...

    def confirm_create(self, token: str, body: Payload) -> bool:
        """Use the callback of a create as evidence, and return whether an open create has its token."""
        ...


class WebhookReceiver:
    """
    Receives webhooks for a web application.

    It verifies each request, answers it within moments, and runs the handlers in the background, once for each event
    however often the event is sent.

    Connect it to a web framework with one of these functions: `aiohttp_handler`, `asgi_app` (Starlette, FastAPI),
    `wsgi_app` (Flask), `django_view`. For any other framework, call `receive`.
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
        Create a receiver.

        Args:
            secret: The webhook's `whsec_...` secret, or several during a rotation. Default: `BLUMA_WEBHOOK_SECRET`.
            store: Remembers which events were received. Default: a MemoryStore. Use a SQLiteStore for several processes
                and across restarts, or an `EventStore` of your own.
            max_age: Seconds by which an event's `created_at` may differ from the current time, in either direction;
                None accepts any. Bluma retries an event for more than an hour: allow two hours.
            max_body: Maximum size of a body in bytes; larger ones are answered with 413.
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
        self._clients: List[EventConsumer] = []
        self._recovered_at = -RECOVERY_INTERVAL

    def on(self, event_type: str) -> Callable[[H], H]:
        """
        Return a decorator that registers a handler for a type of event. The handler may be async, and may run long.

        Args:
            event_type: A type such as `video.completed`, a family such as `video.*`, or `*` for all events.

        Raises:
            InvalidArgumentError: There is no such type.
        """
        known = {*map(str, WebhookEventType), "video.*", "credits.*", "*"}
        if event_type not in known:
            raise invalid("event_type", f"There is no event {event_type!r}; valid are {', '.join(sorted(known))}.")

        def add(handler: H) -> H:
            self._handlers.add(str(event_type), handler)
            return handler

        return add

    def attach(self, client: EventConsumer) -> None:
        """
        Let events end the waits of a client, AsyncBluma or Bluma: a wait then needs no further poll.

        Callbacks whose URL has the parameter `create` also confirm its open creates: see the client's `confirm_create`.
        """
        self._clients.append(client)
        self._handlers.add("video.*", client.learn)

    async def receive(self, body: Payload, signature: str | bytes | None, create_token: str | None = None) -> Reply:
        """
        Process one request, and return the reply to send. Never raises.

        Args:
            body: The raw body.
            signature: The `X-Bluma-Signature` header, or None if the request has none.
            create_token: The parameter `create` of the request's URL, or None if it has none.

        Returns:
            200 for an event, also for one that was received before, and for a callback that confirmed a create; 401 for
            an invalid signature; 400 for a signed body that is not an event or is too old; 503 if the event store
            failed, so that the event is sent again.
        """
        is_confirmed = create_token is not None and any(
            client.confirm_create(create_token, body) for client in self._clients
        )
        try:
            event = verify_webhook(body, signature, self._secret)
        except WebhookVerificationError as problem:
            if is_confirmed:
                return Reply(200)  # evidence for a create, and no event: its handlers need a signature
            is_signed = verify_webhook_signature(body, signature, self._secret)
            return Reply(400 if is_signed else 401, str(problem))
        if self._is_stale(event):
            return Reply(400, f"Event {event.id} was created at {event.created_at}, too far from now.")
        raw = body.encode() if isinstance(body, str) else bytes(body)
        # Shielded: if the sender disconnects after its event was claimed, the handlers must still run, since a second
        # delivery would be ignored.
        return await asyncio.shield(self._handlers.start_task(self._claim(event, raw)))

    async def aclose(self) -> None:
        """Wait until all running handlers of this event loop have ended."""
        await self._handlers.wait_all()

    async def _claim(self, event: WebhookEvent, raw: bytes) -> Reply:
        try:
            is_new = await self._call_store(self._store.claim, event.id, raw)
            await self._recover()
        except Exception:  # noqa: BLE001 - a user's store can raise anything
            logger.exception("The store of webhook events failed; %s will be sent again.", event.id)
            return Reply(503, "The event could not be stored. Send it again.")
        if is_new:
            self._dispatch(event)
        return Reply(200)

    def _dispatch(self, event: WebhookEvent) -> None:
        async def finish() -> None:
            try:
                await self._call_store(self._store.finish, event.id)
            except Exception:  # noqa: BLE001 - a user's store can raise anything
                logger.exception("The store of webhook events failed; %s may be handled again.", event.id)

        self._handlers.dispatch(event, finish)

    async def _recover(self) -> None:
        """Handle the events that a crashed process claimed and did not finish."""
        if time.monotonic() - self._recovered_at < RECOVERY_INTERVAL:
            return
        self._recovered_at = time.monotonic()
        for body in await self._call_store(self._store.unfinished):
            self._dispatch(read_event(body))

    def _is_stale(self, event: WebhookEvent) -> bool:
        if self._max_age is None:
            return False
        return event.created_at is None or abs((utc_now() - event.created_at).total_seconds()) > self._max_age

    async def _call_store(self, method: Callable[..., Any], *args: Any) -> Any:
        """Call a method of the event store, in a thread if it is not async."""
        if inspect.iscoroutinefunction(method):
            return await asyncio.wait_for(method(*args), STORE_TIMEOUT)
        result = await in_users_thread(method, *args)
        return await asyncio.wait_for(result, STORE_TIMEOUT) if inspect.isawaitable(result) else result
