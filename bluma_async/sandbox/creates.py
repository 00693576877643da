"""
Creates: the time from the arrival of a request to the commit, when the video exists and is billed.

Rule 1: a create that has arrived is committed, whether or not its client still waits for the answer.
Rule 2: a create whose commit lies ahead when the sandbox stops is never committed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Dict, Iterable, List

from bluma_async.sandbox.api_errors import ApiError

if TYPE_CHECKING:
    from bluma_async.sandbox.clock import Clock, Timer
    from bluma_async.sandbox.cruelty import CurrentCruelty
    from bluma_async.sandbox.tables import Row
    from bluma_async.sandbox.videos import Videos

__all__ = ["Creates", "PendingCreate", "create_view", "restore_creates"]

STOPPED = "The sandbox was stopped before the create was committed."


class PendingCreate:
    """A create that has arrived, and may have been committed."""

    def __init__(self, row: Row) -> None:
        self.row: Row = row
        self.committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.timer: Timer | None = None

    async def wait(self) -> None:
        """Wait for the commit; raises its ApiError."""
        await asyncio.shield(self.committed)

    def finish(self, error: ApiError | None) -> None:
        """Set the outcome of the commit."""
        if error is None:
            self.committed.set_result(None)
        else:
            self.committed.set_exception(error)
            self.committed.exception()  # else asyncio would log the error: after a cut no task awaits it


class Creates:
    """Commits creates: at once, or `commit_delay` after their arrival."""

    def __init__(self, videos: Videos, clock: Clock, cruelty: CurrentCruelty) -> None:
        self._videos = videos
        self._clock = clock
        self._cruelty = cruelty
        self._pending: Dict[str, PendingCreate] = {}

    def accept(self, row: Row) -> PendingCreate:
        """
        Accept a create, and commit it when its time comes.

        Raises:
            ApiError: The balance is too low; nothing was created. A later commit that finds it too low creates nothing
                either, and `wait` raises this error.
        """
        pending, delay = PendingCreate(row), self._cruelty.value.commit_delay
        if not delay:
            self._videos.commit(row)
            pending.finish(None)
            return pending
        self._videos.check_balance(row)
        self._pending[row["id"]] = pending
        pending.timer = self._clock.call_at(self._clock.time() + delay, lambda: self._commit(pending))
        return pending

    def list_pending(self) -> List[Row]:
        """Return the creates that are not committed yet, oldest first."""
        return [pending.row for pending in self._pending.values()]

    def stop(self) -> None:
        """Give up the creates that are not committed yet; the requests that wait for them end with a 503."""
        for pending in self._pending.values():
            if pending.timer is not None:
                pending.timer.cancel()
            pending.finish(ApiError(503, STOPPED))
        self._pending.clear()

    def _commit(self, pending: PendingCreate) -> None:
        del self._pending[pending.row["id"]]
        if self._cruelty.value.created_at == "commit":
            pending.row["created"] = self._clock.time()
        try:
            self._videos.commit(pending.row)
        except ApiError as error:
            pending.finish(error)
        else:
            pending.finish(None)


def restore_creates(rows: Iterable[Row]) -> Dict[str, PendingCreate]:
    """Return the committed creates by their Idempotency-Keys; of several with one key, the first."""
    restored: Dict[str, PendingCreate] = {}
    for row in rows:
        key = row.get("idempotency_key")
        if key and key not in restored:
            restored[key] = PendingCreate(row)
            restored[key].finish(None)
    return restored


def create_view(row: Row, *, is_committed: bool) -> Dict[str, Any]:
    """Return a create as the control surface shows it. The API shows neither the key nor the stranger."""
    return {
        "idempotency_key": row.get("idempotency_key"),
        "video_id": row["id"],
        "template_id": row["template_id"],
        "key": row["kind"],
        "is_committed": is_committed,
        "is_billed": is_committed and row["kind"] == "live",
        "is_stranger": bool(row.get("stranger")),
    }
