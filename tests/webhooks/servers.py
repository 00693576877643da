"""Serve a receiver with each web framework, over a real socket, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from typing import Any, Awaitable, Callable, Dict, Iterator
from wsgiref.simple_server import WSGIRequestHandler, make_server

from bluma import WebhookReceiver, aiohttp_handler, asgi_app, django_view, wsgi_app

Serve = Callable[[WebhookReceiver], Any]


@contextmanager
def run_in_loop(start: Callable[[socket.socket], Awaitable[Callable[[], Awaitable[None]]]]) -> Iterator[int]:
    """Run an async server and yield its port. `start` starts the server and returns the function that stops it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = asyncio.run_coroutine_threadsafe(_start(start, listening), loop).result(10)
        try:
            yield int(listening.getsockname()[1])
        finally:
            asyncio.run_coroutine_threadsafe(_stop(stop), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


async def _start(start: Any, listening: socket.socket) -> Any:
    return await start(listening)


async def _stop(stop: Any) -> None:
    await stop()
    await asyncio.get_running_loop().shutdown_asyncgens()


@contextmanager
def run_uvicorn(app: Any) -> Iterator[int]:
    """Serve an ASGI app and yield the port."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", ws="none"))

    async def start(listening: socket.socket) -> Callable[[], Awaitable[None]]:
        task = asyncio.ensure_future(server._serve([listening]))  # `serve` would replace the process's signal handlers
        while not server.started:
            await asyncio.sleep(0)

        async def stop() -> None:
            server.should_exit = True
            await task

        return stop

    with run_in_loop(start) as port:
        yield port


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def run_wsgiref(app: Any) -> Iterator[int]:
    """Serve a WSGI app and yield the port."""
    with make_server("127.0.0.1", 0, app, handler_class=_QuietHandler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def serve_with_aiohttp(receiver: WebhookReceiver) -> Iterator[int]:
    """Serve the receiver with aiohttp.web and yield the port."""
    from aiohttp import web

    async def start(listening: socket.socket) -> Callable[[], Awaitable[None]]:
        app = web.Application()
        app.router.add_route("*", "/hook", aiohttp_handler(receiver))
        runner = web.AppRunner(app)
        await runner.setup()
        await web.SockSite(runner, listening).start()

        async def stop() -> None:
            await receiver.aclose()
            await runner.cleanup()

        return stop

    with run_in_loop(start) as port:
        yield port


def serve_with_asgi(receiver: WebhookReceiver) -> Any:
    """Serve the ASGI app alone, with the lifespan protocol."""
    return run_uvicorn(asgi_app(receiver))


def serve_with_starlette(receiver: WebhookReceiver) -> Any:
    """Serve the ASGI app as an endpoint of two routes of Starlette, as README.md shows."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    return run_uvicorn(Starlette(routes=[Route(path, asgi_app(receiver)) for path in ("/hook", "/hook/")]))


def serve_with_fastapi(receiver: WebhookReceiver) -> Any:
    """Serve the ASGI app as an endpoint of two routes of FastAPI, as README.md shows."""
    from fastapi import FastAPI

    app = FastAPI()
    for path in ("/hook", "/hook/"):
        app.add_route(path, asgi_app(receiver))
    return run_uvicorn(app)


def serve_with_mount(receiver: WebhookReceiver) -> Any:
    """Serve the ASGI app mounted in FastAPI, above the path of the webhooks, as README.md shows."""
    from fastapi import FastAPI

    app = FastAPI()
    app.mount("/webhooks", asgi_app(receiver))
    return run_uvicorn(app)


def serve_with_wsgi(receiver: WebhookReceiver) -> Any:
    """Serve the WSGI app alone."""
    return run_wsgiref(wsgi_app(receiver))


def serve_with_flask(receiver: WebhookReceiver) -> Any:
    """Serve the WSGI app, returned by a Flask view, as README.md shows."""
    import flask

    app = flask.Flask(__name__)
    app.add_url_rule("/hook", "bluma", lambda: wsgi_app(receiver), methods=["GET", "POST", "PUT"])
    return run_wsgiref(app)


def serve_with_django(receiver: WebhookReceiver) -> Any:
    """Serve the Django view, with the CSRF middleware."""
    import django
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.urls import path

    urls = type("urls", (), {"urlpatterns": [path("hook", django_view(receiver))]})
    if not settings.configured:
        settings.configure(SECRET_KEY="x", ROOT_URLCONF=urls, ALLOWED_HOSTS=["*"], DEBUG=False)
        django.setup()
    from django.test.utils import override_settings

    @contextmanager
    def serve() -> Iterator[int]:
        middleware = ["django.middleware.csrf.CsrfViewMiddleware"]
        changed = override_settings(ROOT_URLCONF=urls, MIDDLEWARE=middleware, ALLOWED_HOSTS=["*"])
        with changed, run_wsgiref(WSGIHandler()) as port:
            yield port

    return serve()


PATHS = {"mount": "/webhooks/hook"}  # of the webhooks; `/hook` for all others
FRAMEWORKS: Dict[str, Serve] = {
    "aiohttp": serve_with_aiohttp,
    "asgi": serve_with_asgi,
    "starlette": serve_with_starlette,
    "fastapi": serve_with_fastapi,
    "mount": serve_with_mount,
    "wsgi": serve_with_wsgi,
    "flask": serve_with_flask,
    "django": serve_with_django,
}
