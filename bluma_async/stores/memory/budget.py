"""Share the budget of a key among the members of a store in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from bluma_async.stores.budget import BudgetState

if TYPE_CHECKING:
    from bluma_async.stores.budget import Lease, Report
    from bluma_async.stores.memory.members import SharedMemory

__all__ = ["MemoryBudget"]

NEVER = 1e9  # seconds since the newest report, before the first one


class MemoryBudget:
    """The `Budget` of one key."""

    def __init__(self, memory: SharedMemory, epoch: int, fingerprint: str) -> None:
        self._memory = memory
        self._epoch = epoch
        self._fingerprint = fingerprint

    async def lease(self, unused: int, report: Report | None, reserve: float) -> Lease:
        """Lease a block of requests, or return how long to wait for one."""
        state = self._read()
        if report is not None:
            state.correct(report, unused)
        block = state.grant(reserve)
        self._memory.budgets[self._fingerprint] = (self._memory.clock(), state)
        self._memory.grants[self._fingerprint, self._epoch] = unused + block
        return state.build_lease(block)

    def _read(self) -> BudgetState:
        """Return the budget as it is now."""
        memory, now = self._memory, self._memory.clock()
        at, state = memory.budgets.get(self._fingerprint, (now, BudgetState(None, None, 0.0, NEVER, 0, 0)))
        held = [
            tokens
            for (name, epoch), tokens in memory.grants.items()
            if name == self._fingerprint and epoch != self._epoch and memory.is_alive(epoch)
        ]
        return attrs.evolve(
            state,
            resets_in=max(state.resets_in - (now - at), 0.0),
            report_age=state.report_age + now - at,
            others=sum(held),
            workers=sum(map(memory.is_alive, memory.workers)),
        )
