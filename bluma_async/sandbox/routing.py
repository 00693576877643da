"""
What a route is: where it is, what it needs, and what the API's description says of it.

Variants, collections and assets answer under the paths of the documents and under those of the 1.2.0 package.
"""

from __future__ import annotations

from typing import Any, Awaitable, Callable, List, Mapping, Optional, Sequence, Tuple

import attrs
from aiohttp import web

__all__ = [
    "API",
    "BUDGET",
    "CUT",
    "DATE_QUERY",
    "KEY",
    "LARGEST",
    "SERVED",
    "TEXT_QUERY",
    "Handler",
    "Route",
    "mark",
    "mount",
    "other_paths",
]

API = "/api/v1"
SERVED: web.AppKey[Tuple[str, ...]] = web.AppKey("served")  # the beginnings of paths that belong to an API
TEXT_QUERY: Mapping[str, object] = {"type": "string", "minLength": 1, "pattern": "[A-Za-z0-9]"}
LARGEST = 10**9  # the highest page and offset
# Narrower than what is accepted: the one form that is sure to be.
DATE_QUERY: Mapping[str, object] = {
    "type": "string",
    "pattern": r"^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OTHER_PREFIXES: Sequence[Tuple[str, str, str]] = (
    ("/templates/", "/variants", "/dashboard"),
    ("/collections", "", "/asset-pool"),
    ("/assets", "", "/asset-pool"),
)


def mark(name: str) -> Any:
    """Return a key under which something is noted on a request: newer releases of aiohttp want more than text."""
    typed: Any = getattr(web, "RequestKey", None)
    return typed(name, object) if typed else name


KEY, BUDGET, CUT = mark("key"), mark("budget"), mark("cut")


@attrs.frozen(kw_only=True)
class Route:
    """
    One thing the API does.

    Attributes:
        method: The HTTP method.
        path: Under the base URL.
        handler: What does it.
        summary: What it does, in a few words.
        scope: What the key must be allowed to; None for nothing.
        success: The status of success.
        answer: The name of the answer's schema.
        body: The name of the body's schema.
        needs: The query parameters that must be there.
        query: Name to JSON Schema of each query parameter.
        refusals: What it may refuse with, besides what any route may.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    scope: Optional[str] = None
    success: int = 200
    answer: str = "Nothing"
    body: Optional[str] = None
    needs: Sequence[str] = ()
    query: Mapping[str, Mapping[str, object]] = attrs.field(factory=lambda: {})  # noqa: PIE807 - `dict` has no types
    refusals: Sequence[int] = ()

    @property
    def name(self) -> str:
        """What a fault calls it."""
        return f"{self.method} {self.path}"


def other_paths(path: str) -> List[str]:
    """Return the paths a route also answers under."""
    return [
        prefix + path
        for begin, middle, prefix in OTHER_PREFIXES
        if path.startswith(begin) and middle in path[len(begin) :]
    ]


def mount(app: web.Application, routes: Sequence[Route]) -> Mapping[Handler, Route]:
    """Have the routes answer, and return them by their handlers."""
    for route in routes:
        for path in [route.path, *other_paths(route.path)]:
            app.router.add_route(route.method, API + path, route.handler)
    return {route.handler: route for route in routes}
