"""
Which proxy a request goes through.

aiohttp's own `trust_env` would also read `~/.netrc`, from disk and for every request, and put what it finds there in
the place of the API key. So the environment is asked here, once for each origin.
"""

from __future__ import annotations

from typing import Dict, Optional
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

__all__ = ["Proxies"]


class Proxies:
    """The proxy of each origin: the one that was passed in, else the environment's, else none."""

    def __init__(self, proxy: str | None, *, trust_env: bool) -> None:
        self._proxy = proxy
        self._trust_env = trust_env
        self._found: Dict[str, Optional[str]] = {}

    def of(self, url: str) -> str | None:
        """Return the proxy for a URL; None for a direct connection."""
        if self._proxy or not self._trust_env:
            return self._proxy
        origin = url[: url.find("/", len("https://"))]
        if origin not in self._found:
            scheme, host, *_ = urlsplit(origin)
            self._found[origin] = None if proxy_bypass(host) else getproxies().get(scheme)
        return self._found[origin]
