"""
Many videos at once in an async script, with its tests. Run it with `python -m pytest examples/gather_script.py`.

Nothing is repeated on a guess: a create whose answer is lost is reported with what is known of it.
"""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List, Sequence

import pytest

from bluma import AsyncBluma
from bluma.errors import AmbiguousCreateError, BlumaError
from bluma.testing import Sandbox

# The script.


async def make(client: AsyncBluma, prompt: str) -> str:
    """Make one video, and return its link, or why there is none."""
    try:
        video = await client.videos.create({"prompt": prompt}, "ugc-text-overlay")
        done = await client.videos.wait_for(video, timeout=900)
    except AmbiguousCreateError as error:
        return f"in doubt: {error.idempotency_key}"
    except BlumaError as error:
        return f"failed: {error.status}"
    return done.url or f"failed: {done.error}"


async def main(prompts: Sequence[str]) -> Dict[str, str]:
    """Make all videos; each has its own result, also if another one fails."""
    async with AsyncBluma() as client:  # the key is BLUMA_API_KEY
        links: List[str] = await asyncio.gather(*(make(client, prompt) for prompt in prompts))
    return dict(zip(prompts, links))


# Its tests.


def test_all_are_made_at_once(bluma_sandbox: Sandbox, assert_billed: Any) -> None:
    """Twenty videos are paid once each, and waited for together."""
    made = asyncio.run(main([f"Question {number}" for number in range(20)]))

    assert all(link.startswith("http") for link in made.values())
    assert_billed(20)


@pytest.mark.bluma_fault("POST /videos", "drop_after")
def test_a_lost_answer_is_reported(bluma_sandbox: Sandbox, assert_billed: Any) -> None:
    """The other videos are made; the lost one is not bought again."""
    made = asyncio.run(main(["one", "two"]))

    assert max(link.split(":")[0] for link in made.values()) == "in doubt"
    assert_billed(2)
