"""Each way to lose an answer beside each cruelty of the server: one bill, and never the video of somebody else."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple, Union

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Cruelty, Sandbox
from bluma_async.types import Video
from tests.live import SandboxClock

TEMPLATE = "ugc-text-overlay"
# For each outcome its fault, and whether the server accepted the create.
OUTCOMES: Dict[str, Tuple[str, Dict[str, Any], bool]] = {
    "cut before": ("drop_before", {}, False),
    "500 before": ("status", {"status": 500}, False),
    "bare 503": ("status", {"status": 503, "body": "html"}, False),
    "cut after": ("drop_after", {}, True),
    "silent after": ("silent", {}, True),
    "500 after": ("status_after", {"status": 500}, True),
    "502 after": ("status_after", {"status": 502}, True),
    "garbage 202": ("not_json", {}, True),
}
# Lag and late commit together stay below `settle_time`, and the skew below a minute: the bounds of what is promised.
CRUELTIES: Dict[str, Dict[str, Any]] = {
    "list lags": {"list_lag": 28},
    "late commit": {"commit_delay": 28},
    "late commit and lag": {"commit_delay": 14, "list_lag": 14},
    "reads lag": {"read_lag": 28},
    "Date is ahead": {"date_ahead": 55},
    "Date is behind": {"date_ahead": -55},
    "no Date": {"date_ahead": None},
    "capped pages out of order": {"page_cap": 2, "unordered_lists": True},
    "unreadable lists": {"list_failures": 1.0},
    "no price": {"no_credits_charged": True},
}
Ending = Union[Video, errors.BlumaError]


async def create_one(sandbox: Sandbox, outcome: str, *, stranger: bool = False, **options: Any) -> Ending:
    """Create one video whose answer is lost; with `stranger`, somebody else creates from its template meanwhile."""
    kind, details, _ = OUTCOMES[outcome]
    timeout = 0.25 if kind == "silent" or sandbox.cruelty.commit_delay else 5.0
    options = {"base_url": sandbox.base_url, "timeout": timeout, "clock": SandboxClock(sandbox), **options}
    async with AsyncBluma(sandbox.live_key, **options) as client:
        await client.templates.list()  # a Date, if the server sends one
        sandbox.faults.add("POST /videos", kind, times=1, **details)
        if stranger:
            sandbox.create_as_stranger(TEMPLATE)
        try:
            return await client.videos.create({"prompt": "mine"}, TEMPLATE)
        except errors.BlumaError as error:
            return error


def count_own(sandbox: Sandbox) -> List[str]:
    """Return the ids of the videos that the create made."""
    return [row["id"] for row in sandbox._running.videos.newest_first() if row["prompt"] == "mine"]


@pytest.mark.parametrize("cruelty", CRUELTIES)
@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_one_bill_each(sandbox: Sandbox, outcome: str, cruelty: str) -> None:
    """A create that was not accepted is sent again and returns; an accepted one is in doubt, with its candidate."""
    sandbox.cruelty = Cruelty(**CRUELTIES[cruelty])

    ending = await create_one(sandbox, outcome)
    await sandbox.advance(60)

    assert len(count_own(sandbox)) <= 1
    is_readable = cruelty != "unreadable lists"
    if isinstance(ending, Video):
        assert [ending.id] == count_own(sandbox)
        assert not OUTCOMES[outcome][2]
    else:
        assert isinstance(ending, errors.AmbiguousCreateError)
        is_answered = not sandbox.cruelty.commit_delay  # else the second attempt is accepted after its timeout
        assert OUTCOMES[outcome][2] or not (is_readable and is_answered)  # absence can be proven: no doubt is left
        assert [video.id for video in ending.candidates] == (count_own(sandbox) if is_readable else [])


@pytest.mark.parametrize("cruelty", CRUELTIES)
@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_an_exclusive_key_finds_its_video(sandbox: Sandbox, outcome: str, cruelty: str) -> None:
    """The caller states that nobody else uses the key: every create returns its own video if lists can be read."""
    sandbox.cruelty = Cruelty(**CRUELTIES[cruelty])

    ending = await create_one(sandbox, outcome, exclusive=True)
    await sandbox.advance(60)

    assert len(count_own(sandbox)) <= 1
    if cruelty != "unreadable lists":
        assert isinstance(ending, Video)
        assert [ending.id] == count_own(sandbox)


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_the_video_of_a_stranger_is_never_returned(sandbox: Sandbox, outcome: str) -> None:
    """Somebody else creates one video of the same template: it is a candidate, never the result."""
    ending = await create_one(sandbox, outcome, stranger=True)

    assert len(count_own(sandbox)) <= 1
    if isinstance(ending, Video):
        assert [ending.id] == count_own(sandbox)
    else:
        assert isinstance(ending, errors.AmbiguousCreateError)
        assert set(count_own(sandbox)) <= {video.id for video in ending.candidates}


@pytest.mark.parametrize("outcome", [name for name, (_, _, is_accepted) in OUTCOMES.items() if is_accepted])
async def test_a_false_statement_of_exclusive_use_adopts_nothing(sandbox: Sandbox, outcome: str) -> None:
    """Our video and that of a stranger are listed: one of them is foreign, so none is returned."""
    ending = await create_one(sandbox, outcome, stranger=True, exclusive=True)

    assert isinstance(ending, errors.AmbiguousCreateError)
    assert len(ending.candidates) == 2
