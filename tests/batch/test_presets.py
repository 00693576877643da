"""`tag="preset"`: a private variant is evidence whose video it is, although others use the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.request_log import RequestRecord
from tests.batch.helpers import TEMPLATE, forget_process, make_rows, rewind, run_all
from tests.servers import as_another_process


@pytest.mark.extra_fields
@pytest.mark.parametrize("fault", ["status_after", "status"])
async def test_a_lost_create_is_found_beside_a_stranger(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, fault: str
) -> None:
    """Somebody else creates from the same template while an answer is lost: only a video of the preset is adopted."""
    batch = client.batch(out=tmp_path, poll_interval=0.01, tag="preset", concurrency=1)
    strangers = AsyncBluma(quick.live_key, base_url=as_another_process(quick.base_url))
    quick.faults.add("POST /videos", fault, status=500, skip=1)
    foreign: Any = []

    async def intrude(record: RequestRecord) -> None:
        if record.status == 500 and not foreign:
            foreign.append(None)
            foreign[0] = await strangers.videos.create({"prompt": "theirs"}, TEMPLATE)

    quick.watch(intrude)
    results = await run_all(batch, make_rows(3))
    await strangers.aclose()

    states = [str(result.state) for result in results]
    assert foreign[0].id not in {result.video_id for result in results}
    if fault == "status_after":
        assert (states, quick.state()["billed"]) == (["saved"] * 3, 4)
    else:  # ours was refused, and the stranger's is not evidence of anything: never billed again by itself
        assert (sorted(states), quick.state()["billed"]) == (["in_doubt", "saved", "saved"], 3)


async def test_a_preset_is_created_once(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """One variant for each journal and template; the store remembers it, and jobs with their own variant have none."""
    own = await client.variants.create(TEMPLATE, "mine")
    rows = [*make_rows(3), {"variant_id": own.id, "prompt": "x", "key": "own"}]

    await run_all(client.batch(out=tmp_path, poll_interval=0.01, tag="preset"), rows)
    results = await run_all(client.batch(out=tmp_path, poll_interval=0.01, tag="preset"), [*rows, *make_rows(4)[3:]])

    variants = {variant.id for variant in await client.variants.list(TEMPLATE)}
    used = {row["variant_id"] for row in quick._running.videos.newest_first()}
    assert (len(results), len(variants), used) == (1, 2, variants)


@pytest.mark.extra_fields
async def test_an_interrupted_create_is_found_by_its_preset(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A stranger's video stands beside it in the list, and another process continues the journal."""
    batch = client.batch(out=tmp_path, poll_interval=0.01, tag="preset")
    began = quick.state()["clock"].replace("Z", "+00:00")
    [first] = await run_all(batch, make_rows(1))
    await client.videos.create({"prompt": "theirs"}, TEMPLATE)
    rewind(tmp_path, "k0", began)
    forget_process(client)

    [found] = await run_all(batch, make_rows(1))

    assert (found.state, found.video_id, quick.state()["billed"]) == ("saved", first.video_id, 2)


def test_another_tag_is_refused() -> None:
    """There is one kind."""
    with pytest.raises(errors.InvalidArgumentError, match="tag must be one of preset"):
        AsyncBluma("bluma_test_key").batch("j", tag="other")  # type: ignore[arg-type]  # the error is tested
