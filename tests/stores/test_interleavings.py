"""Two processes move jobs of one journal at the same time: every order of the statements of two verbs."""

from __future__ import annotations

from typing import Any, Dict

import pytest

from bluma_async.stores.jobs import Conflict, ConflictKind, Intent, Job, StoredJob
from bluma_async.stores.postgres.schema import VERSION, migrate
from bluma_async.stores.states import JobState
from tests.postgres import PostgresServer
from tests.stores.interleaving import Arena, Race, Side, Verb, run_race
from tests.stores.steps import BEGAN

JOBS = (
    """INSERT INTO bluma_jobs (key, folded, body, template_id, origin, run, state, planned_from)
    VALUES ('a', 'a', '{}', 't', 'r', 0, 'planned', 'r'), ('b', 'b', '{}', 't', 'r', 0, 'planned', 'r')""",
)
LEFT_OPEN = (
    *JOBS,  # the first process has announced a create, and seems to be dead
    "UPDATE bluma_workers SET ends_at = now() - interval '1 s' WHERE epoch = 1",
    "UPDATE bluma_jobs SET state = 'creating', holder = 1, request_key = 'q' WHERE key = 'a'",
    """INSERT INTO bluma_intents (account, template_id, request_key, place, epoch, made_by, sent_at, settles_after)
    VALUES (0, 't', 'q', 1, 1, 1, now() - interval '1 min', 5)""",
)


BOTH_OPEN = (
    *JOBS,  # two creates of different templates
    """UPDATE bluma_jobs SET state = 'creating', holder = place, request_key = key, template_id = key""",
    """INSERT INTO bluma_intents (account, template_id, request_key, place, epoch, made_by, settles_after)
    SELECT 0, key, key, place, place, place, 5 FROM bluma_jobs""",
)


IN_DOUBT = (
    *JOBS,  # a process has recorded the video of a job in doubt
    "UPDATE bluma_jobs SET state = 'in_doubt', request_key = key",
    """INSERT INTO bluma_intents (account, template_id, request_key, place, epoch, made_by, settles_after, outcome)
    SELECT 0, 't', key, place, 1, 1, 5, 'doubt' FROM bluma_jobs""",
    "INSERT INTO bluma_strays (place, request_key, video_id, charged, epoch) VALUES (1, 'a', 'video-1', 2, 1)",
)


DONE = "UPDATE bluma_jobs SET state = 'saved' WHERE key = 'b'"
OLD = (  # the tables as the version before had them
    "DELETE FROM bluma_meta WHERE name = 'journal'",
    f"UPDATE bluma_meta SET value = '{VERSION - 1}' WHERE name = 'schema'",
)
LIMITED = (
    *JOBS,  # two templates, and credits for one create
    "UPDATE bluma_jobs SET template_id = key",
    "UPDATE bluma_accounts SET max_credits = 3",
)
ONE_OPEN = (
    *LIMITED,  # the first process has an open create, whose price is held
    "UPDATE bluma_jobs SET state = 'creating', holder = 1, request_key = 'q' WHERE key = 'a'",
    """INSERT INTO bluma_intents (account, template_id, request_key, place, epoch, made_by, price, settles_after)
    VALUES (0, 'a', 'q', 1, 1, 1, 2, 5)""",
)


def claim(*states: str) -> Verb:
    """Claim the next job in one of these states, or an open create of a dead process."""
    return lambda side: side.jobs.sharing.claim(states, [], [])  # type: ignore[union-attr]


def intend(place: int, epoch: int) -> Verb:
    """Announce the create of a job."""
    return lambda side: side.jobs.intend(place, Intent(f"q{epoch}", BEGAN, epoch, 2, 5.0))


def touch(side: Side) -> Any:
    """Announce an attempt of the open create."""
    return side.jobs.sharing.touch("q")  # type: ignore[union-attr]


def bill(side: Side) -> Any:
    """Record the answer of the open create."""
    return side.jobs.bill(1, "video-1", 2, request_key="q")


def answer(place: int) -> Verb:
    """Record the answer of a create; all get the same video."""
    return lambda side: side.jobs.bill(place, "video-1", 2, request_key="ab"[place - 1])


def reject(side: Side) -> Any:
    """Record that the open create was not accepted."""
    return side.jobs.release(1, "it was refused")


def doubt(side: Side) -> Any:
    """Record that the open create may have become another video."""
    return side.jobs.doubt(1, ["video-2"], "several")


def claim_one(side: Side) -> Any:
    """Claim the job of a task that an engine has delivered."""
    return side.jobs.sharing.claim_one(1)  # type: ignore[union-attr]


def take_turn(side: Side) -> Any:
    """Ask for the turn of a piece of periodic work."""
    return side.jobs.sharing.take_turn("poll", 10.0)  # type: ignore[union-attr]


