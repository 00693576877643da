"""
The checks of `bluma doctor`. Each says what it found, and what to do.

Rule 1: no check shows a key, a secret, or the password of a proxy.
Rule 2: one request is sent, a read of the balance; key, network, TLS, clock and rate limit are judged by it.
Rule 3: `ok` means that something was tried which could have failed. A fact that was not judged is `info`.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shlex
import shutil
import ssl
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Iterator, List
from urllib.parse import urlsplit

import attrs

from bluma_async._runtime import home
from bluma_async._runtime.proxies import Proxies
from bluma_async._runtime.state_folder import find_state_folder
from bluma_async._version import __version__
from bluma_async.cli.accounts import LOOPBACK, Account
from bluma_async.cli.printing import Record
from bluma_async.cli.profiles import NoHomeError, find_file
from bluma_async.cli.spelling import spell_for_commands
from bluma_async.cli.tls_checks import advise_on_tls, find_tls_error
from bluma_async.errors import (
    APIError,
    AuthenticationError,
    BlumaError,
    ForbiddenError,
    InvalidArgumentError,
    NetworkError,
    RateLimitError,
    RequestTimeoutError,
)
from bluma_async.transfer.folders import probe_folder

if TYPE_CHECKING:
    from bluma_async._wire.budget import RateLimit
    from bluma_async.client import AsyncBluma

__all__ = ["Check", "check_account", "check_machine", "explain", "judge_clock", "judge_limit"]

LIBRARIES = ("aiohttp", "click", "rich", "av", "pillow", "psycopg", "opentelemetry-api", "keyring")
CLOCK_LIMIT = 60.0  # seconds; the search for a lost create allows as much
LEAST_FREE = 1e9  # bytes
OTHERS = 0o077  # the bits of a file's mode for everybody but its owner
LOW = 0.1  # of the hourly budget

ADVICE = (  # in this order: a timeout is also a NetworkError
    (AuthenticationError, "Compare the key with the dashboard, and the URL with that of the key's environment."),
    (InvalidArgumentError, "Correct the setting that is named."),
    (RequestTimeoutError, "Check the network, the proxy and the firewall."),
    (NetworkError, "Check the host of BLUMA_BASE_URL, the network, the proxy and the firewall."),
)


@attrs.frozen(kw_only=True)
class Check(Record):
    """
    The result of a check.

    Attributes:
        name: What was checked.
        state: `ok`, `warning`, `problem`, or `info` for a fact that was not judged.
        detail: What was found.
        advice: What to do; None if nothing.
    """

    name: str
    state: str
    detail: str
    advice: str | None = None


def check_machine(account: Account | None) -> List[Check]:
    """Return the results of the checks that need no request; None stands for an account that cannot be read."""
    return [
        Check(name="versions", state="info", detail=_describe_versions()),
        *([] if account is None else [_check_key(account), *_check_url(account)]),
        *_check_profiles(),
        _check_folder("disk", Path.cwd),
        _check_folder("state folder", find_state_folder),
    ]


async def check_account(client: AsyncBluma, account: Account) -> List[Check]:
    """Return the results of the checks by one request."""
    is_local = account.base_url is None or urlsplit(account.base_url).hostname in LOOPBACK
    try:
        balance = await client.credits.get_balance()
    except BlumaError as error:
        answered = isinstance(error, APIError) and error.http_status is not None
        return [explain(error), *(_judge_answer(client, account.base_url, is_local=is_local) if answered else ())]
    detail = f"accepted; {balance.credits} credits, tier {balance.tier or 'unknown'}"
    judged = _judge_answer(client, account.base_url, is_local=is_local)
    return [Check(name="request", state="ok", detail=detail), *judged]


def _describe_versions() -> str:
    found = [f"bluma {__version__}", f"Python {platform.python_version()}", platform.system(), ssl.OPENSSL_VERSION]
    return ", ".join([*found, *map(_describe_library, LIBRARIES)])


def _describe_library(name: str) -> str:
    try:
        return f"{name} {metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return f"{name} not installed"


def _check_key(account: Account) -> Check:
    key = account.api_key
    if account.is_temporary:
        return Check(name="key", state="ok", detail="that of a new sandbox")
    if not key:
        advice = f"Set BLUMA_API_KEY, or store it: bluma config set  ({_describe_place()})"
        return Check(name="key", state="problem", detail="there is none", advice=advice)
    kind = next((kind for kind in ("test", "live") if key.startswith(f"bluma_{kind}_")), None)
    if kind is None:
        advice = "Keys of the API begin with bluma_test_ or bluma_live_: compare it with the dashboard."
        return Check(name="key", state="warning", detail=f"unknown form, from {account.source}", advice=advice)
    return Check(name="key", state="ok", detail=f"a {kind} key, from {account.source}")


def _describe_place() -> str:
    try:
        return f"in {find_file()}"
    except NoHomeError as problem:
        return problem.message


def _check_url(account: Account) -> Iterator[Check]:
    if account.base_url is None:
        return
    url = urlsplit(account.base_url)
    if url.scheme != "https" and url.hostname not in LOOPBACK:
        advice = "Use an https:// URL: everybody on the way can read the key."
        yield Check(name="TLS", state="problem", detail=f"{account.base_url} is not encrypted", advice=advice)
    try:
        proxy = Proxies(None, trust_env=not account.is_sandbox).find(account.base_url)
    except ValueError as problem:
        advice = "Correct HTTPS_PROXY or HTTP_PROXY, or add the host to NO_PROXY."
        yield Check(name="proxy", state="problem", detail=str(problem), advice=advice)
        return
    host = urlsplit(proxy).hostname if proxy else None
    yield Check(name="proxy", state="ok", detail=f"requests go through {host}" if host else "none")


def _check_profiles() -> Iterator[Check]:
    """Yield whether only the user can read the file of the profiles, if there is one."""
    with contextlib.suppress(OSError, NoHomeError):
        file = find_file()
        others = os.name == "posix" and file.stat().st_mode & OTHERS
        if others:
            advice = f"Its keys may be known: chmod 600 {shlex.quote(str(file))}"
            yield Check(name="profiles", state="warning", detail=f"other users can read {file}", advice=advice)
        elif os.name == "posix":
            yield Check(name="profiles", state="ok", detail=f"only you can read {file}")


def _check_folder(name: str, find: Callable[[], Path]) -> Check:
    folder: Path | None = None
    try:
        folder = place = find()
        while not place.exists() and place != place.parent:
            place = place.parent
        probe_folder(place)
        free = shutil.disk_usage(place).free
    except (OSError, home.NoHomeError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        advice = "Change to a folder that exists, or set HOME."
        if folder is not None:
            reason, advice = f"{folder}: {reason}", "Free space, or allow the user to write there."
        return Check(name=name, state="problem", detail=reason, advice=advice)
    detail = f"{folder}: {free / 1e9:.1f} GB free"
    is_low = free < LEAST_FREE
    return Check(
        name=name, state="warning" if is_low else "ok", detail=detail, advice="Free space." if is_low else None
    )


def explain(error: BlumaError) -> Check:
    """Return the result for a request that failed, or that could not be sent."""
    problem = find_tls_error(error)
    if problem is not None:
        return Check(name="TLS", state="problem", detail=str(error), advice=advise_on_tls(problem))
    if isinstance(error, ForbiddenError):
        return Check(name="request", state="ok", detail="the key is valid; it has not the scope credits:read")
    name = "settings" if isinstance(error, InvalidArgumentError) else "request"
    return Check(name=name, state="problem", detail=spell_for_commands(str(error)), advice=_advise(error))


def _advise(error: BlumaError) -> str:
    """Return what to do about a request that failed."""
    if isinstance(error, RateLimitError):
        return f"Wait {error.retry_after or 'some'} seconds: the hourly limit of the key is used up."
    if isinstance(error, APIError) and error.status == 404:
        return "Check the path of BLUMA_BASE_URL: it ends with /api/v1."
    return next((advice for kind, advice in ADVICE if isinstance(error, kind)), "Try again later; see the error.")


def _judge_answer(client: AsyncBluma, base_url: str | None, *, is_local: bool) -> Iterator[Check]:
    """Yield the results that an answer and its headers allow."""
    if urlsplit(base_url or "").scheme == "https":
        detail = f"{base_url} with {ssl.OPENSSL_VERSION}; its certificate is valid"
        yield Check(name="TLS", state="ok", detail=detail)
    shared = client._session.shared  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  # the only place that knows the server's clock
    server = shared.server_clock.at(shared.clock.now())
    yield judge_clock(server, datetime.now(timezone.utc), is_local=is_local)
    limit = client.rate_limit
    if limit is None:
        yield Check(name="rate limit", state="info", detail="the server reports none")
    else:
        yield judge_limit(limit)


def judge_clock(server: datetime | None, own: datetime, *, is_local: bool = False) -> Check:
    """Return the result for the clock of this machine, compared with the server's."""
    if server is None:
        return Check(name="clock", state="warning", detail="the server's answer has no date", advice=None)
    skew = (own - server).total_seconds()
    if abs(skew) < CLOCK_LIMIT:
        return Check(name="clock", state="ok", detail=f"{abs(skew):.0f} s from the server's")
    side = "ahead of" if skew > 0 else "behind"
    advice = "Set the clock of this machine, for example by NTP: the search for a lost create compares times."
    if is_local:
        advice = "A sandbox has a clock of its own with --speed, --clock or --cruel: nothing is wrong then."
    state = "warning" if is_local else "problem"
    return Check(name="clock", state=state, detail=f"{abs(skew):.0f} s {side} the server's", advice=advice)


def judge_limit(limit: RateLimit) -> Check:
    """Return the result for the hourly budget of the key."""
    ends = "" if limit.reset_after is None else f", until the reset in {limit.reset_after / 60:.0f} minutes"
    detail = f"{limit.remaining} of {limit.limit} requests an hour are left{ends}"
    if limit.remaining > limit.limit * LOW:
        return Check(name="rate limit", state="ok", detail=detail)
    advice = "Wait for the reset, or run fewer programs on this key; waits become slower by themselves."
    return Check(name="rate limit", state="warning", detail=detail, advice=advice)
