"""The results of a batch as a data frame: beside the rows that they belong to, or of a whole journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Tuple

from bluma_async._runtime.threads import in_thread
from bluma_async.batch.frames import LABEL, add_columns, build_frame, read_frame
from bluma_async.batch.parsing import parse_row

if TYPE_CHECKING:
    from bluma_async.stores.jobs import Job, StoredJob
    from bluma_async.stores.ports import JobStore

__all__ = ["build_results", "join_results"]

CHUNK = 500  # keys in one read of a store
Columns = Dict[str, List[Any]]


async def join_results(store: JobStore, frame: object) -> Any:
    """
    Return a data frame with the results of its jobs in further columns; None for rows whose job is not in the store.

    Raises:
        InvalidArgumentError: A row is invalid.
    """
    jobs = await in_thread(_parse_all, frame)
    columns = _make_columns()
    for start in range(0, len(jobs), CHUNK):
        chunk = jobs[start : start + CHUNK]
        found = await store.find_all([job.key for job in chunk])
        for job in chunk:
            stored = found.get(job.key)
            is_other = stored is not None and stored.body != job.body
            _add_result(columns, job.key, None if is_other else stored)
            if is_other:  # never the result of another job
                columns["error"][-1] = "the journal has another job with this key"
    return await in_thread(add_columns, frame, columns)


async def build_results(store: JobStore, library: str | None) -> Any:
    """Return a data frame of all jobs of a store, in their order."""
    columns, after = _make_columns(), 0
    while page := await store.list_jobs(None, after):
        for job in page:
            _add_result(columns, job.key, job)
        after = page[-1].place
    return await in_thread(build_frame, columns, library)


def _parse_all(frame: object) -> List[Job]:
    return [parse_row(row, f"{LABEL} {number}").to_job() for number, row in read_frame(frame)]


def _make_columns() -> Columns:
    names: Tuple[str, ...] = ("key", "state", "video_id", "path", "credits_charged", "error", "candidates", "reused")
    return {name: [] for name in names}


def _add_result(columns: Columns, key: str, job: StoredJob | None) -> None:
    columns["key"].append(key)
    columns["state"].append(None if job is None else str(job.state))
    columns["video_id"].append(None if job is None else job.video_id)
    columns["path"].append(None if job is None else job.path)
    columns["credits_charged"].append(0 if job is None else job.charged)
    columns["error"].append(None if job is None else job.error)
    columns["candidates"].append(None if job is None or not job.candidates else " ".join(job.candidates))
    columns["reused"].append(job is not None and job.is_reused)
