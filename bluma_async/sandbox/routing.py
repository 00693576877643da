"""
The Route: one row of the table from which requests are dispatched and the OpenAPI document is written.

Variants, collections and assets answer under the paths of the documents and under those of the 1.2.0 package.
"""

from __future__ import annotations

from typing import Any, Awaitable, Callable, List, Mapping, Optional, Sequence, Tuple

import attrs
from aiohttp import web

__all__ = [
    "API",
    "BODY",
    "DATE_QUERY",
    "IS_CUT",
    "KEY",
    "LARGEST",
    "LOGGED",
    "RATE_LIMIT_HEADERS",
    "ROUTES_BY_HANDLER",
    "TEXT_QUERY",
    "VIDEO_ID",
    "Handler",
    "Route",
    "find_route_name",
    "list_aliases",
    "make_request_key",
    "mount",
]

API = "/api/v1"
LOGGED: web.AppKey[Tuple[str, ...]] = web.AppKey("logged")  # path prefixes whose requests are API requests
TEXT_QUERY: Mapping[str, object] = {"type": "string", "minLength": 1, "pattern": "[A-Za-z0-9]"}
LARGEST = 10**9  # the highest page and offset
# Narrower than the parser: a fuzzer that draws from this pattern sends valid dates only.
DATE_QUERY: Mapping[str, object] = {
    "type": "string",
    "pattern": r"^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# A route whose path begins with the first text and contains the second after it answers under the third as well.
ALIAS_PREFIXES: Sequence[Tuple[str, str, str]] = (
    ("/templates/", "/variants", "/dashboard"),
    ("/collections", "", "/asset-pool"),
    ("/assets", "", "/asset-pool"),
)


def make_request_key(name: str) -> Any:
    """Return a key to store a value on a request; newer releases of aiohttp warn about text as a key."""
    typed: Any = getattr(web, "RequestKey", None)
    return typed(name, object) if typed else name


# Set on a request by the middlewares, the fault actions and the handlers: the row of its API key; the rate-limit
# headers of its answer; whether its connection was cut; the id of the video that it creates; its body, once read.
KEY, RATE_LIMIT_HEADERS, IS_CUT, VIDEO_ID, BODY = map(
    make_request_key, ("key", "rate_limit_headers", "is_cut", "video_id", "body")
)


@attrs.frozen(kw_only=True)
class Route:
    """
    One operation of the API.

    Attributes:
        method: The HTTP method.
        path: The path below the base URL.
        handler: The function that serves the operation.
        summary: The operation in a few words.
        scope: The scope that the key needs; None for none.
        success: The status of a success.
        answer: The name of the answer's schema.
        body: The name of the JSON body's schema.
        form: The name of the schema of a multipart body, which the route accepts too.
        needs: The names of the required query parameters.
        query: Name to JSON Schema of each query parameter.
        errors: The error statuses that this operation may answer, besides those that any operation may.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    scope: Optional[str] = None
    success: int = 200
    answer: str = "Nothing"
    body: Optional[str] = None
    form: Optional[str] = None
    needs: Sequence[str] = ()
    query: Mapping[str, Mapping[str, object]] = attrs.field(factory=lambda: {})  # noqa: PIE807 - `dict` has no types
    errors: Sequence[int] = ()

    @property
    def name(self) -> str:
        """The name by which a fault addresses the route."""
        return f"{self.method} {self.path}"


ROUTES_BY_HANDLER: web.AppKey[Mapping[Any, Route]] = web.AppKey("routes_by_handler")


def find_route_name(request: web.Request) -> str:
    """Return the name by which a fault addresses the request's route."""
    route = request.app[ROUTES_BY_HANDLER].get(request.match_info.handler)
    if route is not None:
        return f"{request.method} {route.path}"
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource else request.path}"


def list_aliases(path: str) -> List[str]:
    """Return the other paths under which a route answers."""
    return [
        prefix + path
        for begin, middle, prefix in ALIAS_PREFIXES
        if path.startswith(begin) and middle in path[len(begin) :]
    ]


def mount(app: web.Application, routes: Sequence[Route]) -> Mapping[Handler, Route]:
    """Add the routes to the application, and return them by their handlers."""
    for route in routes:
        for path in [route.path, *list_aliases(route.path)]:
            app.router.add_route(route.method, API + path, route.handler)
    return {route.handler: route for route in routes}
