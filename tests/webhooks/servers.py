"""The same receiver in every framework, each behind a real socket in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from typing import Any, Awaitable, Callable, Dict, Iterator
from wsgiref.simple_server import WSGIRequestHandler, make_server

from bluma import WebhookReceiver

Serve = Callable[[WebhookReceiver], Any]


@contextmanager
def in_a_loop(start: Callable[[socket.socket], Awaitable[Callable[[], Awaitable[None]]]]) -> Iterator[int]:
    """Run an async server on a loopback port; `start` returns what stops it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = asyncio.run_coroutine_threadsafe(_started(start, listening), loop).result(10)
        try:
            yield int(listening.getsockname()[1])
        finally:
            asyncio.run_coroutine_threadsafe(_stopped(stop), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


async def _started(start: Any, listening: socket.socket) -> Any:
    return await start(listening)


async def _stopped(stop: Any) -> None:
    await stop()
    await asyncio.get_running_loop().shutdown_asyncgens()


@contextmanager
def by_uvicorn(app: Any) -> Iterator[int]:
    """Run an ASGI app."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", ws="none"))

    async def start(listening: socket.socket) -> Callable[[], Awaitable[None]]:
        task = asyncio.ensure_future(server._serve([listening]))  # `serve` would take the process's signals
        while not server.started:
            await asyncio.sleep(0)

        async def stop() -> None:
            server.should_exit = True
            await task

        return stop

    with in_a_loop(start) as port:
        yield port


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def by_wsgiref(app: Any) -> Iterator[int]:
    """Run a WSGI app."""
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def with_aiohttp(receiver: WebhookReceiver) -> Iterator[int]:
    """Put it into an aiohttp.web application."""
    from aiohttp import web

    async def start(listening: socket.socket) -> Callable[[], Awaitable[None]]:
        app = web.Application()
        app.router.add_route("*", "/hook", receiver.aiohttp_handler())
        runner = web.AppRunner(app)
        await runner.setup()
        await web.SockSite(runner, listening).start()

        async def stop() -> None:
            await receiver.aclose()
            await runner.cleanup()

        return stop

    with in_a_loop(start) as port:
        yield port


def with_asgi(receiver: WebhookReceiver) -> Any:
    """Serve it alone, with its own lifespan."""
    return by_uvicorn(receiver.asgi_app())


def with_starlette(receiver: WebhookReceiver) -> Any:
    """Mount it in Starlette."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    return by_uvicorn(Starlette(routes=[Mount("/hook", app=receiver.asgi_app())]))


def with_fastapi(receiver: WebhookReceiver) -> Any:
    """Mount it in FastAPI."""
    from fastapi import FastAPI

    app = FastAPI()
    app.mount("/hook", receiver.asgi_app())
    return by_uvicorn(app)


def with_wsgi(receiver: WebhookReceiver) -> Any:
    """Serve it alone."""
    return by_wsgiref(receiver.wsgi_app())


def with_flask(receiver: WebhookReceiver) -> Any:
    """Return it from a view of Flask's."""
    import flask

    app = flask.Flask(__name__)
    app.add_url_rule("/hook", view_func=receiver.wsgi_app, methods=["GET", "POST", "PUT"])
    return by_wsgiref(app)


def with_django(receiver: WebhookReceiver) -> Any:
    """Route to it in Django."""
    import django
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.urls import path

    urls = type("urls", (), {"urlpatterns": [path("hook", receiver.django_view())]})
    if not settings.configured:
        settings.configure(SECRET_KEY="x", ROOT_URLCONF=urls, ALLOWED_HOSTS=["*"], DEBUG=False)
        django.setup()
    from django.test.utils import override_settings

    @contextmanager
    def serve() -> Iterator[int]:
        middleware = ["django.middleware.csrf.CsrfViewMiddleware"]
        changed = override_settings(ROOT_URLCONF=urls, MIDDLEWARE=middleware, ALLOWED_HOSTS=["*"])
        with changed, by_wsgiref(WSGIHandler()) as port:
            yield port

    return serve()


FRAMEWORKS: Dict[str, Serve] = {
    "aiohttp": with_aiohttp,
    "asgi": with_asgi,
    "starlette": with_starlette,
    "fastapi": with_fastapi,
    "wsgi": with_wsgi,
    "flask": with_flask,
    "django": with_django,
}
