"""
A session of an agent with `bluma mcp`, with its test. Run it with `python -m pytest examples/agent_session.py`.

The agent talks to the server over stdin and stdout. The server keeps the limit of credits and a journal of each create.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any, List

import pytest

fastmcp = pytest.importorskip("fastmcp", reason="fastmcp has no release for this Python")

from bluma.testing import Sandbox

# The session.


async def main(folder: Path, max_credits: int) -> List[Any]:
    """Ask for the price, make a video, and try to make one too many; return what the server has answered."""
    from fastmcp.client.transports import StdioTransport

    command = ["-m", "bluma", "mcp", "--max-credits", str(max_credits), "--out", str(folder), "--poll-interval", "0.1"]
    wanted = {"template_id": "ugc-text-overlay", "prompt": "Why is the sky blue?"}
    async with fastmcp.Client(StdioTransport(sys.executable, command, env=dict(os.environ))) as agent:
        price = await agent.call_tool("estimate", wanted)
        made = await agent.call_tool("create", {**wanted, "key": "sky"})
        again = await agent.call_tool("create", {**wanted, "key": "sky-2"}, raise_on_error=False)
    return [price.data["credits"], made.data["state"], again.is_error]


# Its test.


@pytest.mark.bluma_settings(clock="real", speed=60, render=False)
def test_an_agent_spends_no_more_than_it_may(bluma_sandbox: Sandbox, assert_billed: Any, tmp_path: Path) -> None:
    """The second video would cost more than what is left; it is refused, and not billed."""
    price, state, is_refused = asyncio.run(main(tmp_path, max_credits=3))

    assert (price, state, is_refused) == (2, "rendering", True)
    assert_billed(1)