def name_video(place: int) -> Verb:
    """Name one video for a job in doubt, as a user may."""
    return lambda side: side.jobs.adopt(place, "video-3", 2)


def replan(side: Side) -> Any:
    """Plan the jobs in doubt again."""
    return side.jobs.replan([JobState.IN_DOUBT])


def adopt(side: Side) -> Any:
    """Name the video for another job in doubt, as a user may."""
    return side.jobs.adopt(2, "video-1", 2)


def upgrade(side: Side) -> Any:
    """Bring the tables to the present version, as the first processes of a new release do."""
    return side.do(lambda db, _: migrate(db, "name"))


def plan(key: str) -> Verb:
    """Plan a job."""
    return lambda side: side.jobs.plan(Job(key, "{}", "t", None, "row"))


async def check_claims(arena: Arena, one: Any, two: Any) -> None:
    """Each process has a job of its own."""
    assert {one.place, two.place} == {1, 2}
    assert {(one.place, one.epoch), (two.place, two.epoch)} == set(
        await arena.fetch("SELECT place, holder FROM bluma_jobs")
    )


async def check_intents(arena: Arena, one: Any, two: Any) -> None:
    """One of them has the turn."""
    conflicts = [outcome for outcome in (one, two) if isinstance(outcome, Conflict)]
    assert [conflict.kind for conflict in conflicts] == [ConflictKind.TURN_TAKEN]
    assert await arena.fetch("SELECT count(*) FROM bluma_intents WHERE outcome IS NULL") == [(1,)]
    assert await arena.fetch("SELECT count(*) FROM bluma_jobs WHERE state = 'creating'") == [(1,)]


async def check_takeover(arena: Arena, one: Any, two: Any) -> None:
    """Either the answer was recorded and nothing is taken over, or it is a stray and the job has another holder."""
    if isinstance(one, StoredJob):
        assert two is None
        assert await arena.fetch("SELECT state, video_id FROM bluma_jobs WHERE place = 1") == [("rendering", "video-1")]
        assert await arena.fetch("SELECT count(*) FROM bluma_strays") == [(0,)]
    else:
        assert (one.kind, two.epoch) == (ConflictKind.NOT_MINE, 2)
        assert await arena.fetch("SELECT request_key, video_id FROM bluma_strays") == [("q", "video-1")]
        assert await arena.fetch("SELECT count(*) FROM bluma_videos") == [(0,)]


async def check_announcement(arena: Arena, one: Any, two: Any) -> None:
    """A create is announced, or taken over: never both."""
    assert one is not (two is not None)


async def check_answers(arena: Arena, one: Any, two: Any) -> None:
    """A video is one job's; the other create stays open."""
    conflicts = [outcome for outcome in (one, two) if isinstance(outcome, Conflict)]
    assert [conflict.kind for conflict in conflicts] == [ConflictKind.VIDEO_IN_USE]
    assert sorted(await arena.fetch("SELECT state FROM bluma_jobs")) == [("creating",), ("rendering",)]
    assert await arena.fetch("SELECT count(*) FROM bluma_intents WHERE outcome IS NULL") == [(1,)]
    assert await arena.fetch("SELECT count(*) FROM bluma_strays") == [(0,)]


async def check_replans(arena: Arena, one: Any, two: Any) -> None:
    """The job in doubt gets its video, once."""
    assert sorted([one, two]) == [0, 1]
    jobs = await arena.fetch("SELECT place, state, video_id FROM bluma_jobs ORDER BY place")
    assert jobs == [(1, "rendering", "video-1"), (2, "saved", None)]


async def check_adoption(arena: Arena, one: Any, _: Any) -> None:
    """One job gets the video, whoever is first; the other one is planned again, or in doubt."""
    assert one in {1, 2}
    assert await arena.fetch("SELECT count(*) FROM bluma_videos") == [(1,)]
    assert await arena.fetch("SELECT count(*) FROM bluma_jobs WHERE state = 'rendering'") == [(1,)]
    lost = "SELECT count(*) FROM bluma_jobs j JOIN bluma_videos v ON v.place = j.place WHERE j.video_id IS NULL"
    assert await arena.fetch(lost) == [(0,)]


async def check_tables(arena: Arena, _: Any, __: Any) -> None:
    """The tables are changed once, and both processes may go on."""
    assert await arena.fetch("SELECT value FROM bluma_meta WHERE name = 'schema'") == [(str(VERSION),)]
    assert await arena.fetch("SELECT count(*) FROM bluma_meta WHERE name = 'journal'") == [(1,)]


async def check_plans(arena: Arena, one: Any, two: Any) -> None:
    """A key is one job, in whichever order."""
    assert isinstance(one, StoredJob) != isinstance(two, StoredJob)
    assert await arena.fetch("SELECT count(*) FROM bluma_jobs WHERE folded = 'new'") == [(1,)]


