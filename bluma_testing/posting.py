"""Post signed events to a program: to its ASGI app, to its WSGI app, or to the URL of a server."""

from __future__ import annotations

import asyncio
import inspect
import io
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Coroutine, Dict, List
from urllib.parse import urlsplit

import attrs

from bluma_testing.events import SignedEvent, sign_event
from bluma_testing.threads import LateError, begin_in_thread, run_in_thread

if TYPE_CHECKING:
    from bluma_async.types import WebhookEvent

__all__ = ["AsyncEventPoster", "EventPoster", "EventReply"]

TIMEOUT = 10.0  # seconds for the reply, and for the work that the app continues with after it
CLEANUP = 2.0  # seconds that a cancelled call may take to clean up
MARGIN = 5.0  # seconds, for a busy machine
PATH = "/webhooks/bluma"


@attrs.frozen
class EventReply:
    """
    The answer of a program to an event.

    Attributes:
        status: The HTTP status.
        headers: The headers, with names in lower case.
        body: The raw body.
    """

    status: int
    headers: Dict[str, str]
    body: bytes


class EventPoster:
    """
    Posts signed events to a program, and waits for the answer.

        EventPoster(app, "/webhooks/bluma").post("video.completed", id=video.id)

    The lifespan of an ASGI app is not run. For an app that needs it, use the test client of its framework, with the
    body and headers of `sign_event`.

    Args:
        target: An ASGI app (FastAPI, Starlette), a WSGI app (Flask, Django), or the URL of a server such as
            `http://127.0.0.1:8000`.
        path: The path of the webhook.
        secret: The secret of the webhook; default `BLUMA_WEBHOOK_SECRET`, else that of the sandbox.
    """

    def __init__(self, target: Any, path: str = PATH, *, secret: str | None = None) -> None:
        self._target = target
        self._path = path
        self._secret = secret

    def post(self, event: WebhookEvent | str, **data: Any) -> EventReply:
        """
        Post an event, and return the answer. The tasks that an ASGI app has started are awaited too, for at most 10 s.

        Args:
            event: The event, or the type of one that `make_event` makes.
            **data: For a type, the fields of its `data` that matter to the test.

        Raises:
            RuntimeError: The app has not answered.
        """
        signed = sign_event(event, self._secret, **data)
        if _is_asgi(self._target):
            work = _post_to_asgi(self._target, self._path, signed, has_own_loop=True)
            try:
                return run_in_thread(work, 2 * TIMEOUT + MARGIN)
            except LateError:
                raise _no_answer("ASGI", "it blocks its event loop") from None
        return _post_blocking(self._target, self._path, signed)


class AsyncEventPoster(EventPoster):
    """The same for async tests: the app runs in the event loop of the test."""

    async def post(self, event: WebhookEvent | str, **data: Any) -> EventReply:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # async on purpose
        """
        Post an event, and return the answer. Tasks that the app has started go on in the event loop.

        Args:
            event: The event, or the type of one that `make_event` makes.
            **data: For a type, the fields of its `data` that matter to the test.

        Raises:
            RuntimeError: The app has not answered.
        """
        signed = sign_event(event, self._secret, **data)
        if _is_asgi(self._target):
            return await _post_to_asgi(self._target, self._path, signed, has_own_loop=False)
        return await asyncio.wrap_future(begin_in_thread(_post_blocking, self._target, self._path, signed))


def _is_asgi(target: Any) -> bool:
    """Return whether an app is called with `await`."""
    return inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(getattr(target, "__call__", None))  # noqa: B004 - whether it is async, not whether it exists


def _post_blocking(target: Any, path: str, signed: SignedEvent) -> EventReply:
    return _post_to_url(target, path, signed) if isinstance(target, str) else _post_to_wsgi(target, path, signed)


