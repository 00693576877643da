"""
Two processes create without a journal, or send, at the same time: every order of the statements of two verbs.

The pairs are those whose wrong order would cost money: a second bill, a lost video, or more requests than the budget
has.
"""

from __future__ import annotations

from typing import Any, Dict

import pytest

from bluma_async.stores.creates import TurnKind, WantedCreate
from bluma_async.stores.jobs import Conflict, Intent
from tests.postgres import PostgresServer
from tests.stores.interleaving import Arena, Race, Side, Verb, run_race
from tests.stores.steps import BEGAN

JOB = (
    """INSERT INTO bluma_jobs (key, folded, body, template_id, origin, run, state, planned_from)
    VALUES ('a', 'a', '{}', 't', 'r', 0, 'planned', 'r')""",
)
OPEN = (  # both processes have an open create, of two templates
    """INSERT INTO bluma_intents (account, template_id, request_key, epoch, made_by, settles_after)
    SELECT 0, n, n, n, n, 5 FROM generate_series(1, 2) n""",
)
MIXED = (  # the first process has the open create of a job, and the second one an open create without a job
    *JOB,
    "UPDATE bluma_jobs SET state = 'creating', holder = 1, request_key = 'q'",
    """INSERT INTO bluma_intents (account, template_id, request_key, place, epoch, made_by, settles_after)
    VALUES (0, 't', 'q', 1, 1, 1, 5), (0, 'u', 'q2', NULL, 2, 2, 5)""",
)
LEFT = (  # the first process has announced a create with a key, and seems to be dead
    "UPDATE bluma_workers SET ends_at = now() - interval '1 s' WHERE epoch = 1",
    """INSERT INTO bluma_intents (account, template_id, request_key, name, content, epoch, made_by, sent_at,
    settles_after) VALUES (0, 't', 'q1', 'order', 'c', 1, 1, now() - interval '1 min', 5)""",
)
TAKEN = (*LEFT, "UPDATE bluma_intents SET epoch = 2, sent_at = now()")  # the second process settles it now
BUDGET = (
    """INSERT INTO bluma_keys (fingerprint, account, quota, available, reset_at, reported_at)
    VALUES ('key', 0, 100, 9, now() + interval '1 h', now())""",
)
RECORDED = "SELECT outcome, video_id, charged::int FROM bluma_intents"


def begin(name: str | None = None, template_id: str | None = "t") -> Verb:
    """Begin a create."""

    def verb(side: Side) -> Any:
        return side.creates.begin(WantedCreate(f"q{side.epoch}", template_id, name, "c", BEGAN, 5.0))

    return verb


def name_video(side: Side) -> Any:
    """Record a video that was bought before as that of a key."""
    return side.creates.name_video(WantedCreate("q1", "t", "order", "c", BEGAN, 5.0), "video-0")


def bill(number: int) -> Verb:
    """Record the answer to a create; all get the same video."""
    return lambda side: side.creates.bill(number, "video-1", 2)


def bill_job(side: Side) -> Any:
    """Record the answer to the create of the job, which is the same video."""
    return side.jobs.bill(1, "video-1", 2, request_key="q")


def settle(side: Side) -> Any:
    """Record that a search has proven that the create was not accepted."""
    return side.creates.release(1, "q1")


def doubt(side: Side) -> Any:
    """Record that the create may have become another video."""
    return side.creates.doubt(1, ["video-2"], is_accepted=False, request_key="q1")


def touch(side: Side) -> Any:
    """Announce an attempt of the open create."""
    return side.creates.touch(1)


def claim(side: Side) -> Any:
    """Claim an open create that no living process works on."""
    return side.creates.claim_lost()


def intend(side: Side) -> Any:
    """Announce the create of a job of the same template."""
    return side.jobs.intend(1, Intent("q", BEGAN, side.epoch, 2, 5.0))


def lease(side: Side) -> Any:
    """Lease a block of requests."""
    return side.budget.lease(0, None, 0.0)


async def check_turns(arena: Arena, one: Any, two: Any) -> None:
    """One of them may send; the other one waits."""
    assert sorted(turn.kind.value for turn in (one, two)) == ["begun", "busy"]
    assert await arena.fetch("SELECT count(*) FROM bluma_intents WHERE outcome IS NULL") == [(1,)]


async def check_mixed(arena: Arena, one: Any, two: Any) -> None:
    """The create of a job and one without a job have one turn."""
    assert (one.kind is TurnKind.BEGUN) == isinstance(two, Conflict)
    assert await arena.fetch("SELECT count(*) FROM bluma_intents WHERE outcome IS NULL") == [(1,)]


async def check_one_claim(arena: Arena, one: Any, two: Any) -> None:
    """One process settles the create; the other one waits, or finds nothing to do."""
    kinds = [getattr(outcome, "kind", outcome and TurnKind.LOST) for outcome in (one, two)]
    assert kinds.count(TurnKind.LOST) == 1
    assert set(kinds) <= {TurnKind.LOST, TurnKind.BUSY, None}


