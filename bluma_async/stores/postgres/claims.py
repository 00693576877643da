"""
Share the jobs of a PostgreSQL journal among processes.

Rule 1: a job has one holder. Claims skip the rows that another claim has locked, so no process waits for another.
Rule 2: an open create of a dead process is claimed only when a search can settle it: `settles_after` seconds after the
last moment at which its request was sent, by the database's clock.
Rule 3: before each attempt of a create, its intent is touched. A process whose intent is gone sends nothing. The claim
of an open create locks the intent too, so that it cannot be announced and taken over at once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Collection, List, Sequence, Tuple

from bluma_async.stores.postgres import queries
from bluma_async.stores.postgres.budget import PostgresBudget
from bluma_async.stores.postgres.explaining import explain
from bluma_async.stores.postgres.owners import find_owner, find_stray
from bluma_async.stores.postgres.rows import execute, fetch_all, fetch_one
from bluma_async.stores.sharing import DUE_AGAIN

if TYPE_CHECKING:
    from bluma_async._wire.certainty import Explained
    from bluma_async.stores.jobs import StoredJob
    from bluma_async.stores.postgres.member import Member
    from bluma_async.stores.postgres.rows import Connection

__all__ = ["PostgresSharing"]

CLAIM_ABANDONED = """
UPDATE bluma_jobs SET holder = %s WHERE place = (
    SELECT j.place FROM bluma_jobs j JOIN bluma_intents i ON i.place = j.place AND i.outcome IS NULL
    WHERE j.state = 'creating' AND j.place <> ALL(%s)
        AND NOT EXISTS (SELECT FROM bluma_workers w WHERE w.epoch = j.holder AND w.ends_at >= clock_timestamp())
        AND clock_timestamp() > i.sent_at + i.settles_after * interval '1 second'
    ORDER BY j.place LIMIT 1 FOR UPDATE OF j, i SKIP LOCKED
) RETURNING place
"""
CLAIM_AGAIN = """
SELECT j.place FROM bluma_jobs j LEFT JOIN bluma_intents i ON i.place = j.place AND i.outcome IS NULL
WHERE j.holder = %s AND j.place <> ALL(%s) AND (
    j.state = ANY(%s)
    OR j.state = 'creating' AND clock_timestamp() > i.sent_at + i.settles_after * interval '1 second'
) ORDER BY j.place LIMIT 1
"""
CLAIM_FREE = """
UPDATE bluma_jobs SET holder = %s WHERE place = (
    SELECT place FROM bluma_jobs
    WHERE holder IS NULL AND state IN ('planned', 'rendering', 'rendered')
        AND state = ANY(%s) AND run >= %s AND place <> ALL(%s)
    ORDER BY place LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING place
"""


LIST_DUE = """
SELECT place, state FROM bluma_jobs
WHERE holder IS NULL AND state IN ('planned', 'rendering', 'rendered') AND state = ANY(%s)
    AND (deferred_at IS NULL OR deferred_at < clock_timestamp() - %s * interval '1 second')
ORDER BY place LIMIT %s
"""


class PostgresSharing:
    """The `Sharing` of a journal in PostgreSQL."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self.run = 0

    @property
    def epoch(self) -> int:
        """The number of this process; no other one has ever had it."""
        return self._member.epoch

    def find_budget(self, fingerprint: str) -> PostgresBudget:
        """Return the budget of a key, by its fingerprint."""
        return PostgresBudget(self._member, fingerprint)

    async def claim(
        self, states: Sequence[str], except_for: Collection[int], held: Collection[int]
    ) -> StoredJob | None:
        """Claim the next job of this run, or an abandoned create of any run."""

        async def work(db: Connection, _: bool) -> StoredJob | None:
            await self._member.revive(db)
            skipped = [*except_for, *held]
            again = await fetch_one(db, CLAIM_AGAIN, self.epoch, skipped, list(states))
            if again is not None:
                return await queries.read_job(db, again["place"])
            # By the index, in its order: without statistics, a plan could sort all free jobs.
            await execute(db, "SET LOCAL enable_bitmapscan = off")
            row = await fetch_one(db, CLAIM_ABANDONED, self.epoch, skipped)
            if row is not None:
                await _take_intent(db, row["place"], self.epoch)
            else:
                row = await fetch_one(db, CLAIM_FREE, self.epoch, list(states), self.run, skipped)
            return None if row is None else await queries.read_job(db, row["place"])

        return await self._member.database.do(work)

    async def list_due(self, states: Sequence[str], most: int) -> List[Tuple[int, str]]:
        """
        Return the place and state of jobs that are free, and that were not deferred in the last two times of a lease.

        An engine gets a task for each. A task that the engine forgets is due again after that time.
        """
        again_after = DUE_AGAIN * self._member.lease

        async def work(db: Connection, _: bool) -> List[Tuple[int, str]]:
            await execute(db, "SET LOCAL enable_bitmapscan = off")
            rows = await fetch_all(db, LIST_DUE, list(states), again_after, most)
            return [(row["place"], row["state"]) for row in rows]

        return await self._member.database.do(work)

    async def note_deferred(self, places: Sequence[int]) -> None:
        """Note that an engine has tasks for these jobs. Call it afterwards: until then, they stay due."""

        async def work(db: Connection, _: bool) -> None:
            await execute(
                db, "UPDATE bluma_jobs SET deferred_at = clock_timestamp() WHERE place = ANY(%s)", list(places)
            )

        await self._member.database.do(work)

    async def take_turn(self, name: str, seconds: float) -> bool:
        """Return whether this process does a piece of periodic work now; nobody does it again for so many seconds."""

        async def work(db: Connection, _: bool) -> bool:
            statement = (
                "INSERT INTO bluma_leases (name, epoch, ends_at) VALUES (%s, %s, clock_timestamp() + %s * interval "
                "'1 second') ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, ends_at = excluded.ends_at "
                "WHERE bluma_leases.ends_at <= clock_timestamp()"
            )
            return await execute(db, statement, f"turn {name}", self.epoch, seconds) > 0

        return await self._member.database.do(work)

    async def postpone(self, name: str, seconds: float) -> None:
        """Let the next turn of periodic work, if this process still has the turn, be so many seconds from now."""

        async def work(db: Connection, _: bool) -> None:
            ends = "clock_timestamp() + %s * interval '1 second'"
            statement = f"UPDATE bluma_leases SET ends_at = {ends} WHERE name = %s AND epoch = %s"  # noqa: S608 - a constant
            await execute(db, statement, seconds, f"turn {name}", self.epoch)

        await self._member.database.do(work)

    async def free(self) -> None:
        """Free the jobs of processes whose lease has ended."""
        await self._member.renew()

    async def claim_one(self, place: int) -> StoredJob | None:
        """Claim a job that nobody holds; None if another process holds it."""

        async def work(db: Connection, _: bool) -> StoredJob | None:
            await self._member.revive(db)
            statement = (
                "UPDATE bluma_jobs SET holder = %s WHERE place = %s AND state <> 'creating' AND (holder IS NULL "
                "OR holder = %s OR holder IN (SELECT epoch FROM bluma_workers WHERE ends_at < clock_timestamp()))"
            )
            if not await execute(db, statement, self.epoch, place, self.epoch):
                return None
            return await queries.read_job(db, place)

        return await self._member.database.do(work)

    async def give_back(self, place: int) -> None:
        """Let other processes claim a job. One whose create is open stays with this process."""

        async def work(db: Connection, _: bool) -> None:
            statement = "UPDATE bluma_jobs SET holder = NULL WHERE place = %s AND holder = %s AND state <> 'creating'"
            await execute(db, statement, place, self.epoch)

        await self._member.database.do(work)

    async def abandon(self, place: int) -> None:
        """Let other processes settle an open create of this one, as if this one had died."""

        async def work(db: Connection, _: bool) -> None:
            statement = "UPDATE bluma_jobs SET holder = NULL WHERE place = %s AND holder = %s"
            await execute(db, statement, place, self.epoch)

        await self._member.database.do(work)

    async def postpone_settling(self, place: int, seconds: float) -> None:
        """Let nobody settle an open create for a while: its video cannot be searched for now."""

        async def work(db: Connection, _: bool) -> None:
            later = "%s + extract(epoch FROM clock_timestamp() - sent_at)"
            statement = f"UPDATE bluma_intents SET settles_after = {later} WHERE place = %s AND outcome IS NULL"  # noqa: S608 - a constant
            await execute(db, statement, seconds, place)

        await self._member.database.do(work)

    async def is_over(self, states: Sequence[str], except_for: Collection[int]) -> bool:
        """Return whether no job of this run is left to work on that this process does not hold."""

        async def work(db: Connection, _: bool) -> bool:
            query = (
                "SELECT 1 FROM bluma_jobs WHERE state = ANY(%s) AND run >= %s AND place <> ALL(%s) "
                "AND (holder IS NULL OR holder <> %s) LIMIT 1"
            )
            return await fetch_one(db, query, [*states, "creating"], self.run, list(except_for), self.epoch) is None

        return await self._member.database.do(work)

    async def touch(self, request_key: str) -> bool:
        """Note that the request of an open intent is about to be sent; False if the intent is not this process's."""

        async def work(db: Connection, _: bool) -> bool:
            statement = (
                "UPDATE bluma_intents SET sent_at = clock_timestamp() "
                "WHERE request_key = %s AND epoch = %s AND outcome IS NULL"
            )
            return await execute(db, statement, request_key, self.epoch) > 0

        return await self._member.database.do(work)

    async def explain(self, video_ids: Sequence[str], request_key: str) -> Explained:
        """Return what all processes know about these videos, and whether an open create is still this process's."""
        epoch = self.epoch
        return await self._member.database.do(lambda db, _: explain(db, video_ids, request_key, request_key, epoch))

    async def is_anothers(self, video_id: str, request_key: str) -> bool:
        """Return whether the video that answers a create of this process is another create's (see `VideoOwner`)."""
        owner = await self._member.database.do(lambda db, _: find_owner(db, video_id, request_key, self.epoch))
        return owner.is_anothers

    async def read_limit(self) -> float | None:
        """Return the credit limit that the processes have agreed on; None if there is none."""

        async def work(db: Connection, _: bool) -> float | None:
            account = await queries.read_account(db)
            row = await fetch_one(db, "SELECT max_credits FROM bluma_accounts WHERE id = %s", account)
            return None if row is None else row["max_credits"]

        return await self._member.database.do(work)

    async def find_stray(self, request_key: str) -> str | None:
        """Return the video that a frozen process has recorded for a create after it had lost the job."""
        return await self._member.database.do(lambda db, _: find_stray(db, request_key))

    async def pause(self, seconds: float) -> None:
        """Wait before the next claim."""
        await asyncio.sleep(seconds)

    def limit_retries(self, seconds: float) -> None:
        """Retry a lost connection for at most so many seconds from now, in all calls together: this process ends."""
        self._member.database.limit_retries(seconds)


async def _take_intent(db: Connection, place: int, epoch: int) -> None:
    """Make an abandoned intent this process's own: the process that left it sends nothing for it any more."""
    await execute(db, "UPDATE bluma_intents SET epoch = %s WHERE place = %s AND outcome IS NULL", epoch, place)
