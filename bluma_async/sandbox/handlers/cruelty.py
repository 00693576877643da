"""Handlers of `/_sandbox/cruelty` and `/_sandbox/strangers`: a part of the control surface."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bluma_async.sandbox.api_errors import bad_request
from bluma_async.sandbox.checks import check_text, one_of, optional, read_json, required
from bluma_async.sandbox.cruelty import Cruelty
from bluma_async.sandbox.profiles import PROFILES, draw_cruelty
from bluma_async.sandbox.state import STATE
from bluma_async.sandbox.videos import accepted_view

__all__ = ["CRUELTY_ROUTES"]


async def show_cruelty(request: web.Request) -> web.Response:
    """Return every setting of Cruelty that applies."""
    return web.json_response(request.app[STATE].cruelty.value.to_dict())


async def change_cruelty(request: web.Request) -> web.Response:
    """Change the settings in the body, and keep the others; `profile` and `seed` draw all others anew."""
    current = request.app[STATE].cruelty
    body = await read_json(request, {"profile": optional(one_of(*PROFILES))})
    try:
        current.replace(_apply(current.value, **body))
    except (ValueError, TypeError) as error:
        raise bad_request(("cruelty", str(error))) from None
    return await show_cruelty(request)


async def reset_cruelty(request: web.Request) -> web.Response:
    """Remove every cruelty, also those that the sandbox was started with."""
    request.app[STATE].cruelty.replace(Cruelty())
    return await show_cruelty(request)


async def create_as_stranger(request: web.Request) -> web.Response:
    """Create a video as somebody else on the same account."""
    fields = {"template_id": required(check_text), "key": optional(one_of("test", "live"))}
    body = await read_json(request, fields)
    try:
        row = request.app[STATE].strangers.create(body["template_id"], body.get("key") or "live")
    except ValueError as error:
        raise bad_request(("template_id", str(error))) from None
    return web.json_response(accepted_view(row), status=201)


def _apply(current: Cruelty, *, profile: str | None = None, **values: Any) -> Cruelty:
    if profile is None:
        return current.change(**values)
    # The seed is taken out and validated by Cruelty, because draw_cruelty accepts any.
    seed = Cruelty(seed=values.pop("seed", 0)).seed
    return draw_cruelty(seed, **values)


CRUELTY_ROUTES = (
    ("GET", "/_sandbox/cruelty", show_cruelty),
    ("POST", "/_sandbox/cruelty", change_cruelty),
    ("DELETE", "/_sandbox/cruelty", reset_cruelty),
    ("POST", "/_sandbox/strangers", create_as_stranger),
)
