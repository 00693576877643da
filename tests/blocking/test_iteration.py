"""Async generators and context managers as blocking ones."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, List, Optional

import pytest

from bluma_sync._portal import entered, iterate


class Source:
    """An async generator and an async context manager that record their tasks and their end."""

    def __init__(self) -> None:
        self.tasks: List[Optional[asyncio.Task[Any]]] = []
        self.end = "open"

    async def items(self, count: int) -> AsyncIterator[int]:
        try:
            for number in range(count):
                self.tasks.append(asyncio.current_task())
                yield number
        finally:
            self.tasks.append(asyncio.current_task())
            self.end = "closed"

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[str]:
        self.tasks.append(asyncio.current_task())
        try:
            yield "inside"
        except KeyError:
            self.end = "handled"
        except asyncio.CancelledError:
            self.end = "cancelled"
            raise
        else:
            self.end = "exited"
        self.tasks.append(asyncio.current_task())


def test_an_async_generator_becomes_a_generator() -> None:
    """The blocking iterator returns all items, and the async one runs in one task."""
    source = Source()

    items = list(iterate(source.items(3)))

    assert (items, source.end, len(set(source.tasks))) == ([0, 1, 2], "closed", 1)


def test_an_iteration_that_stops_early_closes_its_source() -> None:
    """A `break` closes the async generator, which has produced no item in advance."""
    source = Source()

    for number in iterate(source.items(1000)):
        if number == 1:
            assert len(source.tasks) == 2
            break

    assert (source.end, len(source.tasks), len(set(source.tasks))) == ("closed", 3, 1)


def test_an_async_context_manager_becomes_a_context_manager() -> None:
    """The manager is entered and exited in one task, and can handle an exception of the block."""
    normal, handled, interrupted = Source(), Source(), Source()

    with entered(normal.entered()) as value:
        inside = value
    with entered(handled.entered()):
        raise KeyError
    with pytest.raises(KeyboardInterrupt), entered(interrupted.entered()):
        raise KeyboardInterrupt

    assert (inside, normal.end, handled.end, interrupted.end) == ("inside", "exited", "handled", "cancelled")
    assert len(set(normal.tasks)) == 1
    with pytest.raises(ValueError, match="not handled"), entered(Source().entered()):
        raise ValueError("not handled")
