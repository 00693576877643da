"""
Find where an answer redirects a read.

Rule 1: only reads follow redirects: a change that is sent to a second place could be made twice.
Rule 2: only within the origin, and from http to https on the same host. The headers of a request can have secrets of
the user's own, such as the token of a gateway, and the JSON of another host would pass for the API's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yarl import URL

if TYPE_CHECKING:
    import aiohttp

__all__ = ["MOST_REDIRECTS", "REDIRECTS", "find_target"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
SECURED = ("http", 80), ("https", 443)
MOST_REDIRECTS = 10


def find_target(method: str, url: URL, response: aiohttp.ClientResponse) -> URL | None:
    """Return the URL that follows the one of this response; None if the response is the answer."""
    if response.status not in REDIRECTS or method != "GET":
        return None
    location = response.headers.get("Location", "")
    try:
        target = url.join(URL(location)).with_fragment(None)
        is_followed = bool(location) and location.isprintable() and target.user is None and _is_same_place(url, target)
    except ValueError:
        return None
    return target if is_followed else None


def _is_same_place(url: URL, target: URL) -> bool:
    if url.host is None or url.host != target.host:
        return False
    ends = (url.scheme, url.port), (target.scheme, target.port)
    return ends[0] == ends[1] or ends == SECURED
