"""Stores that processes share: one suite for PostgreSQL, and for members of a store in memory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, AsyncIterator, Awaitable, Callable, List

import pytest

from bluma_async.errors import InvalidArgumentError
from bluma_async.stores.budget import Report
from bluma_async.stores.jobs import Conflict, ConflictKind, Intent, Job, StoredJob
from bluma_async.stores.memory.members import SharedMemory
from bluma_async.stores.memory.shared import SharedJobStore
from bluma_async.stores.postgres.jobs import PostgresJobStore
from bluma_async.stores.states import JobState
from tests.stores.steps import BEGAN, INTENT, bring_to, require_job

PLANNED = [str(JobState.PLANNED)]
VIDEOS = [f"video-{n}" for n in range(5)]


class MemoryFleet:
    """Members of a store in memory."""

    def __init__(self) -> None:
        self.skipped = 0.0
        self.memory = SharedMemory(lambda: time.monotonic() + self.skipped)
        self.opened: List[Any] = []

    async def join(self) -> Any:
        self.opened.append(await SharedJobStore.open(self.memory))
        return self.opened[-1]

    async def expire(self, store: Any) -> None:
        """Let the lease of a member end, as if it were frozen."""
        store._renewal.cancel()
        self.memory.workers[store.sharing.epoch] = self.memory.clock() - 1.0

    async def pass_time(self, seconds: float) -> None:
        """Move the store's clock; leases that are renewed stay."""
        self.skipped += seconds
        for epoch, ends_at in self.memory.workers.items():
            self.memory.workers[epoch] = ends_at + (seconds if ends_at > self.memory.clock() - seconds else 0.0)


class PostgresFleet:
    """Processes on a PostgreSQL database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.opened: List[Any] = []

    async def join(self) -> Any:
        self.opened.append(await PostgresJobStore.open(self.url, to_write=True))
        return self.opened[-1]

    async def expire(self, store: Any) -> None:
        """Let the lease of a process end, as if it were frozen."""
        store.member._task.cancel()
        await self._execute(
            f"UPDATE bluma_workers SET ends_at = now() - interval '1 s' WHERE epoch = {store.sharing.epoch}"
        )

    async def pass_time(self, seconds: float) -> None:
        """Make everything that the store has noted so much older; leases that are renewed stay."""
        older = f"- interval '{seconds} s'"
        await self._execute(f"UPDATE bluma_intents SET sent_at = sent_at {older}")
        await self._execute(f"UPDATE bluma_jobs SET deferred_at = deferred_at {older}")
        await self._execute(f"UPDATE bluma_leases SET ends_at = ends_at {older}")
        await self._execute(f"UPDATE bluma_keys SET reset_at = reset_at {older}, reported_at = reported_at {older}")

    async def _execute(self, statement: str) -> None:
        async def work(db: Any, _: bool) -> None:
            await db.execute(statement)

        await self.opened[0]._database.do(work)


@pytest.fixture(params=["memory", "postgres"])
async def fleet(request: Any) -> AsyncIterator[Any]:
    """Give a store without jobs that processes can join."""
    made: Any = MemoryFleet() if request.param == "memory" else PostgresFleet(request.getfixturevalue("postgres"))
    yield made
    for store in made.opened:
        await store.close()


def job(key: str, template: Any = "t") -> Job:
    """Return a job."""
    return Job(key, f'{{"n":"{key}"}}', template, None, f"row {key}")


async def intend(
    store: Any, key: str, request_key: str, *, settles_after: float = 60.0, template: str | None = None
) -> StoredJob:
    """Plan a job, by default of a template of its own, and announce its create."""
    planned = require_job(await store.plan(job(key, template or key)))
    intent = Intent(request_key, BEGAN, store.sharing.epoch, 2, settles_after)
    return require_job(await store.intend(planned.place, intent))


async def test_another_process_cannot_move_a_held_job(fleet: Any) -> None:
    """Its verb is a conflict, and the video that it has paid is recorded as a stray."""
    frozen, other = await fleet.join(), await fleet.join()
    held = await intend(frozen, "k", "mine", settles_after=0.0)
    await fleet.expire(frozen)
    claimed = await other.sharing.claim([], [], [])

    outcome = await frozen.bill(held.place, "video-1", 2, request_key="mine")

    assert (claimed.key, claimed.epoch) == ("k", other.sharing.epoch)
    assert outcome == Conflict(ConflictKind.NOT_MINE, outcome.verb, "k", JobState.CREATING)
    assert not await frozen.sharing.touch("mine")
    assert await other.sharing.find_stray("mine") == "video-1"
    assert (await other.sharing.explain(["video-1", "video-2"], "another")).known == ("video-1",)


async def test_a_video_that_a_frozen_process_found_is_a_candidate_of_its_create(fleet: Any) -> None:
    """It had claimed the create of another process; a search that began before its record still finds the video."""
    maker, frozen, other = await fleet.join(), await fleet.join(), await fleet.join()
    held = await intend(maker, "k", "mine", settles_after=0.0)
    await fleet.expire(maker)
    await frozen.sharing.claim([], [], [])
    await fleet.expire(frozen)
    await other.sharing.claim([], [], [])

    await frozen.bill(held.place, "video-1", 2, request_key="mine", note="found again")
    explained = await other.sharing.explain(["video-1"], "mine")

    assert (explained.known, explained.is_mine) == ((), True)
    assert await other.sharing.find_stray("mine") == "video-1"


async def test_a_create_whose_video_was_recorded_meanwhile_is_not_released(fleet: Any) -> None:
    """A search that took the video for another create's would otherwise lead to a second bill."""
    frozen, other = await fleet.join(), await fleet.join()
    held = await intend(frozen, "k", "mine", settles_after=0.0)
    await fleet.expire(frozen)
    await other.sharing.claim([], [], [])
    await frozen.bill(held.place, "video-1", 2, request_key="mine")

    refused = await other.release(held.place, "it was not accepted")
    billed = require_job(await other.bill(held.place, "video-1", 2, request_key="mine"))

    assert (refused.kind, refused.other) == (ConflictKind.WAS_MADE, "video-1")
    assert (billed.state, billed.video_id) == (JobState.RENDERING, "video-1")


