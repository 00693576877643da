"""
A sandbox for a test: in a thread, with the environment and the clock of the program that is tested.

Rule: the state folder belongs to the use of a sandbox, like the environment. The SDK knows an account by its URL and
key, which many sandboxes have in common: the videos that it remembers for one must not be found for the next.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Generator, Mapping, Optional

from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.luma.provider_api import load_apis
from bluma_async.sandbox.own_folder import OwnFolder
from bluma_testing.instant import InstantTime

if TYPE_CHECKING:
    from bluma_async.sandbox.settings import Settings

__all__ = ["describe_environment", "environment", "in_use", "make_sandbox", "serve_sandbox", "temporary_folder"]

LOOPBACK = "127.0.0.1"


@contextmanager
def serve_sandbox(**settings: Any) -> Generator[Sandbox, None, None]:
    """
    Serve a sandbox for a test, in a thread of its own.

    Videos are small prepared clips, and the clock is manual. Until the end of the block, the environment variables of
    the SDK name the sandbox (`BLUMA_API_KEY` is the live key, whose videos are billed) and an empty state folder, and
    the waits of every client in this process are instant (see InstantTime).

    Args:
        **settings: The settings of Sandbox. With `clock="real"`, waits are real too.

    Raises:
        ValueError: A setting is invalid.
    """
    with make_sandbox(**settings) as sandbox, in_use(sandbox):
        yield sandbox


def make_sandbox(**settings: Any) -> Sandbox:
    """
    Return a sandbox with the defaults of tests: a manual clock, and small prepared clips.

    Raises:
        ValueError: A setting is invalid.
    """
    return Sandbox(**{"clock": "manual", "render": False, **settings})


@contextmanager
def in_use(sandbox: Sandbox, port: int = 0, state_folder: str = "") -> Generator[None, None, None]:
    """
    Let this process use a sandbox until the end of the block: by its environment variables, and with instant waits.

    A sandbox may be in use several times, one after the other. Blocks end in the reverse order of their beginnings.

    Args:
        sandbox: A sandbox that serves from a thread of its own.
        port: The port that clients of the process know already; 0 for the sandbox's own one.
        state_folder: The state folder that programs know already. It is emptied first. Empty for a new one.
    """
    with ExitStack() as opened:
        if state_folder:
            _empty(Path(state_folder))
        folder = state_folder or opened.enter_context(temporary_folder())
        if port:
            opened.enter_context(sandbox.serve_also_at(port))
        opened.enter_context(environment(describe_environment(sandbox.settings, sandbox.origin, folder)))
        if sandbox.settings.clock == "manual":
            opened.enter_context(InstantTime(sandbox))
        yield


@contextmanager
def temporary_folder() -> Generator[str, None, None]:
    """Make a folder, and remove it at the end of the block."""
    folder = OwnFolder("bluma-state-")
    try:
        yield str(folder.path)
    finally:
        folder.remove()


def describe_environment(settings: Settings, origin: str, state_folder: str) -> Dict[str, str]:
    """Return the environment variables with which the clients of a program find a sandbox, and their state folder."""
    found = {
        "BLUMA_API_KEY": settings.live_key,
        "BLUMA_BASE_URL": f"{origin}/api/v1",
        "BLUMA_WEBHOOK_SECRET": settings.webhook_secret,
        "BLUMA_STATE_DIR": state_folder,
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


def _empty(state_folder: Path) -> None:
    """
    Forget the videos that the SDK has remembered in a folder.

    Nothing is deleted, because a program in another process may have the files open: SQLite would take the journal of a
    deleted file for that of the next one, and a deleted lock would not exclude the next program.
    """
    from bluma_async.resources._creates.reuse import FILE  # noqa: PLC0415 - few tests need it
    from bluma_async.stores.contents import ContentIndex  # noqa: PLC0415 - few tests need it

    ContentIndex(state_folder / FILE, "").clear()
