"""
Decide whether a paid create was refused or accepted, or is uncertain: from the error of an attempt, or from a search.

    refused     the connection was never made; or a 4xx or 503 that carries the API's own error JSON
    accepted    any 2xx answer, whole or not, readable or not: the video exists and is billed
    uncertain   everything else: cut, timeout, 500, 502, 504, a proxy's own page

Rule 1: only a refused create may be sent again without further evidence, an accepted one never.
Rule 2: a search proves that an uncertain create was not accepted only if it began `settle_time` after the last moment
at which the request can have been on its way, and if it read far enough.
Rule 3: nothing here waits, sends, or reads a clock.

A proxy's 408, 409, 425, 429, 499 or 503 can follow an acceptance, because the proxy answers for a server that it no
longer hears; therefore a refusal counts only in the API's own words. The adapters of Luma list theirs, and have stated
with each error whether it is one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Tuple

import attrs

from bluma_async.errors import APIError, BlumaError, NetworkError

__all__ = [
    "CertaintyPolicy",
    "CreateOutcome",
    "Explained",
    "classify",
    "earliest_time",
    "window_begin",
]

ROUNDING = timedelta(seconds=2)  # Date and `created_at` have whole seconds, each cut off separately


@attrs.frozen(kw_only=True)
class CertaintyPolicy:
    """
    The rules that make a create certain. A client always has the defaults.

    The simulation passes weaker rules in, one at a time, to prove that it finds the defects that each prevents.

    Attributes:
        unknown_skew: How far Date, or this machine's clock, may be ahead of `created_at` while that is unknown.
        waits_to_settle: Whether only a search after `settle_time` proves absence.
        needs_readable_list: Whether a list that cannot be read proves nothing.
        reads_far: Whether a search reads as many pages as its window has.
        needs_evidence: Whether a single candidate needs further evidence.
        checks_answers: Whether an answer with a known id, or another template, is rejected.
        takes_turns: Whether a batch sends one create of a template at a time.
        tolerates_read_lag: Whether a wait tolerates that a new video cannot be read yet.
    """

    unknown_skew: timedelta = timedelta(seconds=60)
    waits_to_settle: bool = True
    needs_readable_list: bool = True
    reads_far: bool = True
    needs_evidence: bool = True
    checks_answers: bool = True
    takes_turns: bool = True
    tolerates_read_lag: bool = True


class CreateOutcome(Enum):
    """The outcome of one attempt to create a video."""

    REFUSED = "nothing was created"
    ACCEPTED = "the video exists, and is billed"
    UNCERTAIN = "it may have been accepted"


def classify(failure: BlumaError) -> CreateOutcome:
    """Classify a create by the error that its attempt ended with."""
    if failure.not_accepted:
        return CreateOutcome.REFUSED
    if not isinstance(failure, (APIError, NetworkError)):
        return CreateOutcome.UNCERTAIN
    if isinstance(failure, APIError) and failure.is_refusal is not None:
        return CreateOutcome.REFUSED if failure.is_refusal else CreateOutcome.UNCERTAIN
    status = failure.http_status
    if status is not None and 200 <= status < 300:
        return CreateOutcome.ACCEPTED
    if isinstance(failure, NetworkError):
        return CreateOutcome.UNCERTAIN if failure.request_sent else CreateOutcome.REFUSED
    # An error without an HTTP status comes from the SDK or from the caller's own transport, and not from an answer.
    is_api_answer = failure.is_api_answer or status is None
    is_refusal = 400 <= failure.status < 500 or failure.status == 503
    return CreateOutcome.REFUSED if is_refusal and is_api_answer else CreateOutcome.UNCERTAIN


def window_begin(
    server_date: datetime | None,
    local_time: datetime | None,
    skew: timedelta | None,
    floor: datetime | None = None,
    unknown_skew: timedelta = CertaintyPolicy().unknown_skew,
) -> datetime | None:
    """
    Return the earliest `created_at` that the video of a create can have; None if no clock is known.

    Args:
        server_date: The server's Date when the create began, as far as it was known then.
        local_time: This machine's clock when the create began.
        floor: A `created_at` that was seen before the create began; it needs no clock to agree with another.
        skew: By how much Date was ahead of `created_at` in an earlier answered create; None before the first.
        unknown_skew: How far a clock may be ahead of `created_at`, as long as that is unknown.
    """
    if floor is not None:
        return floor - ROUNDING
    if server_date is not None and skew is not None:
        return server_date - max(skew, timedelta(0)) - ROUNDING
    clocks = [clock for clock in (server_date, local_time) if clock is not None]
    return min(clocks) - unknown_skew if clocks else None


def earliest_time(
    server_date: datetime | None, local_time: datetime | None, skew: timedelta | None, floor: datetime | None
) -> datetime | None:
    """
    Return the earliest `created_at` that certainly belongs to a create; None if no clock is known.

    It is the begin of the window without the minute for unknown clocks: a video of that minute may be an older one.
    """
    return window_begin(server_date, local_time, skew, floor, ROUNDING)


@attrs.frozen
class Explained:
    """
    The knowledge of all processes about videos that a search has found.

    Attributes:
        known: Videos that one of them has made, or has recorded as a stray of another create.
        contested: Videos that no other create may adopt. These are the candidates of creates in doubt. While another
            create of the template is in doubt without candidates, every unexplained video is contested.
        is_mine: Whether the create that was searched for is still open, and held by this process.
        is_shadowed: Whether unexplained videos can be those of other creates, because this process does not hold its
            own: one of the template is open, or in doubt without candidates. Nothing can be concluded from them now.
    """

    known: Tuple[str, ...] = ()
    contested: Tuple[str, ...] = ()
    is_mine: bool = True
    is_shadowed: bool = False