async def test_the_answer_to_a_create_cannot_be_the_video_of_another_one(fleet: Any) -> None:
    """Of another job, a stray of another create, or a candidate of a job in doubt; its own are not others'."""
    first, other = await fleet.join(), await fleet.join()
    billed, doubted = await intend(first, "a", "billed"), await intend(first, "b", "doubted")
    require_job(await first.bill(billed.place, "video-1", 2, request_key="billed"))
    require_job(await first.doubt(doubted.place, ["video-2"], "several"))
    held = await intend(first, "c", "lost", settles_after=0.0)
    await fleet.expire(first)
    await other.sharing.claim([], [], [])
    await first.bill(held.place, "video-3", 2, request_key="lost")
    await intend(other, "d", "mine")

    others = [name for name in VIDEOS if await other.sharing.is_anothers(name, "mine")]
    own = [("video-1", "billed"), ("video-2", "doubted"), ("video-3", "lost")]

    assert others == ["video-1", "video-2", "video-3"]
    assert [await other.sharing.is_anothers(*pair) for pair in own] == [False, False, False]


async def test_a_process_that_has_lost_its_create_may_have_a_candidate_of_a_later_one(fleet: Any) -> None:
    """Creates that began later can have been searched for meanwhile: its answer is not refused, but a stray."""
    frozen, other = await fleet.join(), await fleet.join()
    held = await intend(frozen, "a", "mine", settles_after=0.0)
    await fleet.expire(frozen)
    await other.sharing.claim([], [], [])
    require_job(await other.release(held.place, "it was not accepted"))
    later = await intend(other, "b", "later")
    require_job(await other.doubt(later.place, ["video-1"], "several"))

    assert not await frozen.sharing.is_anothers("video-1", "mine")
    assert not isinstance(await frozen.bill(held.place, "video-1", 2, request_key="mine"), StoredJob)
    assert await other.sharing.find_stray("mine") is None  # it may be the later create's: that is in doubt


