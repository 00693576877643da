"""What one seed draws: how the network, the server and the other users of the key behave in one run."""

from __future__ import annotations

import random
from typing import Dict, List, Optional, Tuple

import attrs

SETTLE_TIME = 30.0  # seconds; the client's default
WITHIN = 0.95  # of the settle time: what commit delay and list lag may take together
MOST_SKEW = 55.0  # seconds

# What becomes of one create: does the server act, and what does the client get?
FATES: Dict[str, Tuple[bool, str]] = {
    "answered": (True, "answer"),
    "cut before": (False, "cut"),
    "cut after": (True, "cut"),
    "silent before": (False, "silence"),
    "silent after": (True, "silence"),
    "refused connection": (False, "no connection"),
    "500 before": (False, "500"),
    "500 after": (True, "500"),
    "502 after": (True, "502"),
    "504 before": (False, "504"),
    "504 after": (True, "504"),
    "bare 503 after": (True, "bare 503"),
    "bare 503 before": (False, "bare 503"),
    "bare 409 after": (True, "bare 409"),
    "503": (False, "503"),
    "429": (False, "429"),
    "unreadable 2xx": (True, "garbage"),
    "stray answer before": (False, "stray"),
    "stray answer after": (True, "stray"),
}
UNREADABLE = ("500", "403", "429", "garbage", "cut", "silence")


@attrs.frozen(kw_only=True)
class Conditions:
    """The behaviour of everything that is not the client; times in seconds."""

    commit_delay: float = 0.0
    list_lag: float = 0.0
    get_lag: float = 0.0
    date_ahead: Optional[float] = 0.0  # the Date header against `created_at`; None: no Date header
    local_ahead: float = 0.0  # the client's wall clock against `created_at`
    dated_at_arrival: bool = True  # whether `created_at` is the arrival, or the commit
    page_cap: int = 100
    is_ordered: bool = True
    list_failures: float = 0.0  # share of list requests that cannot be read
    create_faults: float = 0.3  # share of creates with another fate than an answer
    fates: Tuple[str, ...] = tuple(FATES)
    strangers: float = 0.0  # creates of others on the same account, a minute
    history: str = "readable"  # or "forbidden"
    charges_shown: bool = True  # whether an answer tells `credits_charged`
    latency: float = 0.2
    render: float = 60.0
    render_failures: float = 0.0


def name_kinds(conditions: Conditions) -> List[str]:
    """Return the kinds of trouble that these conditions have, for the counts of many runs."""
    kinds = {
        "late commits": conditions.commit_delay > 0,
        "lagging lists": conditions.list_lag > 0,
        "lagging reads": conditions.get_lag > 0,
        "Date against created_at": bool(conditions.date_ahead),
        "no Date": conditions.date_ahead is None,
        "local clock against created_at": conditions.local_ahead != 0,
        "capped pages": conditions.page_cap < 100,
        "unordered lists": not conditions.is_ordered,
        "unreadable lists": conditions.list_failures > 0,
        "strangers": conditions.strangers > 0,
        "no charges in answers": not conditions.charges_shown,
    }
    return [kind for kind, is_there in kinds.items() if is_there]


def draw_conditions(random_: random.Random, *, is_beyond: bool = False) -> Conditions:
    """Draw conditions within the designed bounds; or beyond: slower than `settle_time`, clocks minutes apart."""
    pick = random_.random
    budget = SETTLE_TIME * (3.0 if is_beyond else WITHIN)
    most_skew = 300.0 if is_beyond else MOST_SKEW
    commit = random_.choice((0.0, 0.0, pick() * 6, pick() * budget))
    lag = random_.choice((0.0, 0.0, pick() * 4, pick() * budget))
    if commit + lag > budget:
        commit, lag = commit * budget / (commit + lag), lag * budget / (commit + lag)
    skews = (0.0, random_.uniform(-3, 3), random_.uniform(-most_skew, most_skew))
    fates = tuple(FATES) if pick() < 0.5 else tuple(random_.sample(sorted(FATES), 4))
    return Conditions(
        commit_delay=commit,
        list_lag=lag,
        get_lag=random_.choice((0.0, 0.0, pick() * 3, pick() * 25)),
        date_ahead=None if pick() < 0.1 else random_.choice(skews),
        local_ahead=random_.choice(skews),
        dated_at_arrival=pick() < 0.7,
        page_cap=random_.choice((100, 20, 3, 1)),
        is_ordered=pick() < 0.95,
        list_failures=random_.choice((0.0, 0.0, 0.0, 0.2, 1.0)),
        create_faults=random_.choice((0.0, 0.3, 0.6, 1.0)),
        fates=fates,
        strangers=random_.choice((0.0, 0.0, 0.0, 0.5, 6.0)),
        history=random_.choice(("readable", "readable", "forbidden")),
        charges_shown=pick() < 0.9,
        latency=random_.choice((0.05, 0.3, 2.0)),
        render=random_.choice((0.0, 20.0, 120.0)),
        render_failures=random_.choice((0.0, 0.0, 0.2)),
    )
