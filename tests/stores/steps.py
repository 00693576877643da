"""Take a job of any store to any state, and call any verb on it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Awaitable, Callable, List, Mapping, Tuple

from bluma_async.stores.jobs import Intent, Job, Outcome, StoredJob
from bluma_async.stores.ports import JobStore
from bluma_async.stores.states import JobState, Verb

BEGAN = datetime(2025, 11, 3, 10, 30, tzinfo=timezone.utc)
INTENT = Intent("request-1", BEGAN)
Call = Callable[[JobStore, int], Awaitable[Outcome]]
# The verbs that move one job, each with arguments.
VERBS: Mapping[Verb, Call] = {
    Verb.INTEND: lambda store, place: store.intend(place, INTENT),
    Verb.RELEASE: lambda store, place: store.release(place, "refused"),
    Verb.REUSE: lambda store, place: store.reuse(place, "video-of-another"),
    Verb.BILL: lambda store, place: store.bill(place, f"video-{place}", 2, request_key=None),
    Verb.ADOPT: lambda store, place: store.adopt(place, f"video-{place}", 2),
    Verb.DOUBT: lambda store, place: store.doubt(place, ["a", "b"], "several"),
    Verb.FAIL: lambda store, place: store.fail(place, "it failed"),
    Verb.MARK_RENDERED: lambda store, place: store.mark_rendered(place, 3, 1000),
    Verb.REFUND: lambda store, place: store.refund(place, "its render failed"),
    Verb.MARK_SAVED: lambda store, place: store.mark_saved(place, "k.mp4", 1000),
}
PATHS: Mapping[JobState, Tuple[Verb, ...]] = {
    JobState.PLANNED: (),
    JobState.CREATING: (Verb.INTEND,),
    JobState.RENDERING: (Verb.INTEND, Verb.BILL),
    JobState.RENDERED: (Verb.INTEND, Verb.BILL, Verb.MARK_RENDERED),
    JobState.SAVED: (Verb.INTEND, Verb.BILL, Verb.MARK_RENDERED, Verb.MARK_SAVED),
    JobState.FAILED: (Verb.FAIL,),
    JobState.IN_DOUBT: (Verb.INTEND, Verb.DOUBT),
}


class Now:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = datetime(2025, 11, 3, 12, 0, tzinfo=timezone.utc)
        self.watchers: List[Callable[[float], Any]] = []

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        for watcher in self.watchers:
            watcher(seconds)


def require_job(outcome: Any) -> StoredJob:
    """Return the job of an outcome that is not a conflict."""
    assert isinstance(outcome, StoredJob), outcome
    return outcome


async def bring_to(store: JobStore, job: Job, state: JobState) -> StoredJob:
    """Plan a job, and take it to a state."""
    stored = require_job(await store.plan(job))
    for verb in PATHS[state]:
        stored = require_job(await VERBS[verb](store, stored.place))
    assert stored.state == state
    return stored
