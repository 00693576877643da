"""
The account that a command works with, and the options that choose it: `--profile` and `--sandbox`.

Rule 1: key and URL come from one place together, so that a key is never sent to another API: the profile that is named,
else the environment if it has a key, else BLUMA_PROFILE, else the profile `default`. The last two are refused if
BLUMA_BASE_URL names another API than the profile: it would be ignored.
Rule 2: with `--sandbox` no request leaves this machine, whatever the profiles and the environment say.
"""

from __future__ import annotations

import functools
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, AsyncGenerator, Awaitable, Callable, TypeVar
from urllib.parse import urlsplit

import attrs
import click

from bluma_async._wire.place_checks import require_http_url
from bluma_async.cli.profiles import DEFAULT_PROFILE, complete_profile, read_profile
from bluma_async.cli.running import make_sandbox, run_to_end

if TYPE_CHECKING:
    from bluma_async.client import AsyncBluma

__all__ = [
    "ENDED",
    "SANDBOX_HELP",
    "SANDBOX_POLL_INTERVAL",
    "Account",
    "add_account_options",
    "find_account",
    "open_offline",
    "with_account",
]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
API = "https://api.getbluma.com/api/v1"
SANDBOX_KEY = "bluma_test_sandbox"
SANDBOX_SECRET = "whsec_sandbox"  # noqa: S105 - the sandbox's own default, which its command prints
SANDBOX_SPEED = 20.0  # a render of 105 s ends after about 5 s
SANDBOX_POLL_INTERVAL = 0.25  # seconds
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
SANDBOX_HELP = (
    "Use a local sandbox: no key, no cost. It is the one at BLUMA_BASE_URL if that is on this machine, else a new one, "
    "which ends with the command."
)
ENDED = "The sandbox has ended with this command, and everything in it."


@attrs.frozen
class Account:
    """
    The key and the URL that a command uses.

    Attributes:
        api_key: The key; None if there is none.
        base_url: The URL of the API; None for that of a sandbox which does not run yet.
        webhook_secret: The secret of webhooks; None if there is none.
        source: Where they come from, for people.
        is_sandbox: Whether it was asked for with `--sandbox`.
        advice: How to give it a key.
    """

    api_key: str | None = attrs.field(repr=False)
    base_url: str | None
    webhook_secret: str | None = attrs.field(repr=False)
    source: str
    is_sandbox: bool = False
    advice: str = "set BLUMA_API_KEY, keep it with `bluma config set`, or try --sandbox"

    @property
    def is_temporary(self) -> bool:
        """Whether its API is a sandbox that ends with the command."""
        return self.is_sandbox and self.base_url is None

    def call(self, work: Callable[[AsyncBluma], Awaitable[T]], **options: Any) -> T:
        """Return the result of work with a client of this account."""

        async def run() -> T:
            async with self.open(**options) as client:
                return await work(client)

        return run_to_end(run())

    @asynccontextmanager
    async def open(self, **options: Any) -> AsyncGenerator[AsyncBluma, None]:
        """
        Open a client of this account, and the sandbox if it is in one.

        Raises:
            BlumaError: The account has no key.
        """
        from bluma_async.client import AsyncBluma  # noqa: PLC0415 - loads slower than the options are parsed

        if not self.is_temporary:
            options.setdefault("trust_env", not self.is_sandbox)
            async with AsyncBluma(self._require_key(), self.base_url, **options) as client:
                yield client
            return
        async with make_sandbox(speed=SANDBOX_SPEED) as sandbox:  # noqa: SIM117 - one statement would need Python 3.9's parentheses
            async with AsyncBluma(sandbox.test_key, sandbox.base_url, trust_env=False, **options) as client:
                yield client

    def _require_key(self) -> str:
        """Return the key. A client without one would take that of the environment, for the URL of this account."""
        if self.api_key:
            return self.api_key
        from bluma_async.errors import BlumaError  # noqa: PLC0415 - only a failure needs it

        raise BlumaError(f"There is no API key in {self.source}: {self.advice}. Nothing was sent.", status=401)


