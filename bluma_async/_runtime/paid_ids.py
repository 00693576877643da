"""
Keep the id of a paid job from being lost between the answer to its create and the caller.

Rule: an id counts as delivered only when the caller has it, as a result or on an error of the SDK. An id that is not
delivered is logged at WARNING: the job is paid, and can be waited for by its id.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from bluma_async._runtime.callbacks import drop_reports
from bluma_async._runtime.log import logger
from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["PaidId", "report_if_dropped"]


def report_if_dropped(job_id: str, kind: str = "Video") -> None:
    """Log the id of a paid job if the running blocking call is interrupted before its caller has the result."""
    reports = drop_reports.get()
    if reports is not None:
        reports.append(lambda: _log_paid(job_id, kind))


class PaidId:
    """
    A block that creates a video and continues with it. An exception after the create does not lose the id.

    The exception gets it as `video_id`. It is logged too, unless the exception is a BlumaError: callers know that one's
    `video_id`.
    """

    def __init__(self, job_id: str | None = None) -> None:
        self.job_id = job_id

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        if error is None or self.job_id is None:
            return
        if isinstance(error, BlumaError):
            error.video_id = self.job_id
            return
        if not hasattr(error, "video_id"):
            with contextlib.suppress(AttributeError, TypeError):  # a class of the user's may refuse it
                error.video_id = self.job_id  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        _log_paid(self.job_id, "Video")


def _log_paid(job_id: str, kind: str) -> None:
    logger.warning("%s %s is paid, and the call that created it was interrupted. Wait for it by its id.", kind, job_id)
