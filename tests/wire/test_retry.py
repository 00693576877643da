"""The decision after a failed attempt: retry, reconcile, or give up."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async._wire.call import Safety
from bluma_async._wire.retry import GiveUp, Reconcile, Retry, RetryPolicy, decide, is_certainly_refused
from bluma_async.errors import (
    APIError,
    AuthenticationError,
    BlumaError,
    InsufficientCreditsError,
    NetworkError,
    NotFoundError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    ValidationError,
)

NEVER_SENT = NetworkError("refused", request_sent=False)
CUT = NetworkError("cut")
LATE = RequestTimeoutError("late")
BROKEN, BAD_GATEWAY, AWAY = ServerError(status=500), ServerError(status=502), ServerError(status=503)
CERTAIN = [
    NEVER_SENT,
    AWAY,
    RateLimitError(status=429),
    ValidationError(),
    InsufficientCreditsError(),
]
UNCERTAIN = [CUT, LATE, BROKEN, BAD_GATEWAY, ServerError(status=504), APIError(status=307)]
BARE = [APIError(status=status, http_status=status) for status in (408, 409, 425, 429, 499)]
BARE.append(ServerError(status=503, http_status=503))
UNREADABLE = ServerError(status=502, http_status=202)


@pytest.mark.parametrize("error", [BROKEN, BAD_GATEWAY, AWAY, CUT, LATE, NEVER_SENT], ids=repr)
def test_server_and_network_failures_are_retried(error: BlumaError) -> None:
    """Item 107: 5xx and network failures, as long as there are retries left."""
    policy = RetryPolicy()

    assert [policy.allows_retry(error, attempt) for attempt in range(5)] == [True, True, True, False, False]


@pytest.mark.parametrize(
    "error",
    [
        ValidationError(status=400),
        AuthenticationError(status=401),
        InsufficientCreditsError(status=402),
        NotFoundError(status=404),
        RateLimitError(status=429, retry_after=1),
        APIError(status=302),
        BlumaError("closed"),
    ],
    ids=repr,
)
def test_refusals_are_final(error: BlumaError) -> None:
    """Item 107: no 4xx is retried; by default 429 is not either."""
    assert not RetryPolicy().allows_retry(error, 0)


def test_delays_double_from_one_second() -> None:
    """Items 105 and 106: the defaults pause 1, 2, 4 s, and the parameters are the documented ones."""
    usual, own = RetryPolicy(), RetryPolicy(retry_delay=0.5, retry_multiplier=3)

    assert [usual.delay(CUT, attempt, 0.9) for attempt in range(4)] == [1, 2, 4, 8]
    assert [own.delay(CUT, attempt, 0.9) for attempt in range(3)] == [0.5, 1.5, 4.5]
    assert usual.delay(CUT, 10**9, 0.0) > 0


def test_jitter_only_lengthens() -> None:
    """The jitter adds its share of the pause, and nothing when it is off."""
    policy = RetryPolicy(retry_jitter=0.5)

    assert [policy.delay(CUT, 0, spread) for spread in (0.0, 0.5, 1.0)] == [1.0, 1.25, 1.5]


@pytest.mark.parametrize(
    ("error", "is_retried", "delay"),
    [
        (RateLimitError(status=429, retry_after=60.0), True, 60.0),
        (RateLimitError(status=429, retry_after=60.5), False, 60.5),
        (RateLimitError(status=429), True, 1.0),
        (RateLimitError(status=429, retry_after=0.0), True, 1.0),
        (ServerError(status=503, retry_after=5.0), True, 5.0),
        (ServerError(status=503, retry_after=300.0), False, 300.0),
        (ServerError(status=500, retry_after=300.0), True, 1.0),
    ],
)
def test_the_pause_of_the_server_is_kept_up_to_a_limit(error: BlumaError, is_retried: bool, delay: float) -> None:
    """A 429 or 503 is retried after the pause that it asks for, up to a limit, and never sooner than the backoff."""
    policy = RetryPolicy(max_retry_after=60)

    assert policy.allows_retry(error, 0) is is_retried
    assert policy.delay(error, 0, 0.0) == delay


def test_certain_and_uncertain_outcomes() -> None:
    """Failed connects, 4xx and 503 in the API's own words are refusals; cuts, other 5xx and a proxy's pages are not."""
    doubtful = [*UNCERTAIN, *BARE, UNREADABLE]

    assert [is_certainly_refused(error) for error in CERTAIN] == [True] * len(CERTAIN)
    assert [is_certainly_refused(error) for error in doubtful] == [False] * len(doubtful)


@pytest.mark.parametrize("error", UNCERTAIN, ids=repr)
@pytest.mark.parametrize("retry", [True, False])
def test_a_paid_call_is_reconciled_first(error: BlumaError, retry: bool) -> None:
    """A paid call with an uncertain outcome is reconciled before it is retried or given up."""
    decision = decide(Safety.COSTS_MONEY, error, RetryPolicy(), retry=retry, delay=2.0)

    assert decision == Reconcile(2.0, then_retry=retry)


@pytest.mark.parametrize("error", BARE, ids=lambda error: str(error.status))
def test_a_proxys_answer_is_no_refusal(error: BlumaError) -> None:
    """A bare 4xx or 503 can follow an acceptance: it is reconciled, and never just retried."""
    decision = decide(Safety.COSTS_MONEY, error, RetryPolicy(), retry=True, delay=2.0)

    assert decision == Reconcile(2.0, then_retry=True)


@pytest.mark.parametrize("on_ambiguous", ["reconcile", "adopt", "retry"])
def test_an_accepted_call_is_never_retried(on_ambiguous: Any) -> None:
    """A 2xx answer that cannot be read is searched for; no option has it sent again."""
    policy = RetryPolicy(on_ambiguous=on_ambiguous)

    assert decide(Safety.COSTS_MONEY, UNREADABLE, policy, retry=True, delay=2.0) == Reconcile(2.0, then_retry=False)


@pytest.mark.parametrize("error", CERTAIN, ids=repr)
def test_certain_refusals_of_paid_calls_are_treated_as_any(error: BlumaError) -> None:
    """A call that was certainly not accepted needs no reconciliation."""
    assert decide(Safety.COSTS_MONEY, error, RetryPolicy(), retry=True, delay=2.0) == Retry(2.0)
    assert decide(Safety.COSTS_MONEY, error, RetryPolicy(), retry=False, delay=2.0) == GiveUp()


@pytest.mark.parametrize(
    ("options", "can_reconcile", "decision"),
    [
        ({"on_ambiguous": "retry"}, True, Retry(2.0)),
        ({"on_ambiguous": "raise"}, True, GiveUp(in_doubt=True)),
        ({"on_ambiguous": "reconcile"}, False, GiveUp(in_doubt=True)),
    ],
)
def test_on_ambiguous_decides_about_doubt(options: Any, can_reconcile: bool, decision: Any) -> None:
    """`retry` retries without a search, `raise` never does, and without a way to reconcile there is no retry."""
    policy = RetryPolicy(**options)

    assert decide(Safety.COSTS_MONEY, CUT, policy, retry=True, delay=2.0, can_reconcile=can_reconcile) == decision


def test_no_attempt_begins_after_the_deadline() -> None:
    """A pause that reaches the deadline ends the call; a paid call is reconciled all the same."""
    policy = RetryPolicy()

    assert decide(Safety.SAFE_TO_RETRY, CUT, policy, retry=True, delay=2.0, time_left=2.0) == GiveUp()
    assert decide(Safety.SAFE_TO_RETRY, CUT, policy, retry=True, delay=2.0, time_left=2.1) == Retry(2.0)
    assert decide(Safety.COSTS_MONEY, CUT, policy, retry=True, delay=2.0, time_left=1.0) == Reconcile(0.0, False)
    assert decide(Safety.COSTS_MONEY, CUT, policy, retry=True, delay=2.0, time_left=2.1) == Reconcile(2.0, True)
