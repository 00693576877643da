"""
Define the port of a task engine: three functions.

Rule 1: an engine delivers and repeats; it never decides. A task that comes twice, late or never costs time, not money.
Rule 2: arguments are the place of a job, an int; everything else is in the store.
"""

from __future__ import annotations

from typing import Awaitable, Callable, Optional, Protocol

__all__ = ["Engine", "Task"]

Task = Callable[[Optional[int]], Awaitable[None]]  # called with the place of a job; None for periodic work


class Engine(Protocol):
    """Moves tasks to workers."""

    def register(self, name: str, task: Task) -> None:
        """Let this worker run tasks of a name."""
        ...

    async def defer(self, name: str, place: int) -> None:
        """Have a worker run a task for a job, soon. One that is queued already need not be queued again."""
        ...

    def periodic(self, name: str, seconds: float) -> None:
        """Have some worker run a registered task about every so many seconds; more often is harmless."""
        ...
