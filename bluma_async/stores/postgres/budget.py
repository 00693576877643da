"""
Share the budget of a key among processes: one row, from which each process leases requests in small blocks.

Rule 1: the row is corrected by every report of an answer's headers. What other living processes have leased and not yet
used is subtracted, because the server has not counted it: the row is never too high, and at most a few blocks too low.
Rule 2: reports count in the order of their answers, by the database's clock. A late one can only lower the row.
Rule 3: at the reset of a sliding window one request comes back, not all: one is leased, and its answer tells the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async.stores.budget import BudgetState
from bluma_async.stores.postgres.database import PATIENCE
from bluma_async.stores.postgres.rows import execute, fetch_one

if TYPE_CHECKING:
    from bluma_async.stores.budget import Lease, Report
    from bluma_async.stores.postgres.member import Member
    from bluma_async.stores.postgres.rows import Connection, Row

__all__ = ["PostgresBudget"]

READ = """
SELECT quota, available, greatest(extract(epoch FROM reset_at - clock_timestamp()), 0)::float AS resets_in,
    coalesce(extract(epoch FROM clock_timestamp() - reported_at), 1e9)::float AS report_age,
    (SELECT coalesce(sum(tokens), 0) FROM bluma_grants g JOIN bluma_workers w USING (epoch)
        WHERE g.fingerprint = k.fingerprint AND epoch <> %s AND w.ends_at >= clock_timestamp())::bigint AS others,
    (SELECT count(*) FROM bluma_workers WHERE ends_at >= clock_timestamp()) AS workers
FROM bluma_keys k WHERE fingerprint = %s FOR UPDATE OF k
"""


class PostgresBudget:
    """The `Budget` of one key."""

    def __init__(self, member: Member, fingerprint: str, patience: float = PATIENCE) -> None:
        """
        Set up the budget of a key.

        Args:
            member: This process.
            fingerprint: The key.
            patience: Seconds for which a lost connection is retried.
        """
        self._member = member
        self._patience = patience
        self._fingerprint = fingerprint

    async def lease(self, unused: int, report: Report | None, reserve: float) -> Lease:
        """Lease a block of requests, or return how long to wait for one."""

        async def work(db: Connection, _: bool) -> Lease:
            row = await self._read(db)
            state = BudgetState(**row)
            if report is not None:
                state.correct(report, unused)
            block = state.grant(reserve)
            await self._write(db, state, unused + block)
            return state.build_lease(block)

        return await self._member.database.do(work, patience=self._patience)

    async def _read(self, db: Connection) -> Row:
        values = (self._member.epoch, self._fingerprint)
        row = await fetch_one(db, READ, *values)
        if row is None:
            new = "INSERT INTO bluma_keys (fingerprint, account) VALUES (%s, 0) ON CONFLICT DO NOTHING"
            await execute(db, new, self._fingerprint)
            row = await fetch_one(db, READ, *values)
        return row or {}

    async def _write(self, db: Connection, state: BudgetState, held: int) -> None:
        moment = "clock_timestamp() + %s * interval '1 second'"
        reported = f"CASE WHEN %s < 1e8 THEN {moment} END"
        statement = f"UPDATE bluma_keys SET quota = %s, available = %s, reset_at = {moment}, reported_at = {reported} "  # noqa: S608 - constants
        values = (state.quota, state.available, state.resets_in, state.report_age, -min(state.report_age, 1e8))
        await execute(db, statement + "WHERE fingerprint = %s", *values, self._fingerprint)
        grant = (
            "INSERT INTO bluma_grants (fingerprint, epoch, tokens) VALUES (%s, %s, %s) "
            "ON CONFLICT (fingerprint, epoch) DO UPDATE SET tokens = excluded.tokens"
        )
        await execute(db, grant, self._fingerprint, self._member.epoch, held)
