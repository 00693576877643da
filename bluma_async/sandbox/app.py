"""The sandbox as one aiohttp application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

from aiohttp import web

from bluma_async.sandbox.gate import ROUTES, middlewares
from bluma_async.sandbox.handlers import (
    api_keys,
    assets,
    collections,
    credits,  # noqa: A004 - the resource's name
    openapi,
    templates,
    usage,
    variants,
    videos,
    webhooks,
)
from bluma_async.sandbox.handlers.control import CONTROL_ROUTES
from bluma_async.sandbox.handlers.files import FILE_ROUTES
from bluma_async.sandbox.luma.callbacks import Callbacks
from bluma_async.sandbox.luma.provider_api import load_apis
from bluma_async.sandbox.routing import API, SERVED, Route, mount
from bluma_async.sandbox.state import STATE, State

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["ALL_ROUTES", "make_app"]

MODULES: Sequence[ModuleType] = (
    videos, templates, credits, api_keys, webhooks, usage, variants, collections, assets, openapi,
)  # fmt: skip
ALL_ROUTES: Sequence[Route] = tuple(route for module in MODULES for route in module.ROUTES)
LARGEST_BODY = 2**31  # each handler has its own, smaller bound


def make_app(state: State) -> web.Application:
    """Return the application of one sandbox."""
    app = web.Application(middlewares=middlewares, client_max_size=LARGEST_BODY)
    app[STATE] = state
    app[ROUTES] = mount(app, ALL_ROUTES)
    for method, path, handler in FILE_ROUTES:
        app.router.add_route(method, path, handler)
        if method == "GET":
            app.router.add_route("HEAD", path, handler)
    apis = load_apis()
    app[SERVED] = (API + "/", *(api.base_path + "/" for api in apis.values()))
    luma_routes = [route for api in apis.values() for route in api.list_routes()]
    for method, path, luma_handler in luma_routes:
        app.router.add_route(method, path, luma_handler)
    state.jobs.on_end = Callbacks(state, apis).send
    if state.settings.is_controllable:
        for method, path, handler in CONTROL_ROUTES:
            app.router.add_route(method, path, handler)
    files = [f"{method} {path.replace(':.+', '')}" for method, path, _ in FILE_ROUTES]
    luma = [f"{method} {path}" for method, path, _ in luma_routes]
    state.faults.know([*(route.name for route in ALL_ROUTES), *files, *luma])
    return app
