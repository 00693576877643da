"""
Access to the sandbox: for the programs of its user, but not for the web pages that the user visits.

A browser sends requests to loopback for any page. The API and the files need a key or a signature, which a page does
not have; the control surface needs neither, so two rules protect it.

Rule 1: the Host header must name this machine, or be in `allowed_hosts`. A page that rebinds its own name to loopback
is of the same origin for the browser, and only Host still shows the name. An address is not a name, so every address is
served if the sandbox listens for other machines.
Rule 2: the control surface refuses requests of other origins, by `Sec-Fetch-Site` and `Origin`, and bodies that are
not declared as JSON, because a page can send other types to another origin without asking it.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Optional

from aiohttp import web

from bluma_async.sandbox.addresses import is_loopback, parse_address
from bluma_async.sandbox.api_errors import ApiError
from bluma_async.sandbox.state import STATE

if TYPE_CHECKING:
    from bluma_async.sandbox.routing import Handler
    from bluma_async.sandbox.settings import Settings

__all__ = ["guard_control", "is_served_host", "refuse_host"]

logger: logging.Logger = logging.getLogger("bluma.sandbox")
CONTROL = "/_sandbox/"
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?", re.IGNORECASE)
OWN_SITES = ("same-origin", "none")  # `none`: the user typed the address


def is_served_host(header: str, settings: Settings) -> bool:
    """Tell whether the sandbox serves requests with this Host header."""
    match = HOST.fullmatch(header)
    if match is None:
        return False
    host = match[1].lower().rstrip(".")
    name = host.strip("[]")
    if (
        is_loopback(name)
        or name == settings.host.lower()
        or {host, host + (match[2] or "")} & set(settings.allowed_hosts)
    ):
        return True
    return parse_address(name) is not None and not is_loopback(settings.host)


def refuse_host(request: web.Request) -> Optional[ApiError]:
    """Return the error for a request whose Host header is not served; None for one that is."""
    header = request.headers.get("Host", "")
    if is_served_host(header, request.app[STATE].settings):
        return None
    logger.warning("Refused a request for the host %r; allowed_hosts can list it.", header[:100])
    message = f"The sandbox does not serve the host {header[:100]!r}; list it in allowed_hosts (--allowed-hosts)."
    return ApiError(421, message)


@web.middleware
async def guard_control(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests to the control surface that a page of another origin can have sent."""
    if request.path.startswith(CONTROL):
        _require_own_origin(request)
        if request.method == "POST" and request.content_type != "application/json":
            raise ApiError(415, "The control surface takes bodies with the Content-Type application/json only.")
    return await handler(request)


def _require_own_origin(request: web.Request) -> None:
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    own = f"{request.scheme}://{request.headers.get('Host', '')}"
    if (site is not None and site not in OWN_SITES) or origin not in {None, own}:
        raise ApiError(403, "The control surface does not serve pages of other origins.")
