"""The client works with V-API whether it has the irregularities of its ancestor or not."""

from __future__ import annotations

from typing import Tuple

import pytest

from bluma_async import errors
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.luma.quirks import VAPI_QUIRKS
from tests.luma.conformance import make_client, start

CASES = [(), *((quirk,) for quirk in VAPI_QUIRKS), VAPI_QUIRKS]


@pytest.mark.parametrize("quirks", CASES, ids=lambda quirks: "+".join(quirks) or "none")
async def test_the_client_works_with_every_quirk(sandbox: Sandbox, quirks: Tuple[str, ...]) -> None:
    """Traps 12, 13 and 19: create, extend, read and errors, with text for JSON, two documents, lists, nine digits."""
    sandbox.cruelty = sandbox.cruelty.change(vapi_quirks=quirks)
    async with make_client("vapi", sandbox) as luma:
        made = await start(luma)
        await sandbox.advance(105)
        longer = await luma.generations.extend(made.id, "with a hat")
        await sandbox.advance(105)
        done = await luma.generations.get(longer.id)
        with pytest.raises(errors.NotFoundError, match="task not exist"):
            await luma.generations.get("none")
        with pytest.raises(errors.ValidationError, match="loop"):
            await start(luma, loop="yes")

    assert (done.state, done.parent_id, done.videos[0].width, done.videos[0].height) == (
        "succeeded",
        made.id,
        1280,
        720,
    )
    assert made.created_at is not None
    assert made.created_at.microsecond == 319129