async def test_a_stray_that_was_billed_is_settled(fleet: Any) -> None:
    """A user named it for a job in doubt. The create that it was recorded for can be settled all the same."""
    frozen, other = await fleet.join(), await fleet.join()
    doubted = await intend(frozen, "a", "doubted")
    require_job(await frozen.doubt(doubted.place, [], "the list could not be read"))
    held = await intend(frozen, "b", "mine", settles_after=0.0)
    await fleet.expire(frozen)
    await other.sharing.claim([], [], [])
    await frozen.bill(held.place, "video-1", 2, request_key="mine")
    require_job(await other.adopt(doubted.place, "video-1", 2))

    released = require_job(await other.release(held.place, "it was not accepted"))

    assert (await other.sharing.find_stray("mine"), released.state) == (None, JobState.PLANNED)


async def test_a_create_that_was_taken_over_is_not_announced_again(fleet: Any) -> None:
    """The answer to its announcement was lost; meanwhile another process has settled it."""
    frozen, other = await fleet.join(), await fleet.join()
    held = await intend(frozen, "a", "mine", settles_after=0.0)
    await fleet.expire(frozen)
    await other.sharing.claim([], [], [])
    require_job(await other.release(held.place, "it was not accepted"))
    await other.sharing.give_back(held.place)

    outcome = await frozen.intend(held.place, Intent("mine", BEGAN, frozen.sharing.epoch, 2, 0.0))

    assert (outcome.kind, outcome.key) == (ConflictKind.NOT_MINE, "a")
    assert not await frozen.sharing.touch("mine")


async def test_a_stray_answer_leaves_no_trace(fleet: Any) -> None:
    """The video is recorded already, with another job; the create that it answered is searched for."""
    first = await fleet.join()
    billed, held = await intend(first, "a", "billed"), await intend(first, "b", "mine")
    require_job(await first.bill(billed.place, "video-1", 2, request_key="billed"))

    outcome = await first.bill(held.place, "video-1", 2, request_key="mine")

    assert outcome == Conflict(ConflictKind.VIDEO_IN_USE, outcome.verb, "b", JobState.CREATING)
    assert await first.sharing.find_stray("mine") is None


async def test_a_job_in_doubt_whose_video_was_recorded_is_not_billed_again(fleet: Any) -> None:
    """The process that had lost its create got the answer late; the user wants the jobs in doubt to be sent again."""
    frozen, other = await fleet.join(), await fleet.join()
    held = await intend(frozen, "k", "mine", settles_after=0.0)
    await fleet.expire(frozen)
    await other.sharing.claim([], [], [])
    require_job(await other.doubt(held.place, [], "the list could not be read"))
    await frozen.bill(held.place, "video-1", 2, request_key="mine")

    count = await other.replan([JobState.IN_DOUBT])
    found = require_job(await other.read(held.place))

    assert (count, found.state, found.video_id, found.charged) == (1, JobState.RENDERING, "video-1", 2)
    assert await other.sharing.find_stray("mine") is None


@pytest.mark.parametrize(("template", "contested"), [("t", ("video-1",)), ("u", ())])
async def test_a_create_in_doubt_without_candidates_keeps_the_videos_of_its_template(
    fleet: Any, template: str, contested: Any
) -> None:
    """Its list could not be read, so each unexplained video may be its own, until its video is known."""
    first, other = await fleet.join(), await fleet.join()
    blind = await intend(first, "a", "lost", template="t")
    require_job(await first.doubt(blind.place, [], "the list could not be read"))
    await intend(other, "b", "mine", template=template)

    before = await other.sharing.explain(["video-1"], "mine")
    require_job(await first.adopt(blind.place, "video-9", 2))
    after = await other.sharing.explain(["video-1", "video-9"], "mine")

    assert (before.known, before.contested) == ((), contested)
    assert (after.known, after.contested) == (("video-9",), ())


