"""Turns to create: one create of a template at a time."""

from __future__ import annotations

import asyncio
from typing import Any, List

from bluma_async.batch.create_turns import CreateTurns


async def test_turns() -> None:
    """Creates of one template follow each other in order; a create from a variant runs alone."""
    create_turns = CreateTurns()
    log: List[str] = []

    async def have(name: str, template: Any) -> None:
        async with create_turns.acquire(template):
            log.append(f"+{name}")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            log.append(f"-{name}")

    await asyncio.gather(have("a1", "a"), have("b1", "b"), have("a2", "a"), have("v", None), have("b2", "b"))

    assert log.index("-a1") < log.index("+a2") < log.index("-a2") < log.index("+v") < log.index("-v") < log.index("+b2")
    assert log.index("+b1") < log.index("-a1")
