"""
Turn failures of aiohttp into NetworkErrors.

Rule 1: a NetworkError says whether the server may have acted on the request.
Rule 2: no traceback has frames of aiohttp or of its callers here: their local variables hold the request's headers, and
with them the API key. Error reporters store local variables.
Rule 3: a NetworkError is raised outside the handler of its cause: Python would chain the cause with all its frames.
"""

from __future__ import annotations

import asyncio
import re
from string import punctuation
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp
from yarl import URL

from bluma_async._runtime.secret import NO_SECRET
from bluma_async._runtime.tracebacks import chain, drop_modules
from bluma_async.errors import NetworkError, RequestTimeoutError

if TYPE_CHECKING:
    from bluma_async._wire.messages import Request

__all__ = ["FAILURES", "hide_frames", "make_network_error", "make_url"]

FAILURES = (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError)  # ValueError: for odd host names
# A proxy that refuses to connect (CONNECT) has passed nothing on.
NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.ClientHttpProxyError,
)
REDIRECTED = (aiohttp.RedirectClientError, aiohttp.TooManyRedirects)  # a server has answered; some are InvalidURL too
SENDABLE = re.compile(r"[!-~]+")
ORIGIN = r"\w+://[^/?#]*"
OWN_CALLERS = ("transport", "bodies", "connector")  # the modules here that call the libraries
HIDDEN = frozenset({"aiohttp", "asyncio", "ssl", *(f"bluma_async._session.{name}" for name in OWN_CALLERS)})
URL_USER = r"(\w+://)[^\s/?#]*@"
URL_QUERY = r"(\w+://[^\s'\"?#]*)[?#][^\s'\"]*"


def make_url(request: Request) -> URL:
    """
    Return the URL of a request. The link of a transfer comes from the server, and may be anything.

    Raises:
        aiohttp.InvalidURL: Nothing can be sent to it.
    """
    problem = "it is no http:// or https:// URL"
    try:
        link = request.url if SENDABLE.fullmatch(request.url) else _encode(request.url)
        url = URL(link, encoded=True)
        if url.scheme in {"http", "https"} and url.host and url.port:
            return url
    except ValueError as error:
        problem = str(error)
    raise aiohttp.InvalidURL(request.bare_url, problem)


def make_network_error(
    problem: BaseException, request: Request, timeout: float, *, is_sent: bool, http_status: int | None = None
) -> NetworkError:
    """
    Return the error for a failure of the connection.

    Args:
        problem: The failure; it becomes the cause of the error, unless it contains the request's headers.
        request: The request.
        timeout: The seconds that the exchange was allowed to take.
        is_sent: Whether the request may have reached the server.
        http_status: The status of the answer, if its head had arrived.
    """
    is_sent = isinstance(problem, REDIRECTED) or (is_sent and not isinstance(problem, NEVER_SENT))
    sent = f"{request.method} {request.bare_url}"
    if isinstance(problem, (asyncio.TimeoutError, TimeoutError)):  # two classes before Python 3.11
        failure: NetworkError = RequestTimeoutError(
            f"{sent} got no full answer within {timeout:g} s.", request_sent=is_sent
        )
    else:
        secret = request.api_key or NO_SECRET
        reason = _hide_secrets(secret.mask(_describe(problem))) or type(problem).__name__
        outcome = "The server may have acted on it." if is_sent else "The server never saw it."
        failure = NetworkError(f"{sent} failed: {reason}. {outcome}", request_sent=is_sent)
    if http_status is not None:
        failure.http_status = http_status
    failure.__cause__ = _without_secrets(problem, request)
    return failure


def _describe(problem: BaseException) -> str:
    """
    Return the text of a failure. aiohttp names its default for certificates in it, also where there are none.

    Its texts for answers have the URL with the password of the proxy, and no reason for an endless redirect.
    """
    if isinstance(problem, aiohttp.TooManyRedirects):
        return "it is redirected again and again"
    if isinstance(problem, aiohttp.RedirectClientError):
        return f"it is redirected to what cannot be requested, {problem}"
    if isinstance(problem, aiohttp.ClientHttpProxyError):
        return f"the proxy did not connect to the server, and answered {problem.status} {problem.message}"
    if isinstance(problem.__cause__, aiohttp.ClientConnectionError):  # of a body: aiohttp for Python 3.8 wraps it
        problem = problem.__cause__
    return str(problem).replace(" ssl:default", "").replace(" ssl:True", "")


def _hide_secrets(text: str) -> str:
    """Return a text of a library or a server whose URLs have no user and no query: they can be secrets."""
    return re.sub(URL_QUERY, r"\1", re.sub(URL_USER, r"\1", text))


def _encode(link: str) -> str:
    """
    Return a link with its spaces and other alphabets percent-encoded; what is encoded already stays as it is.

    Raises:
        ValueError: It has characters that no URL can have.
    """
    if not link.isprintable():
        raise ValueError("it has characters that a URL cannot have")
    origin = re.match(ORIGIN, link)
    host = "" if origin is None else str(URL(origin[0])).rstrip("/")  # yarl encodes names of hosts
    return host + quote(link[len(host) if origin is None else origin.end() :].strip(), safe=punctuation)


def hide_frames(problem: BaseException) -> BaseException:
    """Return an exception without the frames of aiohttp and its callers in its traceback, and in those behind it."""
    drop_modules(problem, HIDDEN)
    return problem


def _without_secrets(problem: BaseException, request: Request) -> BaseException | None:
    """Return the exception to chain, without the libraries' frames; None if it or one behind it shows a secret."""
    secret = request.api_key or NO_SECRET
    for each in chain(hide_frames(problem)):
        has_headers = isinstance(each, aiohttp.ClientResponseError)  # in `request_info`
        shown = repr(each)  # it can have the proxy, with its password
        if has_headers or secret.is_in(shown) or _hide_secrets(shown) != shown:
            return None
    return problem
