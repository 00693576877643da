"""What follows a failed attempt."""

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
    APIError(status=307),
]
UNCERTAIN = [CUT, LATE, BROKEN, BAD_GATEWAY, ServerError(status=504)]


@pytest.mark.parametrize("error", [BROKEN, BAD_GATEWAY, AWAY, CUT, LATE, NEVER_SENT], ids=repr)
def test_server_and_network_failures_are_worth_repeating(error: BlumaError) -> None:
    """Item 107: 5xx and the network, as long as there are retries left."""
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
    """Item 107: nothing in the 400s is repeated, and by default 429 is not either."""
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
    ("error", "repeats", "delay"),
    [
        (RateLimitError(status=429, retry_after=60.0), True, 60.0),
        (RateLimitError(status=429, retry_after=60.5), False, 60.5),
        (RateLimitError(status=429), True, 1.0),
        (ServerError(status=503, retry_after=5.0), True, 5.0),
        (ServerError(status=503, retry_after=300.0), False, 300.0),
        (ServerError(status=500, retry_after=300.0), True, 1.0),
    ],
)
def test_bearable_pauses_are_kept_when_opted_in(error: BlumaError, repeats: bool, delay: float) -> None:
    """`max_retry_after` repeats 429 and 503 after just what they ask, and raises what asks for more."""
    policy = RetryPolicy(max_retry_after=60)

    assert policy.allows_retry(error, 0) is repeats
    assert policy.delay(error, 0, 0.0) == delay


def test_certainty_is_told_by_the_outcome() -> None:
    """Connect failures, 4xx and 503 are refusals; silence, cuts and other 5xx are not."""
    assert [is_certainly_refused(error) for error in CERTAIN] == [True] * len(CERTAIN)
    assert [is_certainly_refused(error) for error in UNCERTAIN] == [False] * len(UNCERTAIN)


@pytest.mark.parametrize("error", UNCERTAIN, ids=repr)
@pytest.mark.parametrize("repeat", [True, False])
def test_what_costs_money_is_looked_for_first(error: BlumaError, repeat: bool) -> None:
    """A paid call with an uncertain outcome is never just repeated, nor just given up."""
    decision = decide(Safety.COSTS_MONEY, error, RetryPolicy(), retry=repeat, delay=2.0)

    assert decision == Reconcile(2.0 if repeat else 0.0, then_retry=repeat)


@pytest.mark.parametrize("error", CERTAIN, ids=repr)
def test_certain_refusals_of_paid_calls_are_treated_as_any(error: BlumaError) -> None:
    """What was certainly not accepted needs no looking."""
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
def test_the_policy_for_doubt_is_the_callers(options: Any, can_reconcile: bool, decision: Any) -> None:
    """`retry` repeats blindly, `raise` never does, and where nobody can look nothing is repeated."""
    policy = RetryPolicy(**options)

    assert decide(Safety.COSTS_MONEY, CUT, policy, retry=True, delay=2.0, can_reconcile=can_reconcile) == decision


def test_what_would_begin_after_the_deadline_is_not_begun() -> None:
    """A pause that reaches the deadline ends the call; a paid one is still looked for."""
    policy = RetryPolicy()

    assert decide(Safety.REPEATABLE, CUT, policy, retry=True, delay=2.0, time_left=2.0) == GiveUp()
    assert decide(Safety.REPEATABLE, CUT, policy, retry=True, delay=2.0, time_left=2.1) == Retry(2.0)
    assert decide(Safety.COSTS_MONEY, CUT, policy, retry=True, delay=2.0, time_left=1.0) == Reconcile(0.0, False)
