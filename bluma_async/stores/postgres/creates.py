"""
The creates that processes make without a journal, in PostgreSQL: their intents, turns and outcomes.

Rule 1: an intent is recorded before the request is sent, under a lock of the account: one create of a template at a
time is open, in all processes and journals together. One whose template is unknown excludes all others.
Rule 2: an intent of a process that is dead, or has left it, is claimed only when a search can settle it:
`settles_after` seconds after the last announcement of an attempt, by the database's clock. A living process loses one
that it has neither announced nor recorded for minutes: its next announcement finds that.
Rule 3: the answer to a create is recorded even if another process has claimed the intent meanwhile. If the video is
another create's, it is not recorded, and the intent stays open. A second video of one intent is a stray.
Rule 4: a key (`name`) has one intent. Its content can change only while nothing was made for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Awaitable, Callable, List, Sequence, TypeVar

from bluma_async.stores.creates import AccountRecord, CreateTurn, LostCreate, TurnKind
from bluma_async.stores.jobs import Conflict, ConflictKind
from bluma_async.stores.postgres import intents, queries
from bluma_async.stores.postgres.accounts import write_account
from bluma_async.stores.postgres.claims import PostgresSharing
from bluma_async.stores.postgres.explaining import explain
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.stores.postgres.owners import build_stray_key, find_owner, lock_video
from bluma_async.stores.postgres.rows import execute, fetch_all, fetch_one
from bluma_async.stores.postgres.turns import CreateTurns
from bluma_async.types._model import utc_now

if TYPE_CHECKING:
    from bluma_async._wire.certainty import Explained
    from bluma_async.stores.creates import SharedCreates, WantedCreate
    from bluma_async.stores.jobs import Outcome
    from bluma_async.stores.ports import JobStore
    from bluma_async.stores.postgres.member import Member
    from bluma_async.stores.postgres.rows import Connection, Row

__all__ = ["PostgresCreates", "find_creates"]

T = TypeVar("T")
PAUSE = 30.0  # seconds before an open create is searched for again, if its outcome was refused
MADE = (  # the charge is known to the process that got the answer; a search may find the video earlier or later
    "UPDATE bluma_intents SET outcome = 'billed', video_id = %s, candidates = '{}', "
    "charged = greatest(charged, %s) WHERE id = %s"
)
LEAVE = "UPDATE bluma_intents SET epoch = 0 WHERE id = %s AND epoch = %s AND outcome IS NULL"


class PostgresCreates:
    """The `SharedCreates` of a database."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._turns = CreateTurns(member)
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
            account = await self._lock_account(db)
            if is_repeated and (lost := await self._turns.find_claimed(db, claimed)):
                return CreateTurn(TurnKind.LOST, lost.number, lost)
            if is_repeated and (begun := await self._turns.find_begun(db, wanted)):
                return CreateTurn(TurnKind.BEGUN, begun)
            own = await self._turns.find_own(db, account, wanted)
            judged = None if own is None else await self._turns.judge_own(db, own, wanted)
            turn = judged or await self._turns.take_turn(db, account, wanted, own)
            claimed.extend(filter(None, [turn.lost]))
            return turn

        claimed: List[LostCreate] = []
        return await self._member.database.do(work)

    async def look_up(self, wanted: WantedCreate) -> CreateTurn:
        """Return the video of a key (made), or that it belongs to another content; busy for everything else."""

        async def work(db: Connection) -> CreateTurn:
            own = await self._turns.find_own(db, await queries.read_account(db), wanted)
            is_decided = own is not None and own["outcome"] is not None
            turn = await self._turns.judge_own(db, own, wanted) if own is not None and is_decided else None
            return turn or CreateTurn(TurnKind.BUSY)

        return await self._do(work)

    async def touch(self, number: int) -> bool:
        """Note that a create is about to be sent; False if its intent is settled, or belongs to another process."""

        async def work(db: Connection) -> bool:
            mine = "UPDATE bluma_intents SET sent_at = clock_timestamp() WHERE id = %s AND epoch = %s"
            return await execute(db, f"{mine} AND outcome IS NULL", number, self._member.epoch) > 0

        return await self._do(work)

    async def bill(self, number: int, video_id: str, charged: int) -> bool:
        """Record the video that a create became, unless another process has; False if it is another create's."""

        async def work(db: Connection) -> Row | bool:
            row = await fetch_one(db, f"{intents.SELECT} WHERE id = %s FOR UPDATE OF i", number)
            if row is None or row["place"] is not None:
                return row or True
            await lock_video(db, video_id)
            if (await find_owner(db, video_id, number, 0)).is_billed:  # the answer was believed without a comparison
                await execute(db, LEAVE, number, self._member.epoch)
                return False
            if row["outcome"] == "billed" and row["video_id"] != video_id:
                stray = "INSERT INTO bluma_strays (request_key, video_id, charged, epoch) VALUES (%s, %s, %s, %s)"
                await execute(db, stray, build_stray_key(number), video_id, charged, self._member.epoch)
            else:
                await execute(db, MADE, video_id, charged, number)
            return True

        job = await self._do(work)
        if isinstance(job, bool):
            return job
        key, place = job["request_key"], job["place"]
        billed = await self._jobs.bill(place, video_id, charged, request_key=key, note="found again")
        await self._hand_back(place, billed)
        return not isinstance(billed, Conflict)

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
            own = await self._turns.find_own(db, account, wanted)
            return video_id if own is None else own["video_id"]

        return await self._do(work)

    async def release(self, number: int, request_key: str | None = None) -> None:
        """Record that a create was certainly not accepted; of this attempt alone, if its `Idempotency-Key` is given."""
        place = await self._end(number, "released", (), is_accepted=False, request_key=request_key)
        if place is not None:
            outcome = await self._jobs.release(place, "it was not accepted")
            if isinstance(outcome, Conflict) and outcome.kind is ConflictKind.WAS_MADE:  # its charge follows
                outcome = await self._jobs.bill(place, outcome.other, 0, request_key=None, note="found again")
            await self._hand_back(place, outcome)

    async def doubt(
        self, number: int, candidates: Sequence[str], *, is_accepted: bool, request_key: str | None = None
    ) -> None:
        """Record that a create may have become one of these videos, or was accepted and has an unknown video."""
        place = await self._end(number, "doubt", candidates, is_accepted=is_accepted, request_key=request_key)
        if place is not None:
            reason = "Its create was interrupted, and its video is not known."
            await self._hand_back(place, await self._jobs.doubt(place, candidates, reason))

    async def note_accepted(self, number: int, request_key: str) -> None:
        """Note that an open attempt certainly was accepted, although its video is not known: it stays open."""
        mine = "id = %s AND request_key = %s AND outcome IS NULL"
        statement = f"UPDATE bluma_intents SET is_accepted = true WHERE {mine}"  # noqa: S608 - a constant
        await self._do(lambda db: execute(db, statement, number, request_key))

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
        stray_key = "" if number is None else build_stray_key(number)
        return await self._do(lambda db: intents.find_made(db, number, stray_key, request_key))

    async def is_anothers(self, video_id: str, number: int | None) -> bool:
        """Return whether the video that answers a create of this process is another create's (see `VideoOwner`)."""
        owner = await self._do(lambda db: find_owner(db, video_id, number or 0, self._member.epoch))
        return owner.is_anothers

    async def is_released(self, number: int, request_key: str) -> bool:
        """Return whether an attempt was certainly not accepted: its intent is released, or has another attempt now."""
        query = "SELECT 1 FROM bluma_intents WHERE id = %s AND (outcome = 'released' OR request_key <> %s)"
        row = await self._do(lambda db: fetch_one(db, query, number, request_key))
        return row is not None and await self.find_video(number, request_key) is None

    async def list_settled(self, numbers: Sequence[int]) -> Sequence[int]:
        """Return those of these intents that have a video, or certainly were not accepted, as any process found."""
        query = "SELECT id FROM bluma_intents WHERE id = ANY(%s) AND outcome IN ('billed', 'released')"
        return [row["id"] for row in await self._do(lambda db: fetch_all(db, query, list(numbers)))]

    async def claim_lost(self) -> LostCreate | None:
        """Claim an open create without a job that no living process works on, as soon as a search can settle it."""

        async def work(db: Connection, is_repeated: bool) -> LostCreate | None:
            if is_repeated and (again := await self._turns.find_claimed(db, claimed)):
                return again
            query = (
                f"WHERE outcome IS NULL AND place IS NULL AND {intents.LEFT} AND {intents.RIPE} ORDER BY id LIMIT 1 "
            )
            row = await fetch_one(db, f"{intents.SELECT} {query} FOR UPDATE OF i SKIP LOCKED")
            lost = None if row is None else await self._turns.claim(db, row)
            claimed.extend(filter(None, [lost]))
            return lost

        claimed: List[LostCreate] = []
        return await self._member.database.do(work)

    async def read_preset(self, template_id: str) -> str | None:
        """Return the variant that only the jobs of the journal are created from."""
        return await self._jobs.read_preset(template_id)

    async def explain(self, video_ids: Sequence[str], request_key: str, number: int | None) -> Explained:
        """Return what all processes know about these videos, and whether an open create is still this process's."""
        epoch, own = self._member.epoch, request_key if number is None else number
        return await self._do(lambda db: explain(db, video_ids, own, request_key, epoch))

    async def _lock_account(self, db: Connection) -> int:
        """Let nobody else begin a create until the end of the transaction, and return the number of the account."""
        account = await queries.read_account(db)
        await fetch_one(db, "SELECT 1 AS locked FROM bluma_accounts WHERE id = %s FOR UPDATE", account)
        return account

    async def _end(
        self, number: int, outcome: str, candidates: Sequence[str], *, is_accepted: bool, request_key: str | None
    ) -> int | None:
        """End an intent of this process, and return the job that it belongs to: that has verbs of its own."""

        async def work(db: Connection) -> int | None:
            # One that was left (0), and that nobody has claimed, may still be ended by the process that left it.
            mine = "WHERE id = %s AND epoch = ANY(%s) AND outcome IS NULL AND request_key = coalesce(%s, request_key)"
            given = (number, [self._member.epoch, 0], request_key)
            row = await fetch_one(db, f"SELECT place FROM bluma_intents {mine} FOR UPDATE", *given)  # noqa: S608 - a constant
            if row is not None and row["place"] is None:
                names = "outcome = %s, candidates = %s, is_accepted = is_accepted OR %s"
                ended = f"UPDATE bluma_intents SET {names} {mine}"  # noqa: S608 - constants
                await execute(db, ended, outcome, list(candidates), is_accepted, *given)
            return None if row is None else row["place"]

        return await self._do(work)

    async def _hand_back(self, place: int, outcome: Outcome) -> None:
        """Let other processes work on a job; one whose create stays open is settled later, by any process."""
        if isinstance(outcome, Conflict):
            await self._sharing.postpone_settling(place, PAUSE)
            await self._sharing.abandon(place)
        else:
            await self._sharing.give_back(place)

    async def _do(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        return await self._member.database.do(lambda db, _: work(db))


def find_creates(store: JobStore) -> SharedCreates | None:
    """Return the creates without a journal in the database of a store; None if it shares none."""
    return PostgresCreates(store.member) if isinstance(store, PostgresJobStore) and store.member is not None else None