async def test_nobody_moves_an_abandoned_create(fleet: Any) -> None:
    """A late answer to an earlier create of the job says nothing about the one that is open now."""
    late, other = await fleet.join(), await fleet.join()
    held = await intend(other, "k", "newer")
    await other.sharing.abandon(held.place)

    outcome = await late.release(held.place, "refused")

    assert outcome == Conflict(ConflictKind.NOT_MINE, outcome.verb, "k", JobState.CREATING)
    assert require_job(await other.read(held.place)).state == JobState.CREATING


async def test_a_process_learns_that_its_create_was_taken_over(fleet: Any) -> None:
    """A process whose create was taken over learns that before it concludes anything from a search."""
    frozen, other = await fleet.join(), await fleet.join()
    await intend(frozen, "k", "mine", settles_after=0.0)
    before = await frozen.sharing.explain([], "mine")
    await fleet.expire(frozen)
    await other.sharing.claim([], [], [])

    assert before.is_mine
    assert not (await frozen.sharing.explain([], "mine")).is_mine
    assert (await other.sharing.explain([], "mine")).is_mine


async def test_an_open_create_is_claimed_by_age_alone(fleet: Any) -> None:
    """A dead process's create waits for `settles_after`; that of a living one is never claimed, however old it is."""
    first, other = await fleet.join(), await fleet.join()
    await intend(first, "old", "old", settles_after=0.0)
    await intend(first, "young", "young")
    assert await other.sharing.claim([], [], []) is None

    await fleet.expire(first)

    assert (await other.sharing.claim([], [], [])).key == "old"
    held = [(await other.find("old")).place]
    assert await other.sharing.claim([], [], held) is None
    await fleet.pass_time(61.0)
    assert (await other.sharing.claim([], [], held)).key == "young"


async def test_a_job_whose_claim_was_not_answered_is_claimed_again(fleet: Any) -> None:
    """A connection broke after the commit: the process holds a job that it does not know of."""
    store, other = await fleet.join(), await fleet.join()
    places = [require_job(await store.plan(job(key))).place for key in "abc"]
    await store.sharing.claim(PLANNED, [], [])

    again = await store.sharing.claim(PLANNED, [], [])
    others = [(await one.sharing.claim(PLANNED, [], held)).place for one, held in ((store, [again.place]), (other, []))]

    assert (again.place, others) == (places[0], places[1:])


async def test_an_open_create_that_nobody_works_on_is_claimed_again_when_it_is_old(fleet: Any) -> None:
    """The process could not leave it to the others, because the store was away."""
    store = await fleet.join()
    held = await intend(store, "k", "mine")

    assert await store.sharing.claim([], [], []) is None
    await fleet.pass_time(61.0)
    assert await store.sharing.claim([], [], [held.place]) is None
    assert (await store.sharing.claim([], [], [])).place == held.place


async def test_a_claim_is_a_sign_of_life(fleet: Any) -> None:
    """What a process claims after its lease has ended is not free again at once."""
    late, other = await fleet.join(), await fleet.join()
    await late.plan(job("k"))
    await fleet.expire(late)

    claimed = await late.sharing.claim(PLANNED, [], [])
    await other.sharing.free()

    assert claimed.key == "k"
    assert await other.sharing.claim(PLANNED, [], []) is None


@pytest.mark.parametrize(("states", "is_over"), [(["planned", "rendering"], True), (["planned", "rendered"], False)])
async def test_a_run_is_over_when_no_job_is_in_a_state_that_it_works_on(
    fleet: Any, states: List[str], is_over: bool
) -> None:
    """A run that saves no files has nothing to do with rendered jobs."""
    store, other = await fleet.join(), await fleet.join()
    await bring_to(other, job("done"), JobState.RENDERED)
    await other.sharing.give_back(1)

    assert await store.sharing.is_over(states, []) is is_over


async def test_an_open_create_keeps_every_run_going(fleet: Any) -> None:
    """Its outcome decides whether there is more to do."""
    store, other = await fleet.join(), await fleet.join()
    await intend(other, "k", "mine")

    assert not await store.sharing.is_over([], [])


