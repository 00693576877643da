"""
Accept the answer to a create.

Rule 1: an answer is believed only if this create can have made its video. Connections can deliver a stray answer after
an interrupted exchange: its video is known already, here or to the processes that share a store, or its template is
another one. The create counts as accepted then, for caution, and its own video is searched for.
Rule 2: if the shared records cannot be read, the answer is believed: it is paid, and must not be lost. The store
decides once more when the video is recorded: a create whose video is another's stays open, and is searched for.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from bluma_async._runtime.tasks import finish
from bluma_async._session.in_flight import Standing
from bluma_async._wire.json_values import parse_json
from bluma_async._wire.times import read_datetime
from bluma_async.errors import BlumaError, ServerError

if TYPE_CHECKING:
    from datetime import datetime

    from bluma_async._session.in_flight import InFlightCall
    from bluma_async._session.ports import Coordinator
    from bluma_async._session.session import Session
    from bluma_async._wire.messages import Answer
    from bluma_async.types import Video

__all__ = ["accept_answer", "note_video"]


async def accept_answer(session: Session, call: InFlightCall, video: Video, answer: Answer) -> None:
    """
    Note the video that a create became.

    Raises:
        ServerError: The answer is another request's.
    """
    wanted, checks = call.template_id, session.shared.certainty.checks_answers
    if checks and not session.evidence.may_be_from(video.id, call):
        raise _foreign(_known(video), answer)
    if checks and wanted is not None and video.template_id not in {"", wanted}:
        raise _foreign(f"a video of template {video.template_id}, and {wanted} was asked for", answer)
    if checks and session.coordinator is not None:
        await finish(_note_if_own(session, session.coordinator, call, video, answer))
    else:
        note_video(session, call, video)
    _learn_times(session, video, answer)


def note_video(session: Session, call: InFlightCall, video: Video) -> None:
    """Note the video that a create became."""
    call.video_id, call.standing = video.id, Standing.ACCEPTED
    session.evidence.mark_known(video.id)
    session.evidence.mark_created(video.id, session.shared.clock.now(), call.key)
    session.evidence.note_charge(video.id, video.credits_charged)


async def _note_if_own(
    session: Session, coordinator: Coordinator, call: InFlightCall, video: Video, answer: Answer
) -> None:
    """Note the video unless another process has recorded it for another create; a cancelled caller has noted it too."""
    is_anothers = False
    with contextlib.suppress(BlumaError):
        is_anothers = await coordinator.is_anothers(call, video.id)
    if is_anothers:
        session.evidence.mark_older(video.id, call)
        raise _foreign(_known(video), answer)
    note_video(session, call, video)


def _learn_times(session: Session, video: Video, answer: Answer) -> None:
    """Learn from an accepted create how far the server's two clocks are apart, and how old later videos are at most."""
    evidence = session.evidence
    if not evidence.may_learn(answer.date, video.created_at):
        return
    created_at = _read_created_at(answer)
    if created_at is not None:
        evidence.raise_floors(created_at)
        if answer.date is not None:
            evidence.learn_skew(answer.date, created_at)


def _read_created_at(answer: Answer) -> datetime | None:
    """Return the server's own `created_at`: that of the model is the time of reading if the server sent none."""
    try:
        return read_datetime(parse_json(answer.body).get("created_at"))
    except (ValueError, OverflowError, AttributeError):
        return None


def _known(video: Video) -> str:
    return f"video {video.id}, which this create cannot have made"


def _foreign(what: str, answer: Answer) -> ServerError:
    return ServerError(
        f"The answer to this create carries {what}: it belongs to another request, or a mock returns one id twice.",
        status=502,
        http_status=answer.status,
    )