def open_offline() -> AsyncBluma:
    """Return a client that reads a journal and sends nothing, so that it needs neither a key nor a URL."""
    from bluma_async.client import AsyncBluma  # noqa: PLC0415 - loads slower than the options are parsed

    return AsyncBluma("unused", API, trust_env=False)


def add_account_options(command: F) -> F:
    """Add the options that choose an account, and pass them to a command as `profile` and `in_sandbox`."""

    @click.option("--profile", metavar="NAME", shell_complete=complete_profile, help="A profile of `bluma config`.")
    @click.option(
        "--sandbox",
        "in_sandbox",
        is_flag=True,
        help=SANDBOX_HELP,
    )
    @functools.wraps(command)
    def run(*args: Any, profile: str | None, in_sandbox: bool, **options: Any) -> Any:
        if in_sandbox and profile is not None:
            raise click.UsageError("Give either --profile or --sandbox. Nothing was sent.")
        return command(*args, profile=profile, in_sandbox=in_sandbox, **options)

    return run  # type: ignore[return-value]  # click passes the options by name


def with_account(command: F) -> F:
    """Add the options that choose an account, and pass it to a command as `account`."""

    @add_account_options
    @functools.wraps(command)
    def run(*args: Any, profile: str | None, in_sandbox: bool, **options: Any) -> Any:
        return command(*args, account=find_account(profile, in_sandbox=in_sandbox), **options)

    return run  # type: ignore[return-value]  # click passes the options by name


def find_account(profile: str | None, *, in_sandbox: bool) -> Account:
    """
    Return the account that the options and the environment choose.

    Raises:
        UsageError: The variables contradict each other, there is no such profile, or the file of profiles
            is invalid.
        InvalidArgumentError: BLUMA_BASE_URL is not a URL.
    """
    if in_sandbox:
        return _find_sandbox()
    if profile is None and _read("BLUMA_API_KEY"):
        return _read_environment()
    name = profile or _read("BLUMA_PROFILE") or DEFAULT_PROFILE
    found = read_profile(name, is_required=name != DEFAULT_PROFILE or profile is not None)
    if found is None:
        return _read_environment()
    url = found.base_url or API
    if profile is None:
        _require_same_url(name, url)
    advice = f"set one with `bluma config set {name}`"
    source = f"the profile {name!r}"
    return Account(found.api_key, url, found.webhook_secret, source, advice=advice)


def _find_sandbox() -> Account:
    url, secret = _read_url(), _read("BLUMA_WEBHOOK_SECRET") or SANDBOX_SECRET
    if url is None or urlsplit(url).hostname not in LOOPBACK:
        return Account(None, None, secret, "a new sandbox", is_sandbox=True)
    return Account(_read("BLUMA_API_KEY") or SANDBOX_KEY, url, secret, f"the sandbox at {url}", is_sandbox=True)


def _read_environment() -> Account:
    url = _read_url() or API
    return Account(_read("BLUMA_API_KEY"), url, _read("BLUMA_WEBHOOK_SECRET"), "the environment")


def _read_url() -> str | None:
    url = _read("BLUMA_BASE_URL")
    if url is not None:
        require_http_url("BLUMA_BASE_URL", url)
    return url


def _require_same_url(name: str, url: str) -> None:
    """Refuse a BLUMA_BASE_URL that has no key, and would be ignored: the credits of another API would be spent."""
    named = _read("BLUMA_BASE_URL")
    if named is not None and named.rstrip("/") != url.rstrip("/"):
        raise click.UsageError(
            f"BLUMA_BASE_URL is set without BLUMA_API_KEY, and the profile {name!r} is for {url}. Set BLUMA_API_KEY "
            f"too, or name the profile with --profile {name}. Nothing was sent."
        )


def _read(variable: str) -> str | None:
    return os.environ.get(variable, "").strip() or None