async def check_announcement(arena: Arena, one: Any, two: Any) -> None:
    """A create is announced, or taken over: never both."""
    assert one is not (two is not None)


async def check_turn_or_announcement(arena: Arena, one: Any, two: Any) -> None:
    """The second call with the key waits for the announced create, or settles it."""
    assert two.kind is (TurnKind.BUSY if one else TurnKind.LOST)


async def check_recorded(arena: Arena, one: Any, _: Any) -> None:
    """The paid video is recorded, with its charge, whoever works on the create meanwhile."""
    assert one is True
    assert await arena.fetch("SELECT count(*) FROM bluma_strays") == [(0,)]
    assert await arena.fetch(RECORDED) == [("billed", "video-1", 2)]


async def check_key(arena: Arena, one: Any, two: Any) -> None:
    """The key is answered with the video, or its create is settled first: it is never sent again."""
    assert two.kind in {TurnKind.MADE, TurnKind.LOST}
    assert (two.video_id == "video-1") is (two.kind is TurnKind.MADE)
    await check_recorded(arena, one, two)


async def check_answers(arena: Arena, one: Any, two: Any) -> None:
    """A video is one create's; the other one stays open, and is searched for."""
    assert one is not two
    found = await arena.fetch(f"{RECORDED} ORDER BY outcome")
    assert found == [("billed", "video-1", 2), (None, None, None)]


async def check_mixed_answers(arena: Arena, one: Any, two: Any) -> None:
    """A video is that of the job, or of the create without a job; the other create stays open."""
    assert two is isinstance(one, Conflict)
    assert await arena.fetch("SELECT count(*) FROM bluma_intents WHERE video_id = 'video-1'") == [(1,)]
    assert await arena.fetch("SELECT count(*) FROM bluma_intents WHERE outcome IS NULL") == [(1,)]


async def check_named(arena: Arena, one: Any, two: Any) -> None:
    """The key has the video that was bought before, or a create of its own: not both."""
    is_made = two.kind is TurnKind.MADE
    assert (one, is_made or two.kind) in {("video-0", True), (None, TurnKind.BEGUN)}
    assert await arena.fetch("SELECT count(*) FROM bluma_intents") == [(1,)]


async def check_blocks(arena: Arena, one: Any, two: Any) -> None:
    """What is leased and what is left are the budget."""
    [(left,)] = await arena.fetch("SELECT available FROM bluma_keys")
    assert one.tokens + two.tokens + left == 9
    assert await arena.fetch("SELECT sum(tokens)::int FROM bluma_grants") == [(one.tokens + two.tokens,)]


async def check_first_blocks(arena: Arena, one: Any, two: Any) -> None:
    """A key that is new to the database gets one row."""
    assert (one.tokens, two.tokens) == (2, 2)
    assert await arena.fetch("SELECT tokens::int FROM bluma_grants") == [(2,), (2,)]


RACES: Dict[str, Race] = {
    "two creates with one key": ((), begin("order"), begin("order"), check_turns),
    "two creates of one template": ((), begin(), begin(), check_turns),
    "a create of a template and one from a variant": ((), begin(), begin(template_id=None), check_turns),
    "a create and that of a job": (JOB, begin(), intend, check_mixed),
    "two processes claim an open create": (LEFT, claim, claim, check_one_claim),
    "a key is used again as its open create is claimed": (LEFT, begin("order"), claim, check_one_claim),
    "a frozen process announces while its create is claimed": (LEFT, touch, claim, check_announcement),
    "a frozen process announces while its key is used again": (LEFT, touch, begin("order"), check_turn_or_announcement),
    "an answer comes while its create is claimed": (LEFT, bill(1), claim, check_recorded),
    "an answer comes while its key is used again": (LEFT, bill(1), begin("order"), check_key),
    "an answer comes after a search found nothing": (TAKEN, bill(1), settle, check_recorded),
    "an answer comes after a search found another video": (TAKEN, bill(1), doubt, check_recorded),
    "a search and the late answer find one video": (TAKEN, bill(1), bill(1), check_recorded),
    "one answer comes to two creates": (OPEN, bill(1), bill(2), check_answers),
    "one answer comes to a job and to a create": (MIXED, bill_job, bill(2), check_mixed_answers),
    "a key gets an old video as it is created": ((), name_video, begin("order"), check_named),
    "two processes lease requests": (BUDGET, lease, lease, check_blocks),
    "two processes lease the first requests of a key": ((), lease, lease, check_first_blocks),
}


@pytest.mark.parametrize("name", RACES)
async def test_every_order_of_two_verbs_keeps_the_rules(
    postgres: str, postgres_server: PostgresServer, name: str
) -> None:
    """The outcome is one that some order of the whole verbs has."""
    assert await run_race(postgres, RACES, name) > 1
