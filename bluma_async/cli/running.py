"""Run what a command does, to its end or to Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import Any, Callable, Coroutine, TypeVar

import click

__all__ = ["add_options", "run_to_end", "say"]

F = TypeVar("F", bound=Callable[..., Any])


def add_options(*each: Callable[[Any], Any]) -> Callable[[F], F]:
    """Return what adds several options to a command, in their order."""

    def add(command: F) -> F:
        for option in reversed(each):
            command = option(command)
        return command

    return add


def run_to_end(work: Coroutine[Any, Any, None]) -> None:
    """Do the work; Ctrl-C cancels it at a point where that can be answered, and is raised once it has ended."""
    if asyncio.run(_is_stopped(work)):
        raise KeyboardInterrupt


async def _is_stopped(work: Coroutine[Any, Any, None]) -> bool:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # on Windows, and in other threads
        loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return True
    finally:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGINT)
    return False


def say(text: str) -> None:
    """Print a line."""
    click.echo(text, file=sys.stdout)
