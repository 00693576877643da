"""
The creates that processes make without a journal, in PostgreSQL: their intents, turns and outcomes.

Rule 1: an intent is recorded before the request is sent, under a lock of the account: one create of a template at a
time is open, in all processes and journals together. One whose template is unknown excludes all others.
Rule 2: an intent of a process that is dead, or has left it, is claimed only when a search can settle it:
`settles_after` seconds after the last announcement of an attempt, by the database's clock. A living process loses one
that it has neither announced nor recorded for minutes: its next announcement finds that.
Rule 3: the answer to a create counts whoever works on its intent by then. A second video of one intent is a stray.
Rule 4: a key (`name`) has one intent. Its content can change only while nothing was made for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Awaitable, Callable, List, Sequence, TypeVar

from bluma_async.stores import postgres_queries as queries
from bluma_async.stores.creates import AccountRecord, CreateTurn, LostCreate, TurnKind
from bluma_async.stores.jobs import Conflict, ConflictKind
from bluma_async.stores.postgres_accounts import write_account
from bluma_async.stores.postgres_claims import PostgresSharing
from bluma_async.stores.postgres_intents import BEGIN, BEGIN_AGAIN, CLAIM, LEFT, OWNER, RIPE, RIVAL, SELECT, find_made
from bluma_async.stores.postgres_jobs import PostgresJobStore
from bluma_async.stores.postgres_rows import execute, fetch_all, fetch_one
from bluma_async.types._model import utc_now

if TYPE_CHECKING:
    from bluma_async.stores.creates import SharedCreates, WantedCreate
    from bluma_async.stores.jobs import Explained
    from bluma_async.stores.ports import JobStore
    from bluma_async.stores.postgres_member import Member
    from bluma_async.stores.postgres_rows import Connection, Row

__all__ = ["PostgresCreates", "find_creates"]

T = TypeVar("T")


class PostgresCreates:
    """The `SharedCreates` of a database."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._sharing = PostgresSharing(member)
        self._jobs = PostgresJobStore(member.database, member, utc_now)

    async def read_account(self, fingerprint: str) -> AccountRecord:
        """Return what is known about the account of the database, and about a key."""

        async def work(db: Connection) -> AccountRecord:
            number = await queries.read_account(db)
            row = await fetch_one(db, "SELECT account FROM bluma_keys WHERE fingerprint = %s", fingerprint)
            newest = await queries.read_recent_videos(db, 1)
            is_known = row is not None and number > 0 and row["account"] == number
            return AccountRecord(is_known, newest[0] if newest else None)

        return await self._do(work)

    async def write_account(self, fingerprint: str) -> None:
        """Record that a key belongs to the account of the database."""
        await self._do(lambda db: write_account(db, fingerprint))

    async def begin(self, wanted: WantedCreate) -> CreateTurn:
        """Record the intent of a create if it has its turn, and return what it may do."""

        async def work(db: Connection, is_repeated: bool) -> CreateTurn:
            account = await queries.read_account(db)
            await fetch_one(db, "SELECT 1 AS locked FROM bluma_accounts WHERE id = %s FOR UPDATE", account)
            if is_repeated and (lost := await self._find_claimed(db, claimed)):
                return CreateTurn(TurnKind.LOST, lost.number, lost)
            if is_repeated and (begun := await self._find_begun(db, wanted)):
                return CreateTurn(TurnKind.BEGUN, begun)
            own = await self._find_own(db, account, wanted)
            judged = None if own is None else await self._judge_own(db, own, wanted)
            turn = judged or await self._take_turn(db, account, wanted, own)
            claimed.extend(filter(None, [turn.lost]))
            return turn

        claimed: List[LostCreate] = []
        return await self._member.database.do(work)

    async def look_up(self, wanted: WantedCreate) -> CreateTurn:
        """Return the video of a key (made), or that it belongs to another content; busy for everything else."""

        async def work(db: Connection) -> CreateTurn:
            own = await self._find_own(db, await queries.read_account(db), wanted)
            is_decided = own is not None and own["outcome"] is not None
            turn = await self._judge_own(db, own, wanted) if own is not None and is_decided else None
            return turn or CreateTurn(TurnKind.BUSY)

        return await self._do(work)

    async def touch(self, number: int) -> bool:
        """Note that a create is about to be sent; False if its intent is settled, or belongs to another process."""

        async def work(db: Connection) -> bool:
            mine = "UPDATE bluma_intents SET sent_at = clock_timestamp() WHERE id = %s AND epoch = %s"
            return await execute(db, f"{mine} AND outcome IS NULL", number, self._member.epoch) > 0

        return await self._do(work)

    async def bill(self, number: int, video_id: str, charged: int) -> None:
        """Record the video that a create became, unless another process has recorded it."""

        async def work(db: Connection) -> Row | None:
            row = await fetch_one(db, f"{SELECT} WHERE id = %s FOR UPDATE OF i", number)
            if row is None or row["place"] is not None:
                return row
            if row["outcome"] in {None, "doubt"}:
                made = "UPDATE bluma_intents SET outcome = 'billed', video_id = %s, candidates = '{}' WHERE id = %s"
                await execute(db, made, video_id, number)
            elif row["video_id"] != video_id:
                stray = "INSERT INTO bluma_strays (request_key, video_id, charged, epoch) VALUES (%s, %s, %s, %s)"
                await execute(db, stray, _stray_key(number), video_id, charged, self._member.epoch)
            return None

        job = await self._do(work)
        if job is not None:
            key, note = job["request_key"], "found again"
            await self._jobs.bill(job["place"], video_id, charged, request_key=key, note=note)
            await self._sharing.give_back(job["place"])

    async def name_video(self, wanted: WantedCreate, video_id: str) -> str | None:
        """Record a video that was bought before as that of a key; return the key's video; None if it is not known."""

        async def work(db: Connection) -> str | None:
            account = await queries.read_account(db)
            values = (account, wanted.template_id, wanted.request_key, wanted.name, wanted.content)
            columns = "account,template_id,request_key,name,content,epoch,made_by,settles_after,outcome,video_id"
            statement = (
                f"INSERT INTO bluma_intents AS i ({columns}) VALUES (%s, %s, %s, %s, %s, %s, %s, 0, 'billed', %s) "  # noqa: S608 - constants
                "ON CONFLICT (account, name) WHERE name IS NOT NULL DO UPDATE SET video_id = excluded.video_id, "
                "content = excluded.content, outcome = 'billed' WHERE i.outcome = 'released'"
            )
            await execute(db, statement, *values, self._member.epoch, self._member.epoch, video_id)
            own = await self._find_own(db, account, wanted)
            return video_id if own is None else own["video_id"]

        return await self._do(work)

    async def release(self, number: int) -> None:
        """Record that a create was certainly not accepted."""
        place = await self._end(number, "released", (), is_accepted=False)
        if place is not None:
            outcome = await self._jobs.release(place, "it was not accepted")
            if isinstance(outcome, Conflict) and outcome.kind is ConflictKind.WAS_MADE:  # its charge follows
                await self._jobs.bill(place, outcome.other, 0, request_key=None, note="found again")
            await self._sharing.give_back(place)

    async def doubt(self, number: int, candidates: Sequence[str], *, is_accepted: bool) -> None:
        """Record that a create may have become one of these videos, or was accepted and has an unknown video."""
        place = await self._end(number, "doubt", candidates, is_accepted=is_accepted)
        if place is not None:
            await self._jobs.doubt(place, candidates, "Its create was interrupted, and its video is not known.")
            await self._sharing.give_back(place)

    async def abandon(self, number: int, pause: float = 0.0) -> None:
        """Leave an open create to every process, which may settle it when it is old enough, and after a pause."""

        async def work(db: Connection) -> int | None:
            later = "greatest(settles_after, extract(epoch FROM clock_timestamp() - sent_at) + %s)"
            mine = "WHERE id = %s AND epoch = %s AND outcome IS NULL RETURNING place"
            statement = f"UPDATE bluma_intents SET epoch = 0, settles_after = {later} {mine}"  # noqa: S608 - constants
            row = await fetch_one(db, statement, pause or -1e9, number, self._member.epoch)
            return None if row is None else row["place"]

        place = await self._do(work)
        if place is not None:
            await self._sharing.abandon(place)

    async def find_video(self, number: int | None, request_key: str) -> str | None:
        """Return the recorded video of a create, by the number of its intent, or else by its `Idempotency-Key`."""
        stray_key = "" if number is None else _stray_key(number)
        return await self._do(lambda db: find_made(db, number, stray_key, request_key))

    async def list_settled(self, numbers: Sequence[int]) -> Sequence[int]:
        """Return those of these intents that have a video, or certainly were not accepted, whoever found that."""
        query = "SELECT id FROM bluma_intents WHERE id = ANY(%s) AND outcome IN ('billed', 'released')"
        return [row["id"] for row in await self._do(lambda db: fetch_all(db, query, list(numbers)))]

    async def claim_lost(self) -> LostCreate | None:
        """Claim an open create without a job that no living process works on, as soon as a search can settle it."""

        async def work(db: Connection, is_repeated: bool) -> LostCreate | None:
            if is_repeated and (again := await self._find_claimed(db, claimed)):
                return again
            query = f"WHERE outcome IS NULL AND place IS NULL AND {LEFT} AND {RIPE} ORDER BY id LIMIT 1 "
            row = await fetch_one(db, f"{SELECT} {query} FOR UPDATE OF i SKIP LOCKED")
            lost = None if row is None else await self._claim(db, row)
            claimed.extend(filter(None, [lost]))
            return lost

        claimed: List[LostCreate] = []
        return await self._member.database.do(work)

    async def read_preset(self, template_id: str) -> str | None:
        """Return the variant that only the jobs of the journal are created from."""
        return await self._jobs.read_preset(template_id)

    async def explain(self, video_ids: Sequence[str], request_key: str) -> Explained:
        """Return what all processes know about these videos, and whether an open create is still this process's."""
        return await self._sharing.explain(video_ids, request_key)

    async def _find_begun(self, db: Connection, wanted: WantedCreate) -> int:
        """Return the number of the intent that a transaction whose answer was lost has recorded; 0 if it has not."""
        own = "WHERE request_key = %s AND epoch = %s AND outcome IS NULL AND template_id IS NOT DISTINCT FROM %s"
        row = await fetch_one(db, SELECT + own, wanted.request_key, self._member.epoch, wanted.template_id)
        return 0 if row is None else int(row["id"])

    async def _find_claimed(self, db: Connection, claimed: Sequence[LostCreate]) -> LostCreate | None:
        """Return the create that a transaction whose answer was lost has claimed; None if it has not."""
        mine, numbers = f"WHERE id = ANY(%s) AND {OWNER} = %s AND outcome IS NULL", [lost.number for lost in claimed]
        row = await fetch_one(db, SELECT + mine, numbers, self._member.epoch)
        return None if row is None else next(lost for lost in claimed if lost.number == row["id"])

    async def _find_own(self, db: Connection, account: int, wanted: WantedCreate) -> Row | None:
        """Return the earlier intent of the same create."""
        if wanted.name is not None:
            return await fetch_one(
                db, f"{SELECT} WHERE account = %s AND name = %s FOR UPDATE OF i", account, wanted.name
            )
        return await fetch_one(db, f"{SELECT} WHERE id = %s FOR UPDATE OF i", wanted.number or 0)

    async def _judge_own(self, db: Connection, own: Row, wanted: WantedCreate) -> CreateTurn | None:
        """Return what an earlier intent of the same create decides; None if the create needs a turn."""
        if own["outcome"] == "released":
            return None
        if own["content"] != wanted.content:
            return CreateTurn(TurnKind.OTHER_CONTENT, own["id"])
        if own["outcome"] == "billed":
            return CreateTurn(TurnKind.MADE, own["id"], video_id=own["video_id"], age=own["age"])
        if own["outcome"] is None:
            return await self._take_over(db, own)
        return None

    async def _take_turn(self, db: Connection, account: int, wanted: WantedCreate, own: Row | None) -> CreateTurn:
        template, number = wanted.template_id, 0 if own is None else own["id"]
        rival = await fetch_one(
            db, f"{SELECT} {RIVAL} template_id = %s) ORDER BY id LIMIT 1", account, number, template, template
        )
        if rival is not None:
            return await self._take_over(db, rival)
        if own is not None and own["outcome"] == "doubt":
            lost = await self._claim(db, own)
            return CreateTurn(TurnKind.BUSY) if lost is None else CreateTurn(TurnKind.LOST, number, lost)
        values = (account, template, wanted.request_key, wanted.name, wanted.content, self._member.epoch)
        more = (self._member.epoch, wanted.started_at, wanted.settles_after)
        statement, last = (BEGIN, ()) if own is None else (BEGIN_AGAIN, (number,))
        row: Any = await fetch_one(db, statement, *values, *more, *last)
        return CreateTurn(TurnKind.BEGUN, row["id"])

    async def _take_over(self, db: Connection, row: Row) -> CreateTurn:
        """Claim an open create that a search can settle; otherwise it is waited for."""
        lost = await self._claim(db, row) if row["is_lost"] else None
        return CreateTurn(TurnKind.BUSY) if lost is None else CreateTurn(TurnKind.LOST, lost.number, lost)

    async def _claim(self, db: Connection, row: Row) -> LostCreate | None:
        """Make an open create this process's own; None if another process is about to do that with its job."""
        if row["place"] is not None:
            job = "SELECT place FROM bluma_jobs WHERE place = %s AND state = 'creating' FOR UPDATE SKIP LOCKED"
            if await fetch_one(db, job, row["place"]) is None:
                return None
            await execute(db, "UPDATE bluma_jobs SET holder = %s WHERE place = %s", self._member.epoch, row["place"])
        await execute(db, CLAIM, self._member.epoch, row["id"])
        names = ("request_key", "template_id", "started_at", "is_accepted", "place", "name")
        return LostCreate(row["id"], **{name: row[name] for name in names})

    async def _end(self, number: int, outcome: str, candidates: Sequence[str], *, is_accepted: bool) -> int | None:
        """End an intent of this process, and return the job that it belongs to: that has verbs of its own."""

        async def work(db: Connection) -> int | None:
            # One that was left (0), and that nobody has claimed, may still be ended by the process that left it.
            mine, epochs = "WHERE id = %s AND epoch = ANY(%s) AND outcome IS NULL", [self._member.epoch, 0]
            row = await fetch_one(db, f"SELECT place FROM bluma_intents {mine} FOR UPDATE", number, epochs)  # noqa: S608 - a constant
            if row is not None and row["place"] is None:
                ended = f"UPDATE bluma_intents SET outcome = %s, candidates = %s, is_accepted = %s {mine}"  # noqa: S608 - a constant
                await execute(db, ended, outcome, list(candidates), is_accepted, number, epochs)
            return None if row is None else row["place"]

        return await self._do(work)

    async def _do(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        return await self._member.database.do(lambda db, _: work(db))


def find_creates(store: JobStore) -> SharedCreates | None:
    """Return the creates without a journal in the database of a store; None if it shares none."""
    return PostgresCreates(store.member) if isinstance(store, PostgresJobStore) and store.member is not None else None


def _stray_key(number: int) -> str:
    """Return what stands for the `Idempotency-Key` of a create without a journal, which callers may use twice."""
    return f"create {number}"
