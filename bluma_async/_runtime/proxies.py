"""
Find the proxy for a request.

aiohttp's own `trust_env` is not used. It would also read `~/.netrc`, from disk and for each request, and replace the
API key by a login that it finds there. The variables of the environment are read here, once for each origin.
"""

from __future__ import annotations

import re
from typing import Dict, Optional
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from bluma_async.errors import InvalidArgumentError

__all__ = ["Proxies", "is_proxy"]


HOST_AND_PORT = r"[^/\s]+:\d+/?"  # as other programs take it from the environment
MAX_ORIGINS = 1000  # signed links can have a host for each file


def is_proxy(url: object) -> bool:
    """Return whether aiohttp can use a proxy: its URL has a host, and perhaps a user and a password."""
    if not isinstance(url, str) or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _find_in_environment(origin: str) -> str | None:
    scheme, host, *_ = urlsplit(origin)
    found = None if proxy_bypass(host) else getproxies().get(scheme)
    if found is not None and re.fullmatch(HOST_AND_PORT, found):
        found = f"http://{found}"
    if found is not None and not is_proxy(found):
        found = None  # no traceback of the error has it
        message = f"The environment's proxy for {scheme} is no http:// URL with a host. Nothing was sent: correct "
        raise InvalidArgumentError(f"{message}{scheme.upper()}_PROXY, or pass trust_env=False.")
    return found


class Proxies:
    """The proxies of all origins: the one that was passed in, else that of the environment, else none."""

    def __init__(self, proxy: str | None, *, trust_env: bool) -> None:
        self._proxy = proxy
        self._trust_env = trust_env
        self._found: Dict[str, Optional[str]] = {}

    def find(self, url: str) -> str | None:
        """
        Return the proxy for a URL, or None for a direct connection.

        Raises:
            InvalidArgumentError: The environment names a proxy that cannot be used. Its URL is not shown: it can have a
                password.
        """
        if self._proxy or not self._trust_env:
            return self._proxy
        origin = url[: url.find("/", len("https://"))]
        if origin not in self._found:
            found = _find_in_environment(origin)
            if len(self._found) >= MAX_ORIGINS:
                self._found.clear()
            self._found[origin] = found
        return self._found[origin]
