"""
The turns of the creates that processes make without a journal: who may send, who waits, and who settles what first.

Every method runs in the caller's transaction, under the lock of the account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

import attrs

from bluma_async.stores.creates import CreateTurn, LostCreate, TurnKind
from bluma_async.stores.postgres import intents
from bluma_async.stores.postgres.rows import execute, fetch_one

if TYPE_CHECKING:
    from bluma_async.stores.creates import WantedCreate
    from bluma_async.stores.postgres.member import Member
    from bluma_async.stores.postgres.rows import Connection, Row

__all__ = ["CreateTurns"]


@attrs.frozen
class CreateTurns:
    """The turns, as one process sees them."""

    member: Member

    async def find_begun(self, db: Connection, wanted: WantedCreate) -> int:
        """Return the number of the intent that a transaction whose answer was lost has recorded; 0 if it has not."""
        own = "WHERE request_key = %s AND epoch = %s AND outcome IS NULL AND template_id IS NOT DISTINCT FROM %s"
        row = await fetch_one(db, intents.SELECT + own, wanted.request_key, self.member.epoch, wanted.template_id)
        return 0 if row is None else int(row["id"])

    async def find_claimed(self, db: Connection, claimed: Sequence[LostCreate]) -> LostCreate | None:
        """Return the create that a transaction whose answer was lost has claimed; None if it has not."""
        mine = f"WHERE id = ANY(%s) AND {intents.OWNER} = %s AND outcome IS NULL"
        row = await fetch_one(db, intents.SELECT + mine, [lost.number for lost in claimed], self.member.epoch)
        return None if row is None else next(lost for lost in claimed if lost.number == row["id"])

    async def find_own(self, db: Connection, account: int, wanted: WantedCreate) -> Row | None:
        """Return the earlier intent of the same create."""
        if wanted.name is not None:
            return await fetch_one(
                db, f"{intents.SELECT} WHERE account = %s AND name = %s FOR UPDATE OF i", account, wanted.name
            )
        return await fetch_one(db, f"{intents.SELECT} WHERE id = %s FOR UPDATE OF i", wanted.number or 0)

    async def judge_own(self, db: Connection, own: Row, wanted: WantedCreate) -> CreateTurn | None:
        """Return what an earlier intent of the same create decides; None if the create needs a turn."""
        if own["outcome"] == "released":
            return None
        if own["content"] != wanted.content:
            return CreateTurn(TurnKind.OTHER_CONTENT, own["id"])
        if own["outcome"] == "billed":
            return CreateTurn(TurnKind.MADE, own["id"], video_id=own["video_id"], age=own["age"])
        if own["outcome"] is None:
            return await self.take_over(db, own)
        return None

    async def take_turn(self, db: Connection, account: int, wanted: WantedCreate, own: Row | None) -> CreateTurn:
        """Begin a create, or return why it cannot begin now."""
        template, number = wanted.template_id, 0 if own is None else own["id"]
        rival = await fetch_one(db, intents.SELECT + intents.RIVAL, account, number, template, template)
        if rival is not None:
            return await self.take_over(db, rival)
        if own is not None and own["outcome"] == "doubt":
            lost = await self.claim(db, own)
            return CreateTurn(TurnKind.BUSY) if lost is None else CreateTurn(TurnKind.LOST, number, lost)
        values = (account, template, wanted.request_key, wanted.name, wanted.content, self.member.epoch)
        more = (self.member.epoch, wanted.started_at, wanted.settles_after)
        statement, last = (intents.BEGIN, ()) if own is None else (intents.BEGIN_AGAIN, (number,))
        row: Any = await fetch_one(db, statement, *values, *more, *last)
        return CreateTurn(TurnKind.BEGUN, row["id"])

    async def take_over(self, db: Connection, row: Row) -> CreateTurn:
        """Claim an open create that a search can settle; otherwise it is waited for."""
        lost = await self.claim(db, row) if row["is_lost"] else None
        return CreateTurn(TurnKind.BUSY) if lost is None else CreateTurn(TurnKind.LOST, lost.number, lost)

    async def claim(self, db: Connection, row: Row) -> LostCreate | None:
        """Make an open create this process's own; None if another process is about to do that with its job."""
        if row["place"] is not None:
            job = "SELECT place FROM bluma_jobs WHERE place = %s AND state = 'creating' FOR UPDATE SKIP LOCKED"
            if await fetch_one(db, job, row["place"]) is None:
                return None
            await execute(db, "UPDATE bluma_jobs SET holder = %s WHERE place = %s", self.member.epoch, row["place"])
        await execute(db, intents.CLAIM, self.member.epoch, row["id"])
        names = ("request_key", "template_id", "started_at", "is_accepted", "place", "name")
        return LostCreate(row["id"], **{name: row[name] for name in names})
