"""
The provider that a command of `bluma luma` works with, and its option `--sandbox`.

A provider has a key of its own, in a variable, so there is no `--profile`. The sandbox is chosen by the rule of all
commands.
"""

from __future__ import annotations

import functools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, AsyncGenerator, Callable, TypeVar
from urllib.parse import urlsplit

import click

from bluma_async.cli.accounts import SANDBOX_HELP, find_account
from bluma_async.cli.running import make_sandbox
from bluma_async.luma.client import AsyncLuma

if TYPE_CHECKING:
    from bluma_async.cli.accounts import Account
    from bluma_async.luma.registry import ProviderName

__all__ = ["add_sandbox_option", "is_temporary", "open_luma"]

F = TypeVar("F", bound=Callable[..., Any])
SANDBOX_SPEED = 100.0  # a generation takes about a second


def add_sandbox_option(command: F) -> F:
    """Add the option that chooses a sandbox, and pass it to a command as `sandbox`; None stands for the provider."""

    @click.option("--sandbox", "in_sandbox", is_flag=True, help=SANDBOX_HELP)
    @functools.wraps(command)
    def run(*args: Any, in_sandbox: bool, **options: Any) -> Any:
        return command(*args, sandbox=find_account(None, in_sandbox=True) if in_sandbox else None, **options)

    return run  # type: ignore[return-value]  # click passes the options by name


def is_temporary(sandbox: Account | None) -> bool:
    """Return whether a sandbox is used that ends with the command."""
    return sandbox is not None and sandbox.is_temporary


@asynccontextmanager
async def open_luma(provider: ProviderName, sandbox: Account | None) -> AsyncGenerator[AsyncLuma, None]:
    """Open a client of a provider, or of a sandbox, which is on this machine, behind no proxy."""
    if sandbox is None:
        async with AsyncLuma(provider) as client:
            yield client
    elif sandbox.base_url is not None:
        url = _find_url(provider, sandbox.base_url)
        async with AsyncLuma(provider, sandbox.api_key, url, trust_env=False) as client:
            yield client
    else:
        async with make_sandbox(speed=SANDBOX_SPEED) as made:
            url = made.luma_url(provider)
            async with AsyncLuma(provider, made.test_key, url, trust_env=False) as client:
                yield client


def _find_url(provider: ProviderName, base_url: str) -> str:
    """Return the URL of a provider in the sandbox whose Bluma API is at a URL."""
    from bluma_async.sandbox.luma.provider_api import load_apis  # noqa: PLC0415 - loads the server

    return urlsplit(base_url)._replace(path=load_apis()[provider].base_path).geturl()