async def test_a_job_is_due_until_its_task_is_deferred(fleet: Any) -> None:
    """A sweep that dies in between has lost nothing; the tasks of a dead process are due again at once."""
    dead, other = await fleet.join(), await fleet.join()
    held, free = [require_job(await dead.plan(job(key))).place for key in "ab"]
    due = [(held, "planned"), (free, "planned")]

    assert [await other.sharing.list_due(PLANNED, 9) for _ in range(2)] == [due, due]
    await other.sharing.note_deferred([held, free])
    assert await other.sharing.list_due(PLANNED, 9) == []
    await dead.sharing.claim_one(held)
    await fleet.expire(dead)
    await other.sharing.free()

    assert await other.sharing.list_due(PLANNED, 9) == due[:1]
    await fleet.pass_time(61.0)
    assert await other.sharing.list_due(PLANNED, 9) == due


async def test_periodic_work_is_done_once_in_a_period(fleet: Any) -> None:
    """By one process; it may be postponed, and a process that leaves gives its turn back."""
    one, two = await fleet.join(), await fleet.join()

    turns = [await store.sharing.take_turn("poll", 5.0) for store in (one, two, one)]
    await fleet.pass_time(6.0)
    turns.append(await two.sharing.take_turn("poll", 5.0))
    await two.sharing.postpone("poll", 60.0)
    await one.sharing.postpone("poll", 0.0)  # it has lost the turn
    await fleet.pass_time(6.0)
    turns.append(await one.sharing.take_turn("poll", 5.0))
    await two.close()
    turns.append(await one.sharing.take_turn("poll", 5.0))

    assert turns == [True, False, False, True, False, True]


async def test_a_create_that_cannot_be_settled_now_is_left_alone_for_a_while(fleet: Any) -> None:
    """By every process."""
    dead, other = await fleet.join(), await fleet.join()
    held = await intend(dead, "k", "mine", settles_after=0.0)
    await fleet.expire(dead)
    await other.sharing.claim([], [], [])

    await other.sharing.postpone_settling(held.place, 30.0)
    await other.sharing.abandon(held.place)

    assert await other.sharing.claim([], [], []) is None
    await fleet.pass_time(31.0)
    assert (await other.sharing.claim([], [], [])).key == "k"


@pytest.mark.parametrize(
    ("first", "second", "is_free"), [("t", "t", False), ("t", "u", True), ("t", None, False), (None, "t", False)]
)
async def test_one_create_of_a_template_is_open_at_a_time(fleet: Any, first: Any, second: Any, is_free: bool) -> None:
    """In all processes together; a create from a variant, whose template is unknown, is alone."""
    store, other = await fleet.join(), await fleet.join()
    await bring_to(store, job("a", first), JobState.CREATING)
    planned = require_job(await other.plan(job("b", second)))

    outcome = await other.intend(planned.place, INTENT)

    assert isinstance(outcome, Conflict) != is_free
    await store.release(1, "refused")
    if not is_free:
        assert require_job(await other.intend(planned.place, INTENT)).state == JobState.CREATING


async def test_the_credit_limit_counts_what_is_spent_and_held(fleet: Any) -> None:
    """The other process learns how much that is."""
    store, other = await fleet.join(), await fleet.join()
    await store.agree(5, None)
    for number in range(2):
        await intend(store, f"k{number}", f"request-{number}")
    await store.bill(1, "video-1", 3, request_key=None)
    planned = require_job(await other.plan(job("third", "third")))

    outcome = await other.intend(planned.place, Intent("third", BEGAN, other.sharing.epoch, 1, 60.0))

    assert (outcome.kind, outcome.other) == (ConflictKind.NO_CREDITS, "5")


async def test_a_create_whose_price_is_unknown_is_refused_under_a_limit(fleet: Any) -> None:
    """It could exceed any limit. Each process reads the limit from the store, whichever has set it."""
    store, other = await fleet.join(), await fleet.join()
    planned = require_job(await other.plan(job("k", "k")))
    before = await other.sharing.read_limit()
    await store.agree(5, None)

    outcome = await other.intend(planned.place, Intent("request", BEGAN, other.sharing.epoch, None, 60.0))

    assert (before, await other.sharing.read_limit()) == (None, 5)
    assert (outcome.kind, outcome.other) == (ConflictKind.NO_CREDITS, "0")


