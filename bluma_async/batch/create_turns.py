"""
Whose turn it is to create.

Rule: of the creates of one template one at a time is under way, so that a lost answer has one job it can belong to. A
create from a variant, whose template is not known, is alone.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import AsyncGenerator, List, Tuple

__all__ = ["CreateTurns"]


class CreateTurns:
    """Gives turns in the order in which they are asked for, as far as templates do not differ."""

    def __init__(self) -> None:
        self._asked: List[Tuple[str | None, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def of(self, template_id: str | None) -> AsyncGenerator[None, None]:
        """Wait for a turn, and have it until the end of the block."""
        mine = (template_id, asyncio.get_running_loop().create_future())
        self._asked.append(mine)
        self._call()
        try:
            await mine[1]
            yield
        finally:
            self._asked.remove(mine)
            self._call()

    def _call(self) -> None:
        before: set[str | None] = set()
        for template_id, future in self._asked:
            is_free = not before if template_id is None else not {template_id, None} & before
            if is_free and not future.done():
                future.set_result(None)
            before.add(template_id)
