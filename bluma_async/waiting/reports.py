"""Note whether the server answers the polls of a wait, and report what a program should know early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Sequence, Tuple

from bluma_async._runtime.log import logger, mask
from bluma_async.errors import APIError, NetworkError, RateLimitError
from bluma_async.waiting.contact import SILENCE

if TYPE_CHECKING:
    from bluma_async._session.pauses import BudgetPause
    from bluma_async.waiting.entries import Entry, Waiter
    from bluma_async.waiting.source import Source

__all__ = ["note_answer", "note_failure", "report_silence", "report_unknown"]


def note_answer(entries: Iterable[Entry]) -> None:
    """Note that a poll of these jobs was answered."""
    for entry in entries:
        for waiter in entry.waiters:
            waiter.contact.is_reached, waiter.contact.failure = True, None


def note_failure(entries: Iterable[Entry], failure: Exception) -> float:
    """
    Note that a poll of these jobs has failed: without an answer, or with one that says to try again.

    Returns:
        The seconds in which the server wants no request.
    """
    failure = failure.with_traceback(None)  # it may be kept as long as the wait takes, and so would its frames
    for entry in entries:
        for waiter in entry.waiters:
            waiter.contact.is_reached |= isinstance(failure, APIError)
            waiter.contact.failure = failure
    return (failure.retry_after or 0.0) if isinstance(failure, APIError) else 0.0


def report_silence(silent: Sequence[Tuple[Entry, Waiter]]) -> None:
    """
    Log, and report to each wait, that the server has not answered since the wait began.

    In a pause of the hourly budget it was not asked: the pause is reported then, and was logged.
    """
    pause = silent[0][1].source.pace().spent if silent else None
    for _, waiter in silent:
        waiter.contact.is_reported = True
        waiter.notify(silence=_build_report(waiter, pause))
    if silent and pause is None:
        entry, waiter = silent[0]
        logger.warning(
            "No answer has come to %d wait(s) for %g s, such as the one for %s, which goes on polling for up to %g s. "
            "The last poll failed: %s",
            len(silent),
            SILENCE,
            entry.job_id,
            waiter.timeout,
            mask(str(waiter.contact.failure or "it is still in flight")),
        )


def _build_report(waiter: Waiter, pause: BudgetPause | None) -> Exception:
    if pause is not None:
        return RateLimitError(pause.describe(), retry_after=pause.resets_in)
    return waiter.contact.failure or NetworkError("The first poll has not ended.")


def report_unknown(entry: Entry, state: Any, source: Source[Any]) -> None:
    """Log a status that this version does not know, once for a job, unless all its waits end with it."""
    status = source.status(state)
    if source.is_known(state) or status == entry.reported_status:
        return
    entry.reported_status = status
    if not entry.ends_with(state):
        logger.warning(
            "%s has the status %r, which this version of the SDK does not know. Polling goes on; if the status is "
            "final, pass final_statuses=[%r].",
            entry.job_id,
            status,
            status,
        )