async def test_all_processes_have_one_folder(fleet: Any) -> None:
    """A second one is refused."""
    store, other = await fleet.join(), await fleet.join()
    await store.agree(None, "videos")
    await other.agree(None, "videos")
    await other.agree(None, None)

    with pytest.raises(InvalidArgumentError, match="need one folder"):
        await other.agree(None, "elsewhere")


async def test_a_folder_is_compared_by_its_place(fleet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative, absolute and linked names of one folder agree; one name in two working directories does not."""
    store, other = await fleet.join(), await fleet.join()
    for name in ("a", "b"):
        (tmp_path / name / "videos").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    monkeypatch.chdir(tmp_path / "a")
    await store.agree(None, "videos")

    for same in ("videos", "./videos/", str(tmp_path / "a" / "videos"), str(tmp_path / "link" / "videos")):
        await other.agree(None, same)
    monkeypatch.chdir(tmp_path / "b")
    with pytest.raises(InvalidArgumentError) as refused:
        await other.agree(None, "videos")

    assert f"{str(tmp_path / 'a' / 'videos')!r}, not to {str(tmp_path / 'b' / 'videos')!r}" in str(refused.value)


async def test_a_url_is_compared_as_text(fleet: Any) -> None:
    """It is the same in every working directory, and no local folder."""
    store, other = await fleet.join(), await fleet.join()
    await store.agree(None, "s3://bucket/videos")

    await other.agree(None, "s3://bucket/videos")
    for different in ("s3://bucket/other", "s3:/bucket/videos"):
        with pytest.raises(InvalidArgumentError, match="saves its files to 's3://bucket/videos', not to"):
            await other.agree(None, different)


async def test_a_refused_folder_changes_no_limit(fleet: Any) -> None:
    """The credit limit of the processes before it stays."""
    store, other = await fleet.join(), await fleet.join()
    await store.agree(2, "videos")

    with pytest.raises(InvalidArgumentError):
        await other.agree(100, "elsewhere")

    planned = [require_job(await store.plan(job(key, key))) for key in ("k1", "k2")]
    outcomes = [await store.intend(one.place, Intent(one.key, BEGAN, store.sharing.epoch, 2, 60.0)) for one in planned]
    assert [isinstance(outcome, Conflict) for outcome in outcomes] == [False, True]


async def test_processes_never_lease_more_than_is_left(fleet: Any) -> None:
    """Blocks become smaller as the budget ends; then a lease names the time to wait."""
    budgets = [(await fleet.join()).sharing.find_budget("key") for _ in range(3)]
    await budgets[0].lease(0, Report(100, 30, 60.0, 0.0), 0.0)

    granted = 0
    for round_ in range(40):
        granted += (await budgets[round_ % 3].lease(0, None, 0.0)).tokens
    empty = await budgets[0].lease(0, None, 0.0)

    assert 20 < granted <= 30
    assert (empty.tokens, empty.wait) == (0, 1.0)


async def test_a_report_is_corrected_by_what_living_processes_hold(fleet: Any) -> None:
    """The server has not counted the requests that are leased and not sent; those of a dead process come back."""
    stores = [await fleet.join() for _ in range(2)]
    one, two = [store.sharing.find_budget("key") for store in stores]
    await two.lease(0, Report(1000, 100, 60.0, 0.0), 0.0)
    held = (await two.lease(8, None, 0.0)).tokens + 8

    living = await lease_all(one.lease, Report(1000, 20, 60.0, 0.0))
    await fleet.expire(stores[1])
    dead = await lease_all(one.lease, Report(1000, 20, 60.0, 0.0))

    assert (living, dead) == (20 - held, 20)


async def lease_all(lease: Callable[..., Awaitable[Any]], report: Report) -> int:
    """Lease all requests that a report leaves."""
    tokens = (await lease(0, report, 0.0)).tokens
    for _ in range(30):
        tokens += (await lease(0, None, 0.0)).tokens
    return int(tokens)
