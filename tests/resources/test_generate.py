"""`client.videos.generate`: from a prompt to a file in one call; errors have the id of the paid video."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, List

import pytest

from bluma import Bluma
from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from tests.fakes import answer, client_with, problem
from tests.live import Live, SandboxTime

PROMPT = {"prompt": "Hello"}


async def hang(_: object) -> Any:
    """Never answer."""
    await asyncio.Event().wait()


ACCEPTED = answer(202, {"id": "batch_1", "status": "queued", "credits_charged": 2})


async def test_from_a_prompt_to_a_file(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """The video is created, waited for and saved, and its progress reported."""
    reported: List[int] = []
    work = asyncio.ensure_future(
        client.videos.generate(
            PROMPT, "ugc-text-overlay", save_to=tmp_path / "x.mp4", poll_interval=0.01, on_progress=reported.append
        )
    )
    while not reported:
        await asyncio.sleep(0)
    await sandbox.advance(105)

    video = await work

    assert (video.status, reported[-1]) == ("completed", 100)
    assert (tmp_path / "x.mp4").stat().st_size == video.size_bytes


async def test_without_a_file(client: AsyncBluma, sandbox: Sandbox) -> None:
    """Without `save_to` the video is returned, also a failed one."""
    work = asyncio.ensure_future(
        client.videos.generate({"prompt": "Hello [fail]"}, "ugc-text-overlay", poll_interval=0.01)
    )
    while sandbox.state()["jobs"]["live"] == 0:
        await asyncio.sleep(0)
    await sandbox.advance(105)

    assert (await work).status == "failed"


async def test_an_invalid_path_costs_nothing(tmp_path: Path) -> None:
    """An invalid path is refused before the create."""
    client, transport, _ = client_with(ACCEPTED)
    (tmp_path / "x.mp4").write_bytes(b"mine")

    for place in ("x.mp4", "missing/x.mp4"):
        with pytest.raises(errors.InvalidArgumentError):
            await client.videos.generate(PROMPT, "t", save_to=tmp_path / place)

    assert transport.requests == []


@pytest.mark.parametrize("failure", [answer(401, b"{}"), errors.RequestTimeoutError("late")])
async def test_a_failure_after_the_create_has_the_id(failure: Any) -> None:
    """The video is paid, so the error has its id."""
    client, _, _ = client_with(ACCEPTED, failure)
    refused, _, _ = client_with(problem(402))

    with pytest.raises(errors.BlumaError) as raised:
        await client.videos.generate(PROMPT, "t", timeout=1)
    with pytest.raises(errors.InsufficientCreditsError) as unpaid:
        await refused.videos.generate(PROMPT, "t")

    assert (raised.value.video_id, unpaid.value.video_id) == ("batch_1", None)


def fail(_: object) -> None:
    """Be a callback that fails."""
    raise LookupError("a mistake of the user's")


async def test_an_exception_of_the_users_after_the_create_has_the_id(caplog: pytest.LogCaptureFixture) -> None:
    """The video is paid, and the exception of a callback ends the wait: it gets the id, and the id is logged."""
    client, _, _ = client_with(ACCEPTED, answer(200, {"id": "batch_1", "status": "processing", "progress": 10}))

    with pytest.raises(LookupError) as raised:
        await client.videos.generate(PROMPT, "t", on_progress=fail)

    assert getattr(raised.value, "video_id", None) == "batch_1"
    assert "Video batch_1 is paid" in caplog.text


async def test_a_cancelled_wait_of_generate_logs_the_id(caplog: pytest.LogCaptureFixture) -> None:
    """A task that is cancelled after the create has nobody who receives its exception: the id is in the log."""
    client, transport, _ = client_with(ACCEPTED, hang)
    work = asyncio.ensure_future(client.videos.generate(PROMPT, "t"))
    while len(transport.requests) < 2:
        await asyncio.sleep(0)

    work.cancel()

    with pytest.raises(asyncio.CancelledError):
        await work
    assert "Video batch_1 is paid" in caplog.text


class SealedError(Exception):
    """An exception that takes no attributes."""

    def __setattr__(self, *_: object) -> None:
        raise AttributeError("sealed")


async def test_an_exception_that_takes_no_attributes_is_raised_unchanged(caplog: pytest.LogCaptureFixture) -> None:
    """The id of the paid video is in the log alone then."""
    client, _, _ = client_with(ACCEPTED, answer(200, {"id": "batch_1", "status": "processing", "progress": 10}))

    def refuse(_: object) -> None:
        raise SealedError

    with pytest.raises(SealedError):
        await client.videos.generate(PROMPT, "t", on_progress=refuse)

    assert "Video batch_1 is paid" in caplog.text


def test_the_blocking_twin_generates_too(tmp_path: Path) -> None:
    """The same call, blocking."""
    live = Live()
    clock = SandboxTime(live)
    options: Any = {"clock": clock, "trace_configs": clock.traffic.trace_configs}
    with live as sandbox, Bluma(sandbox.live_key, base_url=sandbox.base_url, **options) as client:
        video = client.videos.generate(PROMPT, "ugc-text-overlay", save_to=tmp_path / "x.mp4")

    assert (tmp_path / "x.mp4").stat().st_size == video.size_bytes
