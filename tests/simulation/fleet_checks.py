"""What holds after every run of a fleet."""

from __future__ import annotations

from typing import Dict, List

from bluma_async.stores.jobs import StoredJob
from bluma_async.stores.states import JobState
from tests.simulation.api import MadeVideo
from tests.simulation.fleets import Fleet, is_hopeless

ENDS = (JobState.RENDERED, JobState.FAILED, JobState.IN_DOUBT)


def check_fleet(fleet: Fleet) -> List[str]:
    """Return every broken invariant."""
    broken = list(fleet.problems)
    jobs = {job.key: job for job in fleet.memory.tables.iterate()}
    broken += [f"{given['key']} is lost" for given in fleet.jobs if given["key"] not in jobs]
    bills: Dict[str, List[MadeVideo]] = {}
    for video in fleet.world.api.videos:
        bills.setdefault(video.prompt, []).append(video)
    for job in jobs.values():
        mine = [video.id for video in bills.get(job.key, [])]
        if len(mine) > 1:
            broken.append(f"{job.key} was billed {len(mine)} times: {mine}")
        wrong = _find_wrong(fleet, fleet.memory.tables.with_charge(job), mine)
        broken += [f"{job.key} {wrong}"] if wrong else []
    return broken + _check_ledger(fleet, jobs, bills)


def _find_wrong(fleet: Fleet, job: StoredJob, mine: List[str]) -> str | None:
    """Return what is wrong with a job that was billed for these videos; None if nothing is."""
    is_whole = bool(mine) and not fleet.world.api.has_failed(mine[0])
    problems = {
        f"has not ended: it is {job.state}, held by {job.epoch}, billed for {mine}": (
            job.state not in ENDS and not is_hopeless(fleet.world.conditions)
        ),
        f"is {job.state} with {job.video_id}, its own is {mine}": job.video_id is not None and job.video_id not in mine,
        "is rendered without a video": job.state == JobState.RENDERED and job.video_id is None,
        f"was billed for {mine}, which is whole, and failed: {job.error}": job.state == JobState.FAILED and is_whole,
        f"failed without a bill: {job.error}": job.state == JobState.FAILED and not mine,
        f"is in doubt although the key is exclusive and the list readable: {job.error}": (
            job.state == JobState.IN_DOUBT and _is_needless(fleet)
        ),
    }
    return next((problem for problem, is_there in problems.items() if is_there), None)


def _is_needless(fleet: Fleet) -> bool:
    """Whether the evidence of an exclusive key can always settle a create: list and store can be read throughout."""
    conditions = fleet.world.conditions
    is_cut_off = any(worker.cuts for worker in fleet.workers)
    has_strays = conditions.create_faults and any(fate.startswith("stray") for fate in conditions.fates)
    return fleet.plan.is_exclusive and not conditions.list_failures and not has_strays and not is_cut_off


def _check_ledger(fleet: Fleet, jobs: Dict[str, StoredJob], bills: Dict[str, List[MadeVideo]]) -> List[str]:
    """Compare the ledger with the server's bills: each is recorded, as a bill or a stray, or its job is in doubt."""
    tables = fleet.memory.tables
    strays = {stray.video_id for stray in fleet.memory.strays}
    broken: List[str] = []
    for key, job in jobs.items():
        mine = {video.id for video in bills.get(key, [])}
        recorded = {video_id for video_id, place in tables.billed.items() if place == job.place}
        if recorded - mine:
            broken.append(f"the ledger has {recorded - mine} for {key}, its own is {mine}")
        if mine - recorded - strays and job.state not in {JobState.CREATING, JobState.IN_DOUBT}:
            broken.append(f"{key} was billed for {mine - recorded - strays}, and nothing is recorded")
    return broken
