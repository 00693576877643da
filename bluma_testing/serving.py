"""A sandbox for a test: in a thread, with the environment and the clock of the program that is tested."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Dict, Generator, Mapping, Optional

from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.luma.provider_api import load_apis
from bluma_testing.instant import InstantTime

if TYPE_CHECKING:
    from bluma_async.sandbox.settings import Settings

__all__ = ["describe_environment", "environment", "in_use", "serve_sandbox"]

LOOPBACK = "127.0.0.1"


@contextmanager
def serve_sandbox(**settings: Any) -> Generator[Sandbox, None, None]:
    """
    Serve a sandbox for a test, in a thread of its own.

    Videos are small prepared clips, and the clock is manual. Until the end of the block, the environment variables of
    the SDK name the sandbox (`BLUMA_API_KEY` is the live key, whose videos are billed), and the waits of every client
    in this process are instant (see InstantTime).

    Args:
        **settings: The settings of Sandbox. With `clock="real"`, waits are real too.

    Raises:
        ValueError: A setting is invalid.
    """
    with Sandbox(**{"clock": "manual", "render": False, **settings}) as sandbox, in_use(sandbox):
        yield sandbox


@contextmanager
def in_use(sandbox: Sandbox, port: int = 0) -> Generator[None, None, None]:
    """
    Let this process use a sandbox until the end of the block: by its environment variables, and with instant waits.

    A sandbox may be in use several times, one after the other. Blocks end in the reverse order of their beginnings.

    Args:
        sandbox: A sandbox that serves from a thread of its own.
        port: The port that clients of the process know already; 0 for the sandbox's own one.
    """
    with ExitStack() as opened:
        if port:
            opened.enter_context(sandbox.serve_also_at(port))
        opened.enter_context(environment(describe_environment(sandbox.settings, sandbox.origin)))
        if sandbox.settings.clock == "manual":
            opened.enter_context(InstantTime(sandbox))
        yield


def describe_environment(settings: Settings, origin: str) -> Dict[str, str]:
    """Return the environment variables with which the clients of a program find a sandbox."""
    found = {
        "BLUMA_API_KEY": settings.live_key,
        "BLUMA_BASE_URL": f"{origin}/api/v1",
        "BLUMA_WEBHOOK_SECRET": settings.webhook_secret,
    }
    for name, api in load_apis().items():
        found[f"{name.upper()}_API_KEY"] = settings.live_key
        found[f"{name.upper()}_BASE_URL"] = origin + api.base_path
    for name in ("NO_PROXY", "no_proxy"):
        found[name] = ",".join(filter(None, (os.environ.get(name, ""), LOOPBACK)))
    return found


@contextmanager
def environment(variables: Mapping[str, str]) -> Generator[None, None, None]:
    """Set environment variables until the end of the block."""
    before: Dict[str, Optional[str]] = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
