"""Without an asyncio event loop, as under trio, a call says what the async client needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Coroutine, Dict, Iterator

import pytest

from bluma_async import AsyncBluma, AsyncLuma, errors

PROMPT = {"prompt": "Explain rain"}


async def iterate(client: AsyncBluma) -> None:
    """Read the first video of a list."""
    async for _ in client.videos.iterate():
        return


CALLS: Dict[str, Callable[[AsyncBluma, Path], Coroutine[Any, Any, Any]]] = {
    "get": lambda client, _: client.videos.get("batch_1"),
    "create": lambda client, _: client.videos.create(PROMPT, "t"),
    "exclusive create": lambda client, _: client.with_options(exclusive=True).videos.create(PROMPT, "t"),
    "wait_for": lambda client, _: client.videos.wait_for("batch_1"),
    "generate": lambda client, folder: client.videos.generate(PROMPT, "t", save_to=folder / "x.mp4"),
    "save": lambda client, folder: client.videos.save("batch_1", folder / "x.mp4"),
    "iterate": lambda client, _: iterate(client),
    "upload": lambda client, _: client.assets.upload([b"1234"]),
}


def run_without_loop(call: Coroutine[Any, Any, Any]) -> None:
    """Run a call up to its first suspension, as another library than asyncio does."""
    steps: Iterator[Any] = call.__await__()
    try:
        next(steps)
    except StopIteration:
        pass
    finally:
        call.close()


@pytest.mark.parametrize("name", CALLS)
def test_a_call_needs_asyncio(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The error is one of the SDK's, names the ways out, and leaves no create in doubt."""
    client = AsyncBluma("bluma_test_key", base_url="http://127.0.0.1:9/v1")

    with pytest.raises(errors.BlumaError, match=r"needs asyncio.*nothing was sent.*blocking client in a thread"):
        run_without_loop(CALLS[name](client, tmp_path))

    assert (client.open_creates, caplog.messages) == ([], [])


def test_a_call_of_luma_needs_asyncio(caplog: pytest.LogCaptureFixture) -> None:
    """The clients of Luma send in the same way."""
    luma = AsyncLuma("vapi", "key", "http://127.0.0.1:9")

    with pytest.raises(errors.BlumaError, match="needs asyncio"):
        run_without_loop(luma.generations.create("A cat"))

    assert caplog.messages == []
