"""
Build the sandbox's aiohttp application.

The path of a request, with the modules that handle it:

    client
      |  HTTP
    middlewares.py   watch_connection > check_host > log_request > inject_fault > convert_errors > guard_control >
      |              authorise    (outermost first; the rules of check_host and guard_control are in access.py)
      |
    routing.py       the Route: method, path, handler, required scope; openapi.py describes the API from the same table
      |
    handlers/*.py    one function for each route: validate (checks.py), read or change the state, return JSON
      |
    state.py         one object of each kind: videos, ledger, keys, events, files, faults, request_log, clock
      |
    tables.py        rows in memory, written to SQLite by a thread when the sandbox has a data folder

The answer passes the same middlewares in reverse order, so `log_request` sees the status that the client sees. Just
before it is sent, responses.py sets the headers that depend on the clock. cruelty.py lists the places on this path at
which Cruelty can make the sandbox slower, less consistent or busier than the documents promise. Three groups of routes
skip some of the middlewares:

- the Luma providers (luma/) skip `authorise`: they check the key themselves, because their error bodies differ;
- files (handlers/files.py) skip `authorise` and `log_request`: a link needs no key, and is outside the API;
- the control surface (handlers/control.py, cruelty.py and actions.py) and the page (handlers/page.py) skip these two
  and `inject_fault`: they must work while faults are active.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

from aiohttp import web

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
from bluma_async.sandbox.handlers.actions import ACTION_ROUTES
from bluma_async.sandbox.handlers.control import CONTROL_ROUTES
from bluma_async.sandbox.handlers.cruelty import CRUELTY_ROUTES
from bluma_async.sandbox.handlers.files import FILE_ROUTES
from bluma_async.sandbox.handlers.page import PAGE_ROUTES
from bluma_async.sandbox.luma.callbacks import Callbacks
from bluma_async.sandbox.luma.provider_api import load_apis
from bluma_async.sandbox.middlewares import MIDDLEWARES
from bluma_async.sandbox.responses import set_headers
from bluma_async.sandbox.routing import API, LOGGED, ROUTES_BY_HANDLER, Route, mount
from bluma_async.sandbox.state import STATE, State

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["ALL_ROUTES", "make_app"]

MODULES: Sequence[ModuleType] = (
    videos, templates, credits, api_keys, webhooks, usage, variants, collections, assets, openapi,
)  # fmt: skip
ALL_ROUTES: Sequence[Route] = tuple(route for module in MODULES for route in module.ROUTES)


def make_app(state: State) -> web.Application:
    """Return the application that serves one sandbox."""
    app = web.Application(middlewares=MIDDLEWARES)
    app[STATE] = state
    app.on_response_prepare.append(set_headers)
    app[ROUTES_BY_HANDLER] = mount(app, ALL_ROUTES)
    for method, path, handler in FILE_ROUTES:
        app.router.add_route(method, path, handler)
        if method == "GET":
            app.router.add_route("HEAD", path, handler)
    apis = load_apis()
    app[LOGGED] = (API + "/", *(api.base_path + "/" for api in apis.values()))
    luma_routes = [route for api in apis.values() for route in api.list_routes()]
    for method, path, luma_handler in luma_routes:
        app.router.add_route(method, path, luma_handler)
    state.jobs.on_end = Callbacks(state, apis).send
    state.outlook.callback_fields = {name: api.callback.url_field for name, api in apis.items() if api.callback}
    if state.settings.is_controllable:
        for method, path, handler in (*CONTROL_ROUTES, *CRUELTY_ROUTES, *ACTION_ROUTES, *PAGE_ROUTES):
            app.router.add_route(method, path, handler)
    files = [f"{method} {path.replace(':.+', '')}" for method, path, _ in FILE_ROUTES]
    luma = [f"{method} {path}" for method, path, _ in luma_routes]
    state.faults.set_known_routes([*(route.name for route in ALL_ROUTES), *files, *luma])
    return app
