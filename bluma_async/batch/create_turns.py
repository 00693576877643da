"""
Give turns to create.

Rule: of each template, one create at a time is in flight, so that a lost answer can belong to one job only. A create
from a variant, whose template is unknown, runs alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from itertools import count
from typing import AsyncGenerator, Deque, Dict, Iterable, Tuple

__all__ = ["CreateTurns"]

Entry = Tuple[int, "asyncio.Future[None]"]  # its number, in the order of the requests; done when it has its turn


class CreateTurns:
    """Gives turns in the order of the requests; creates of different templates do not wait for each other."""

    def __init__(self, *, is_serial: bool = True) -> None:
        """
        Set up the turns.

        Args:
            is_serial: False gives every turn at once; the simulation proves by that why turns are needed.
        """
        self._is_serial = is_serial
        self._numbers = count()
        # By template, with no empty queue: the next turn is found without a scan of all jobs that wait.
        self._queues: Dict[str | None, Deque[Entry]] = {}

    @asynccontextmanager
    async def acquire(self, template_id: str | None) -> AsyncGenerator[None, None]:
        """Wait for a turn, and keep it until the end of the block."""
        entry = (next(self._numbers), asyncio.get_running_loop().create_future())
        self._queues.setdefault(template_id, deque()).append(entry)
        try:
            if self._is_serial:
                self._wake([template_id])
                await entry[1]
            yield
        finally:
            self._remove(template_id, entry)

    def _remove(self, template_id: str | None, entry: Entry) -> None:
        queue = self._queues[template_id]
        queue.remove(entry)
        if not queue:
            del self._queues[template_id]
        self._wake(list(self._queues) if template_id is None or None in self._queues else [template_id])

    def _wake(self, template_ids: Iterable[str | None]) -> None:
        """Give a turn to the first create of each of these templates, unless an earlier create excludes it."""
        for template_id in template_ids:
            queue = self._queues.get(template_id)
            if queue and not queue[0][1].done() and not self._is_excluded(template_id, queue[0][0]):
                queue[0][1].set_result(None)

    def _is_excluded(self, template_id: str | None, number: int) -> bool:
        """Return whether an earlier create of another template excludes this one, because one of the two is unknown."""
        if template_id is None:
            return any(queue[0][0] < number for name, queue in self._queues.items() if name is not None)
        unknown = self._queues.get(None)
        return unknown is not None and unknown[0][0] < number