async def check_one_holder(arena: Arena, one: Any, two: Any) -> None:
    """A task that comes twice finds its job held; a claim of any job takes another one."""
    holders = {job.place: job.epoch for job in (one, two) if job is not None}
    held = await arena.fetch("SELECT place, holder FROM bluma_jobs WHERE holder IS NOT NULL")
    assert holders == dict(held)
    assert len(holders) == sum(job is not None for job in (one, two)) >= 1
    assert 1 in holders


async def check_one_turn(arena: Arena, one: Any, two: Any) -> None:
    """Periodic work is done once in a period."""
    assert sorted([one, two]) == [False, True]
    assert await arena.fetch("SELECT name, epoch FROM bluma_leases") == [("turn poll", 1 if one else 2)]


async def check_credits(arena: Arena, one: Any, two: Any) -> None:
    """Both prices do not fit under the limit: one create is announced."""
    conflicts = [outcome for outcome in (one, two) if isinstance(outcome, Conflict)]
    assert [conflict.kind for conflict in conflicts] == [ConflictKind.NO_CREDITS]
    assert await arena.fetch("SELECT count(*) FROM bluma_intents WHERE outcome IS NULL") == [(1,)]


async def check_charge(arena: Arena, one: Any, two: Any) -> None:
    """A price is held until its charge is counted, without a moment in between."""
    assert (one.state, one.charged) == (JobState.RENDERING, 2)
    assert two.kind is ConflictKind.NO_CREDITS
    assert await arena.fetch("SELECT spent::int FROM bluma_accounts WHERE id = 0") == [(2,)]


async def check_ended_or_taken(arena: Arena, one: Any, two: Any) -> None:
    """A frozen process ends its create before the takeover, or not at all."""
    [(state, holder)] = await arena.fetch("SELECT state, holder FROM bluma_jobs WHERE place = 1")
    is_open = await arena.fetch("SELECT count(*) FROM bluma_intents WHERE outcome IS NULL") == [(1,)]
    if isinstance(one, StoredJob):
        assert two is None
        assert (state, is_open) == (str(one.state), False)
    else:
        assert one.kind is ConflictKind.NOT_MINE
        assert (state, holder, is_open) == ("creating", two.epoch, True)


async def check_named_once(arena: Arena, one: Any, two: Any) -> None:
    """A video that two users name for two jobs is one job's."""
    conflicts = [outcome for outcome in (one, two) if isinstance(outcome, Conflict)]
    assert [conflict.kind for conflict in conflicts] == [ConflictKind.VIDEO_IN_USE]
    assert sorted(await arena.fetch("SELECT state FROM bluma_jobs")) == [("in_doubt",), ("rendering",)]
    assert await arena.fetch("SELECT spent::int FROM bluma_accounts WHERE id = 0") == [(2,)]


RACES: Dict[str, Race] = {
    "two processes claim": (JOBS, claim("planned"), claim("planned"), check_claims),
    "two processes announce creates of one template": (JOBS, intend(1, 1), intend(2, 2), check_intents),
    "an answer comes while its job is taken over": (LEFT_OPEN, bill, claim(), check_takeover),
    "a frozen process announces while its job is taken over": (LEFT_OPEN, touch, claim(), check_announcement),
    "one answer comes to two creates": (BOTH_OPEN, answer(1), answer(2), check_answers),
    "two users retry the jobs in doubt": ((*IN_DOUBT, DONE), replan, replan, check_replans),
    "a video is named for a job as it is found for another": (IN_DOUBT, replan, adopt, check_adoption),
    "a task comes twice": (JOBS, claim_one, claim_one, check_one_holder),
    "a task comes as a run claims its job": (JOBS, claim_one, claim("planned"), check_one_holder),
    "two processes ask for the turn to poll": ((), take_turn, take_turn, check_one_turn),
    "two creates under one credit limit": (LIMITED, intend(1, 1), intend(2, 2), check_credits),
    "an answer comes as another create asks for credits": (ONE_OPEN, bill, intend(2, 2), check_charge),
    "a refusal comes while its job is taken over": (LEFT_OPEN, reject, claim(), check_ended_or_taken),
    "a search ends in doubt while its job is taken over": (LEFT_OPEN, doubt, claim(), check_ended_or_taken),
    "two users name one video for two jobs": (IN_DOUBT[:3], name_video(1), name_video(2), check_named_once),
    "two processes upgrade the tables": (OLD, upgrade, upgrade, check_tables),
    "two processes plan one key": (JOBS, plan("new"), plan("NEW"), check_plans),
}


@pytest.mark.parametrize("name", RACES)
async def test_every_order_of_two_verbs_keeps_the_rules(
    postgres: str, postgres_server: PostgresServer, name: str
) -> None:
    """The outcome is one that some order of the whole verbs has."""
    assert await run_race(postgres, RACES, name) > 1
