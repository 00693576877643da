"""
Receive webhooks: verify a request, answer it at once, and run the handlers of each event once, in the background.

Rule 1: nothing is parsed before its signature is verified, over the raw bytes. The exception is a callback that carries
the token of an open create: no secret is documented for the `webhook_url` of a create. Only its video id is used.
Rule 2: the sender waits for the event store (`claims.py`), never for a handler (`handlers.py`): after 5 s it times out
and sends the event again.
Rule 3: every request gets a reply; no input and no failing store raises an exception into the web server.
Rule 4: the receiver knows no web framework. `aiohttp_web`, `asgi` and `bluma_sync.webhooks` connect it to one.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Callable, List, Protocol, TypeVar, overload

from bluma_async._runtime.clock import MACHINE_TIME
from bluma_async._runtime.log import logger
from bluma_async._wire.checks import invalid, require_seconds, require_whole
from bluma_async._wire.events import read_event, verify_webhook
from bluma_async._wire.signature import verify_webhook_signature
from bluma_async.errors import BlumaError, WebhookVerificationError
from bluma_async.stores.memory.events import MemoryStore
from bluma_async.types import WebhookEventType
from bluma_async.webhooks.background import Background
from bluma_async.webhooks.claims import Admission, Claims
from bluma_async.webhooks.handlers import Handlers
from bluma_async.webhooks.reply import Reply

if TYPE_CHECKING:
    from typing_extensions import Literal

    from bluma_async._wire.signature import Payload, Secret
    from bluma_async.stores.ports import EventStore
    from bluma_async.types import CreditsEvent, CreditsEventName, Event, VideoEvent, VideoEventName, WebhookEvent
    from bluma_async.webhooks.handlers import Handler

__all__ = ["WebhookReceiver"]

H = TypeVar("H", bound=Callable[..., Any])
V = TypeVar("V", bound="Callable[[VideoEvent], Any]")
C = TypeVar("C", bound="Callable[[CreditsEvent], Any]")
E = TypeVar("E", bound="Callable[[Event], Any]")
STORE_TIMEOUT = 4.0  # seconds; the sender waits 5
RECOVERY_INTERVAL = 60.0  # seconds between two searches for events that a crash left unhandled
REPLIES = {
    Admission.ACCEPTED: Reply(200),
    Admission.FULL: Reply(503, "Too many events wait for their handlers. Send it again.", retry_after=30),
    Admission.HELD: Reply(503, "The event was claimed before, and is not finished yet. Send it again.", retry_after=30),
    Admission.FAILED: Reply(503, "The event could not be stored. Send it again.", retry_after=3),
}


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
        concurrency: int = 16,
        max_waiting: int = 1000,
        store_timeout: float = STORE_TIMEOUT,
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
            concurrency: Events that are handled at a time in an event loop; also the threads for handlers that are not
                async.
            max_waiting: Events that may wait for that. Further ones are answered with 503, and must be sent again.
            store_timeout: Seconds that the event store may take; then the reply is a 503. Bluma waits 5 s.

        Raises:
            BlumaError: There is no secret.
            InvalidArgumentError: A number is invalid.
        """
        require_whole("max_body", max_body, at_least=1)
        require_whole("concurrency", concurrency, at_least=1)
        require_whole("max_waiting", max_waiting)
        require_seconds("body_timeout", body_timeout, above=0)
        require_seconds("store_timeout", store_timeout, above=0)
        if max_age is not None:
            require_seconds("max_age", max_age, above=0)
        self._secret = secret or os.environ.get("BLUMA_WEBHOOK_SECRET", "").strip()
        if not self._secret:
            raise BlumaError("There is no webhook secret. Pass secret=, or set BLUMA_WEBHOOK_SECRET.")
        self._store_timeout = store_timeout
        self._max_age = max_age
        self.max_body = max_body
        self.body_timeout = body_timeout
        self._handlers = Handlers(on_error, concurrency)
        self._claims = Claims(
            MemoryStore() if store is None else store, most=concurrency + max_waiting, timeout=store_timeout
        )
        self._recovery = Background()
        self._clients: List[EventConsumer] = []
        self._recovered_at = -RECOVERY_INTERVAL

    @overload
    def on(self, event_type: VideoEventName | Literal["video.*"]) -> Callable[[V], V]: ...
    @overload
    def on(self, event_type: CreditsEventName | Literal["credits.*"]) -> Callable[[C], C]: ...
    @overload
    def on(self, event_type: Literal["*"]) -> Callable[[E], E]: ...
    @overload
    def on(self, event_type: str) -> Callable[[H], H]: ...
    def on(self, event_type: str) -> Callable[[H], H]:
        """
        Return a decorator that registers a handler for a type of event. The handler may run long.

        An async handler runs in the event loop. A plain one runs in a thread of the receiver's own: it may block, and
        must not touch objects of the event loop, such as an `asyncio.Queue`. For type checkers, its event has the class
        of the type: a VideoEvent for `video.completed`.

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

    async def receive(self, body: Payload, signature: str | bytes | None, create_token: str | None = None) -> Reply:
        """
        Process one request, and return the reply to send. Never raises.

        The handlers run in the event loop of this call, and end with it. In a loop for each request, as of
        `asyncio.run`, await `aclose` after this: an event whose handlers were cut off is handled when it is sent again.

        Args:
            body: The raw body.
            signature: The `X-Bluma-Signature` header, or None if the request has none.
            create_token: The parameter `create` of the request's URL, or None if it has none.

        Returns:
            200 for an event, also for one that was received before, and for a callback that confirmed a create; 401 for
            an invalid signature; 400 for a signed body that is not an event or is too old; 503 if the event must be
            sent again: the event store failed or was late, too many events wait, or the event was claimed by another
            process, or in an event loop that was closed since, and is not finished.
        """
        is_confirmed = create_token is not None and any(
            _confirm(client, create_token, body) for client in self._clients
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
        admission = await self._claims.admit(event.id, raw, lambda: self._dispatch(event))
        if admission is Admission.ACCEPTED and time.monotonic() - self._recovered_at >= RECOVERY_INTERVAL:
            self._recovery.start(self.recover())
        return REPLIES[admission]

    async def recover(self) -> None:
        """
        Handle the events that a process has claimed and not finished, because it was killed.

        A receiver does this by itself, after an event, once a minute at most. Call it when the program starts, or
        regularly, if events are rare. Never raises.
        """
        self._recovered_at = time.monotonic()
        for body in await self._claims.list_unfinished():
            try:
                event = read_event(body)
            except (ValueError, TypeError):
                logger.exception("The store of webhook events has a body that is not an event; it is left out.")
                continue
            if self._claims.take_over(event.id):
                self._dispatch(event)

    async def aclose(self) -> None:
        """
        Wait until all running handlers of this event loop have ended.

        The ASGI app does this at the end of the lifespan, if it is the root app. A mounted app must do it itself.
        """
        await self._recovery.wait(self._store_timeout)
        await self._claims.settle()
        await self._handlers.wait_all()

    def _dispatch(self, event: WebhookEvent) -> None:
        for client in self._clients:
            _learn(client, event)
        self._handlers.dispatch(event, lambda: self._claims.finish(event.id))

    def _is_stale(self, event: WebhookEvent) -> bool:
        if self._max_age is None:
            return False
        return event.created_at is None or abs((MACHINE_TIME.utc() - event.created_at).total_seconds()) > self._max_age


def _confirm(client: EventConsumer, token: str, body: Payload) -> bool:
    try:
        return client.confirm_create(token, body)
    except Exception:  # noqa: BLE001 - a client of the user's own can raise anything
        logger.exception("A client could not use the callback of a create.")
        return False


def _learn(client: EventConsumer, event: WebhookEvent) -> None:
    """Let an event end the waits of a client, before the handlers: waits need not queue for them."""
    try:
        if str(event.type).startswith("video."):
            client.learn(event)
    except Exception:  # noqa: BLE001 - a client of the user's own can raise anything
        logger.exception("A client could not use %s (%s).", event.type, event.id)
