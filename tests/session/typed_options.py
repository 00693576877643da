"""
Calls that a type checker must refuse, and calls that it must accept. mypy reads this file; nothing runs it.

Each `type: ignore` names the error that must be there. If `with_options` accepts the call, mypy reports the comment as
unused, and the type check fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import assert_type

    from bluma import Asset, Bluma, Video, Webhook
    from bluma.types import JobState
    from bluma_async import AsyncBluma, AsyncLuma
    from bluma_sync.luma.client import Luma


def refused(client: AsyncBluma, blocking: Bluma, luma: AsyncLuma, blocking_luma: Luma) -> None:
    """Call each client with a misspelled option, a value of the wrong type, and an option that copies share."""
    client.with_options(timout=5)  # type: ignore[call-arg]  # misspelled
    blocking.with_options(timout=5)  # type: ignore[call-arg]  # misspelled
    luma.with_options(timout=5)  # type: ignore[call-arg]  # misspelled
    blocking_luma.with_options(timout=5)  # type: ignore[call-arg]  # misspelled
    client.with_options(timeout="5")  # type: ignore[arg-type]  # a string
    client.batch("b").results(state="svaed")  # type: ignore[arg-type]  # no such state
    client.with_options(on_ambiguous="hope")  # type: ignore[arg-type]  # no such choice
    client.with_options(proxy="http://p")  # type: ignore[call-arg]  # belongs to the connections, which copies share


def accepted(client: AsyncBluma, blocking: Bluma, luma: AsyncLuma, blocking_luma: Luma) -> None:
    """Call each client with valid options; a copy has the type of its client."""
    assert_type(client.with_options(timeout=5, deadline=None, on_ambiguous="raise"), AsyncBluma)
    assert_type(blocking.with_options(max_retries=1, api_key="bluma_test_x"), Bluma)
    client.batch("b").results(state="saved")
    client.batch("b").results(JobState.SAVED)
    assert_type(luma.with_options(retry_delay=0.5), AsyncLuma)
    assert_type(blocking_luma.with_options(should_retry=None), Luma)


def attributes(client: AsyncBluma, blocking: Bluma) -> None:
    """The options of a client are typed, and cannot be set."""
    assert_type(client.timeout, float)
    assert_type(blocking.max_retries, int)
    assert_type(blocking.api_key, str)
    client.timeout = 5  # type: ignore[assignment]  # read-only
    blocking.max_retries = 5  # type: ignore[assignment]  # read-only


async def ids(client: AsyncBluma, blocking: Bluma, video: Video, webhook: Webhook, asset: Asset) -> None:
    """A method that takes an id takes the object too, and no object of another kind."""
    assert_type(await client.videos.get(video), Video)
    assert_type(blocking.videos.wait_for(video), Video)
    blocking.collections.add_assets("c", [asset, "a"])
    blocking.collections.add_assets("c", [asset])
    blocking.collections.add_assets("c", ["a"])
    await client.videos.get(webhook)  # type: ignore[arg-type]  # no video
    blocking.webhooks.delete(video)  # type: ignore[arg-type]  # no webhook
