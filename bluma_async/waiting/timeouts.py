"""The error of a wait that timed out: it states what is known about the job, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bluma_async.errors import WaitTimeoutError

if TYPE_CHECKING:
    from bluma_async.waiting.contact import Contact

__all__ = ["build_timeout_error"]


def build_timeout_error(
    job: str, timeout: float, contact: Contact, *, seen: str | None, outlook: str, video_id: str, last: Any
) -> WaitTimeoutError:
    """
    Return the error for a wait that timed out.

    Args:
        job: The job, such as "video batch_1".
        timeout: Seconds that the wait took.
        contact: Whether the server has answered.
        seen: The last state as text; None if the job was never seen.
        outlook: A sentence about what happens to a job in that state, such as "The render continues".
        video_id: The job's id.
        last: The last state.
    """
    if seen is not None:
        text = f"{job} was not finished after {timeout:g} s (last seen: {seen}). {outlook}; wait again with its id."
    elif contact.is_reached:
        text = (
            f"{job} was never seen in {timeout:g} s{_describe(contact)}. It is not known whether it exists or is being "
            "made; wait again with its id."
        )
    else:
        text = (
            f"no answer came in {timeout:g} s, so {job} was never seen{_describe(contact)}. Check the network and "
            "base_url, then wait again with its id."
        )
    error = WaitTimeoutError(f"Waiting timed out: {text}", video_id=video_id, last=last)
    error.__cause__ = contact.failure
    return error


def _describe(contact: Contact) -> str:
    return "" if contact.failure is None else f" (the last poll failed: {str(contact.failure).rstrip('.')})"
