"""
Write the changes of verbs to PostgreSQL: the job, its history, the ledger and its intent, in one transaction.

Rule 1: only the process that holds a job moves it (`holders.py`).
Rule 2: an intent gets its turn, and its price, under a lock of its account. A unique index allows one open intent for
each account and template; the lock also keeps creates from variants, whose template is unknown, alone.
Rule 3: the sum of the ledger is kept with the account: a credit limit is checked without reading all bills.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import attrs

from bluma_async.stores.holders import ENDS_INTENT, exceeds_limit, is_done, is_foreign, is_stray
from bluma_async.stores.jobs import Conflict, ConflictKind
from bluma_async.stores.postgres import queries
from bluma_async.stores.postgres.database import RollbackWith
from bluma_async.stores.postgres.owners import find_owner, find_stray, lock_video
from bluma_async.stores.postgres.rows import execute, fetch_one
from bluma_async.stores.sharing import VideoOwner
from bluma_async.stores.states import JobState, Verb
from bluma_async.stores.transitions import REPLAN, build_fields, check_change, find_again

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async.stores.jobs import Intent, Outcome, StoredJob
    from bluma_async.stores.postgres.rows import Connection
    from bluma_async.stores.transitions import Change

__all__ = ["Writer", "hold_turn", "move_job", "replan_job", "write_change"]

CHANGED = "SELECT pg_notify('bluma', %s)"


@attrs.frozen
class Writer:
    """The process that writes: its epoch and its clock."""

    epoch: int
    now: Callable[[], datetime]


async def move_job(db: Connection, writer: Writer, place: int, change: Change, *, is_repeated: bool) -> Outcome:
    """Apply a change to a job, or return why it is refused."""
    job = await queries.read_job(db, place, locks=True)
    if is_repeated and job is not None and is_done(job, change):
        return job  # the connection was lost after the commit
    owner = await _find_owner(db, job, change)
    outcome = check_change(change, job, is_billed=owner.is_billed)
    if job is not None and is_foreign(writer.epoch, job):
        outcome = Conflict(ConflictKind.NOT_MINE, change.verb, job.key, job.state)
    if isinstance(outcome, Conflict):
        if job is not None and writer.epoch and not owner.is_known and is_stray(job, change):
            await _record_stray(db, writer, job, change)
        return outcome
    if change.verb is Verb.RELEASE and (made := await find_stray(db, outcome.request_key)) is not None:
        return Conflict(ConflictKind.WAS_MADE, change.verb, outcome.key, outcome.state, other=made)
    if change.intent is not None:
        account = await queries.read_account(db)
        conflict = await hold_turn(db, account, outcome.template_id, change.intent, place=place)
        if conflict is not None:
            return attrs.evolve(conflict, key=outcome.key, state=outcome.state)
    return await write_change(db, writer, outcome, change)


async def _find_owner(db: Connection, job: StoredJob | None, change: Change) -> VideoOwner:
    """Return the recorded facts about the video of a bill. If any job has it in the ledger, it counts as billed."""
    if change.bill is None:
        return VideoOwner()
    video_id, key = change.bill.video_id, change.bill.request_key or (job and job.request_key) or ""
    await lock_video(db, video_id)
    is_in_ledger, owner = await queries.is_billed(db, video_id), await find_owner(db, video_id, key, 0)
    return attrs.evolve(owner, is_billed=is_in_ledger or owner.is_billed)


async def hold_turn(
    db: Connection, account: int, template_id: str | None, intent: Intent, *, place: int | None, name: str | None = None
) -> Conflict | None:
    """Record an intent; return why it has no turn or no credits, or None."""
    found = await fetch_one(db, "SELECT spent, max_credits FROM bluma_accounts WHERE id = %s FOR UPDATE", account)
    rival = await fetch_one(
        db,
        "SELECT 1 FROM bluma_intents WHERE account = %s AND outcome IS NULL "
        "AND (template_id IS NULL OR %s::text IS NULL OR template_id = %s) LIMIT 1",
        *(account, template_id, template_id),
    )
    made = "SELECT 1 FROM bluma_intents WHERE request_key = %s AND place = %s"
    if place is not None and await fetch_one(db, made, intent.request_key, place) is not None:
        return Conflict(ConflictKind.NOT_MINE, Verb.INTEND)  # the answer was lost, and the create was taken over
    if rival is not None:
        return Conflict(ConflictKind.TURN_TAKEN, Verb.INTEND)
    if found is not None and found["max_credits"] is not None:
        used = found["spent"] + await _sum_held(db, account)
        if exceeds_limit(intent.price, used, found["max_credits"]):
            return Conflict(ConflictKind.NO_CREDITS, Verb.INTEND, other=str(used))
    await execute(
        db,
        "INSERT INTO bluma_intents (account, template_id, request_key, place, name, epoch, made_by, price, started_at, "
        "settles_after) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        *(account, template_id, intent.request_key, place, name, intent.epoch, intent.epoch, intent.price),
        *(intent.started_at, intent.settles_after),
    )
    return None


async def _sum_held(db: Connection, account: int) -> int:
    row = await fetch_one(
        db,
        "SELECT coalesce(sum(price), 0) AS held FROM bluma_intents "
        "WHERE account = %s AND (outcome IS NULL OR outcome = 'doubt')",
        account,
    )
    return int(row["held"]) if row else 0


async def write_change(db: Connection, writer: Writer, job: StoredJob, change: Change) -> StoredJob:
    """Apply an allowed change, and return the job as it is afterwards."""
    await _write_ledger(db, job, change)
    fields = build_fields(job, change)
    if change.verb in ENDS_INTENT:
        statement = "UPDATE bluma_intents SET outcome = %s, video_id = %s WHERE place = %s AND "
        values = (ENDS_INTENT[change.verb], fields.get("video_id"), job.place)
        await execute(db, statement + "(outcome IS NULL OR outcome = 'doubt')", *values)
    if change.intent is not None and writer.epoch:
        fields["holder"] = writer.epoch
    names = ", ".join(f"{name} = %s" for name in fields)
    values = (*map(_encode, fields.values()), job.place)
    await execute(db, f"UPDATE bluma_jobs SET {names} WHERE place = %s", *values)  # noqa: S608 - names of columns
    line = (job.place, writer.now(), str(fields["state"]), change.note)
    await execute(db, "INSERT INTO bluma_history (place, at, state, note) VALUES (%s, %s, %s, %s)", *line)
    await execute(db, CHANGED, f"job {job.place}")
    return await queries.read_job(db, job.place) or job


async def _write_ledger(db: Connection, job: StoredJob, change: Change) -> None:
    spent = 0
    if change.bill is not None:
        spent += change.bill.charged
        line = (change.bill.video_id, job.place, change.bill.charged)
        statement = "INSERT INTO bluma_videos (id, place, charged) VALUES (%s, %s, %s) ON CONFLICT (id) DO NOTHING"
        if await execute(db, statement, *line) == 0:  # another process has committed it since it was looked up
            raise RollbackWith(Conflict(ConflictKind.VIDEO_IN_USE, change.verb, job.key, job.state))
    if change.charged is not None:
        statement = "UPDATE bluma_videos SET charged = %s WHERE id = %s AND place = %s AND charged <> %s"
        changed = await execute(db, statement, change.charged, job.video_id, job.place, change.charged)
        spent += (change.charged - job.charged) * changed
    if change.is_refund:
        statement = "UPDATE bluma_videos SET refunded = charged WHERE id = %s AND place = %s"
        spent -= job.charged * await execute(db, statement, job.video_id, job.place)
    if spent:
        account = await queries.read_account(db)
        await execute(db, "UPDATE bluma_accounts SET spent = spent + %s WHERE id = %s", spent, account)


async def replan_job(db: Connection, writer: Writer, job: StoredJob) -> None:
    """Plan a job again; one in doubt gets its video instead, if another process has recorded it."""
    made = await find_stray(db, job.request_key) if job.state == JobState.IN_DOUBT else None
    if made is not None:
        await lock_video(db, made)
        made = await find_stray(db, job.request_key)
    query = "SELECT video_id, charged FROM bluma_strays WHERE video_id = %s AND request_key = %s ORDER BY id LIMIT 1"
    stray = None if made is None else await fetch_one(db, query, made, job.request_key)
    change = REPLAN if stray is None else find_again(stray["video_id"], stray["charged"])
    await write_change(db, writer, job, change)


async def _record_stray(db: Connection, writer: Writer, job: StoredJob, change: Change) -> None:
    """Record a paid video whose job another process has taken over."""
    bill = change.bill
    if bill is None:
        return
    line = (job.place, bill.request_key, bill.video_id, bill.charged, writer.epoch)
    statement = "INSERT INTO bluma_strays (place, request_key, video_id, charged, epoch) VALUES (%s, %s, %s, %s, %s)"
    await execute(db, statement, *line)


def _encode(value: Any) -> Any:
    if isinstance(value, JobState):
        return str(value)
    return list(value) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # candidates
