"""
Find the proxy for a request.

aiohttp's own `trust_env` is not used. It would also read `~/.netrc`, from disk and for each request, and replace the
API key by a login that it finds there. The variables of the environment are read here, once for each origin.
"""

from __future__ import annotations

from typing import Dict, Optional
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

__all__ = ["Proxies"]


class Proxies:
    """The proxies of all origins: the one that was passed in, else that of the environment, else none."""

    def __init__(self, proxy: str | None, *, trust_env: bool) -> None:
        self._proxy = proxy
        self._trust_env = trust_env
        self._found: Dict[str, Optional[str]] = {}

    def find(self, url: str) -> str | None:
        """Return the proxy for a URL, or None for a direct connection."""
        if self._proxy or not self._trust_env:
            return self._proxy
        origin = url[: url.find("/", len("https://"))]
        if origin not in self._found:
            scheme, host, *_ = urlsplit(origin)
            self._found[origin] = None if proxy_bypass(host) else getproxies().get(scheme)
        return self._found[origin]
