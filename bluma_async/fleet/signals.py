"""The signals that ask a worker to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import Callable, Generator

__all__ = ["signalled"]


@contextlib.contextmanager
def signalled(on_stop: Callable[[], None]) -> Generator[asyncio.Event, None, None]:
    """Give an event that the first SIGTERM or SIGINT sets; the second one ends the process as ever."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)

    def reset() -> None:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            for number in numbers:
                loop.remove_signal_handler(number)  # changes nothing if it was not added

    def ask() -> None:
        asked.set()
        on_stop()
        reset()

    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # on Windows, and in other threads
        for number in numbers:
            loop.add_signal_handler(number, ask)
    try:
        yield asked
    finally:
        reset()