async def _post_to_asgi(app: Any, path: str, signed: SignedEvent, *, has_own_loop: bool) -> EventReply:
    parts, sent = urlsplit(path), [{"type": "http.request", "body": signed.body, "more_body": False}]
    headers = [(name.lower().encode(), value.encode()) for name, value in _all_headers(signed).items()]
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": parts.path, "raw_path": parts.path.encode(), "query_string": parts.query.encode(),
        "root_path": "", "headers": headers, "client": ("127.0.0.1", 1), "server": ("testserver", 80),
    }  # fmt: skip
    received: List[Dict[str, Any]] = []
    is_over = asyncio.Event()

    async def receive() -> Dict[str, Any]:
        if not sent:
            await is_over.wait()
        return sent.pop() if sent else {"type": "http.disconnect"}

    async def send(message: Dict[str, Any]) -> None:
        received.append(message)

    await _call_in_time(app(scope, receive, send))
    is_over.set()
    if has_own_loop:
        await _wait_for_tasks()
    return _read_asgi(received)


async def _call_in_time(work: Coroutine[Any, Any, None]) -> None:
    """
    Await the call of an app. It is cancelled if it does not end in time, or if the caller is cancelled.

    Its cleanup is awaited then, for a limited time, as it may wait for a thread that does not end.
    """
    call = asyncio.ensure_future(work)
    call.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        await asyncio.wait({call}, timeout=TIMEOUT)
        if not call.done():
            raise _no_answer("ASGI", f"its call has not ended within {TIMEOUT:g} s")
        call.result()
    finally:
        call.cancel()
        await asyncio.wait({call}, timeout=CLEANUP)  # else the end of the loop would cancel the cleanup too


async def _wait_for_tasks() -> None:
    """Wait for the tasks that the app has started, such as the handlers of a WebhookReceiver."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + TIMEOUT
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        done, _ = await asyncio.wait(others, timeout=max(ends - loop.time(), 0))
        if not done:
            return


def _read_asgi(received: List[Dict[str, Any]]) -> EventReply:
    start = next((message for message in received if message["type"] == "http.response.start"), None)
    if start is None:
        raise _no_answer("ASGI", "it sent no http.response.start")
    body = b"".join(message.get("body", b"") for message in received if message["type"] == "http.response.body")
    headers = {
        bytes(name).decode("latin-1"): bytes(value).decode("latin-1") for name, value in start.get("headers", ())
    }
    return EventReply(start["status"], _lower(headers), body)


def _no_answer(kind: str, reason: str) -> RuntimeError:
    return RuntimeError(f"The {kind} app has not answered the event: {reason}.")


def _post_to_wsgi(app: Any, path: str, signed: SignedEvent) -> EventReply:
    parts = urlsplit(path)
    started: Dict[str, Any] = {}
    environ: Dict[str, Any] = {
        "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": parts.path, "QUERY_STRING": parts.query,
        "SERVER_NAME": "testserver", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(signed.body),
        "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip
    for name, value in _all_headers(signed).items():
        key = name.upper().replace("-", "_")
        environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = value

    def start_response(status: str, headers: List[Any], _exc_info: Any = None) -> Any:
        started["status"] = int(status.split(maxsplit=1)[0])
        started["headers"] = {name.lower(): value for name, value in headers}

    pieces = app(environ, start_response)
    try:
        body = b"".join(pieces)
    finally:
        if hasattr(pieces, "close"):
            pieces.close()
    if not started:
        raise _no_answer("WSGI", "it did not call start_response")
    return EventReply(started["status"], started["headers"], body)


def _post_to_url(url: str, path: str, signed: SignedEvent) -> EventReply:
    request = urllib.request.Request(url.rstrip("/") + path, signed.body, signed.headers)  # noqa: S310 - the caller's own URL
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            return EventReply(answer.status, _lower(answer.headers), answer.read())
    except urllib.error.HTTPError as answer:
        with answer:
            return EventReply(answer.code, _lower(answer.headers), answer.read())


def _lower(headers: Any) -> Dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _all_headers(signed: SignedEvent) -> Dict[str, str]:
    return {"Host": "testserver", "Content-Length": str(len(signed.body)), **signed.headers}
