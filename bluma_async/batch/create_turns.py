"""
Give turns to create.

Rule: of each template, one create at a time is in flight, so that a lost answer can belong to one job only. A create
from a variant, whose template is unknown, runs alone.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import AsyncGenerator, List, Tuple

__all__ = ["CreateTurns"]


class CreateTurns:
    """Gives turns in the order of the requests; creates of different templates do not wait for each other."""

    def __init__(self, *, is_serial: bool = True) -> None:
        """
        Set up the turns.

        Args:
            is_serial: False gives every turn at once; the simulation proves by that why turns are needed.
        """
        self._is_serial = is_serial
        self._queue: List[Tuple[str | None, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def acquire(self, template_id: str | None) -> AsyncGenerator[None, None]:
        """Wait for a turn, and keep it until the end of the block."""
        entry = (template_id, asyncio.get_running_loop().create_future())
        self._queue.append(entry)
        self._wake()
        try:
            await entry[1]
            yield
        finally:
            self._queue.remove(entry)
            self._wake()

    def _wake(self) -> None:
        """Give a turn to every waiting create that no earlier one excludes."""
        earlier: set[str | None] = set()
        for template_id, future in self._queue:
            is_free = not earlier if template_id is None else not {template_id, None} & earlier
            if (is_free or not self._is_serial) and not future.done():
                future.set_result(None)
            earlier.add(template_id)
