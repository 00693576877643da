"""`exclusive=True`: a lost create adopts its video, as long as nothing shows that somebody else uses the key."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Any, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._runtime.secret import Secret
from bluma_async._session.evidence import find_evidence
from bluma_async._session.exclusive import require_exclusive
from bluma_async.sandbox import Sandbox
from tests.fakes import FakeClock, FakeTransport, answer, client_with, list_videos, problem
from tests.resources.slow_server import SlowServer

PROMPT = {"prompt": "p"}
TEMPLATE = "ugc-text-overlay"
CUT = errors.NetworkError("cut")
QUIET = list_videos()
MOMENT = "2025-11-03T10:30:30Z"
FOUND = list_videos(("batch_own", MOMENT))
VIDEO = answer(200, {"id": "batch_own", "status": "processing", "template_id": "t"})
PROGRAM = """
import asyncio, sys
from bluma_async import AsyncBluma

async def main():
    async with AsyncBluma(sys.argv[2], base_url=sys.argv[1], exclusive=True) as client:
        await client.videos.create({"prompt": "theirs"}, "ugc-text-overlay")
        print("created", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

asyncio.run(main())
"""


@pytest.mark.parametrize("options", [{"exclusive": True}, {"on_ambiguous": "adopt"}])
async def test_a_lost_create_returns_its_video(options: Any) -> None:
    """Both spellings state the same; the video is read in full, and billed once."""
    client, transport, clock = client_with(CUT, FOUND, VIDEO, **options)

    video = await client.videos.create(PROMPT, "t")

    assert (video.id, video.status) == ("batch_own", "processing")
    assert [sent.split("?")[0] for sent in transport.sent] == ["POST /videos", "GET /videos", "GET /videos/batch_own"]
    assert (clock.slept, client.open_creates) == ([1], [])


async def test_a_video_that_is_listed_but_cannot_be_read_is_returned_as_listed() -> None:
    """It is paid, so a failing read must not lose it again."""
    client, _, _ = client_with(CUT, FOUND, problem(403), exclusive=True)

    assert (await client.videos.create(PROMPT, "t")).id == "batch_own"


async def test_a_stray_answer_is_replaced_by_the_own_video() -> None:
    """The answer of another request does not name our video; the search does."""
    stray = answer(202, {"id": "batch_other", "status": "queued", "template_id": "another"})
    client, transport, _ = client_with(stray, FOUND, VIDEO, exclusive=True)

    assert (await client.videos.create(PROMPT, "t")).id == "batch_own"
    assert transport.sent.count("POST /videos") == 1


@pytest.mark.parametrize("lag", [0.0, 3.0, 29.0])
async def test_every_lost_answer_is_found(lag: float) -> None:
    """No easy way out: with lagging lists and lost answers, every create returns its own video and is billed once."""
    clock = FakeClock()
    server = SlowServer(clock, fates=["cut", "lost", "late", "answered", "cut"], lag=lag)
    client = AsyncBluma("bluma_test_key", transport=server, clock=clock, timeout=2.0, exclusive=True)

    made = [(await client.videos.create(PROMPT, "t")).id for _ in range(4)]

    assert made == [video.id for video in server.billed] == [f"batch_{number}" for number in (1, 2, 3, 4)]


async def test_a_foreign_video_disproves_the_statement(caplog: pytest.LogCaptureFixture) -> None:
    """Two new videos and one claimant: somebody else made one of them. It is named, and adoption ends for this run."""
    both = list_videos(("batch_b", MOMENT), ("batch_a", MOMENT))
    client, transport, _ = client_with(CUT, both, exclusive=True)

    with pytest.raises(errors.AmbiguousCreateError, match="Video batch_a was created by somebody else") as caught:
        await client.videos.create(PROMPT, "t")

    assert [video.id for video in caught.value.candidates] == ["batch_b", "batch_a"]
    (warning,) = [record for record in caplog.records if "exclusive=True states" in record.getMessage()]
    assert (warning.levelno, "batch_a" in warning.getMessage()) == (logging.WARNING, True)
    transport.replies = [CUT, list_videos(("batch_c", MOMENT))]
    with pytest.raises(errors.AmbiguousCreateError, match="Video batch_a was created") as caught:
        await client.with_options(api_key="bluma_test_key").videos.create(PROMPT, "u")
    assert [video.id for video in caught.value.candidates] == ["batch_c"]
    assert len([record for record in caplog.records if "exclusive=True states" in record.getMessage()]) == 1


async def test_a_video_of_a_moment_before_the_create_is_not_adopted() -> None:
    """The window begins a minute early, for clocks that disagree: what this program made in an earlier run is in it."""
    earlier = list_videos(("batch_earlier", "2025-11-03T10:30:10Z"))
    client, transport, _ = client_with(CUT, earlier, exclusive=True)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create(PROMPT, "t")

    assert [video.id for video in caught.value.candidates] == ["batch_earlier"]
    assert transport.sent.count("POST /videos") == 1


async def test_a_video_without_a_time_is_not_adopted() -> None:
    """A candidate without `created_at` is not adopted, because it may be an older video."""
    row = {"id": "batch_any", "status": "queued", "template_id": "t"}
    listed = answer(200, {"videos": [row], "pagination": {"total": 1, "total_pages": 1}})
    client, _, _ = client_with(CUT, listed, exclusive=True)

    with pytest.raises(errors.AmbiguousCreateError) as caught:
        await client.videos.create(PROMPT, "t")

    assert [video.id for video in caught.value.candidates] == ["batch_any"]


async def test_two_programs_refuse_each_other(sandbox: Sandbox, client: AsyncBluma) -> None:
    """The second program that states `exclusive` sends nothing until the first has ended."""
    mine = client.with_options(exclusive=True)
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", PROGRAM, sandbox.base_url, sandbox.live_key),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"created\n"

    with pytest.raises(errors.BlumaError, match="Another program on this machine") as caught:
        await mine.videos.create(PROMPT, TEMPLATE)

    assert "Nothing was sent" in str(caught.value)
    assert (sandbox.state()["billed"], client.open_creates) == (1, [])
    await client.videos.create(PROMPT, TEMPLATE)  # who does not state it is not refused
    await other.communicate(b"\n")
    await mine.videos.create(PROMPT, TEMPLATE)
    assert sandbox.state()["billed"] == 3


async def test_creates_of_one_program_share_the_lock(sandbox: Sandbox) -> None:
    """Twenty creates that begin at once, of two clients, are one program."""
    options: Any = {"base_url": sandbox.base_url, "exclusive": True}
    async with AsyncBluma(sandbox.live_key, **options) as one, AsyncBluma(sandbox.live_key, **options) as two:
        await asyncio.gather(*(client.videos.create(PROMPT, TEMPLATE) for client in [one, two] * 10))

    assert sandbox.state()["billed"] == 20


async def test_creates_that_begin_at_once_acquire_it_one_after_the_other() -> None:
    """The system would refuse the second of two threads as if it were another program."""
    evidence = find_evidence("https://x", "bluma_test_key")

    with evidence.exclusive_gate:
        key = Secret("bluma_test_key")
        tasks = [asyncio.ensure_future(require_exclusive(evidence, "https://x", key)) for _ in range(2)]
        done, _ = await asyncio.wait(tasks, timeout=0.1)

    assert done == set()
    await asyncio.gather(*tasks)
    assert evidence.exclusive_lock is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
async def test_a_forked_child_has_no_lock(sandbox: Sandbox, client: AsyncBluma) -> None:
    """The parent's statement is not the child's: the child acquires the lock itself, and is refused."""
    await client.with_options(exclusive=True).videos.create(PROMPT, TEMPLATE)
    evidence = find_evidence(sandbox.base_url, sandbox.live_key)
    assert evidence.exclusive_lock is not None

    child = os.fork()
    if child == 0:
        os._exit(0 if evidence.exclusive_lock is None else 1)

    assert os.waitpid(child, 0)[1] == 0  # noqa: ASYNC222 - the child ends at once
    assert evidence.exclusive_lock is not None


async def test_a_statement_that_cannot_be_recorded(
    client: AsyncBluma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that cannot be written to is named, with the variable that names another; nothing was sent."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("BLUMA_STATE_DIR", str(tmp_path / "file" / "locks"))

    with pytest.raises(errors.BlumaError, match=r"could not be recorded in .*locks.* BLUMA_STATE_DIR"):
        await client.with_options(exclusive=True).videos.create(PROMPT, TEMPLATE)


@pytest.mark.parametrize("value", ["yes", 1, 0.0])
def test_an_invalid_exclusive(value: Any) -> None:
    """`exclusive` is a bool: a text such as "no" would otherwise state it."""
    with pytest.raises(errors.InvalidArgumentError, match="exclusive"):
        AsyncBluma("bluma_test_key", exclusive=value)


def callback(client_box: List[AsyncBluma], listed: Any) -> Any:
    """Return a reply to a search during which a callback with the create's own token arrives."""

    def reply(_: object) -> Any:
        evidence = client_box[0]._session.evidence
        evidence.open_calls[0].token = "secret"
        call = evidence.find_token("secret")
        assert call is not None
        call.confirmed_id = "batch_own"
        call.wake()
        return listed

    return reply


async def test_a_confirmed_video_is_returned_without_the_statement() -> None:
    """A callback to the create's own URL is evidence: the video that it names is read, and returned at once."""
    box: List[AsyncBluma] = []
    two = list_videos(("batch_own", MOMENT), ("batch_foreign", MOMENT))
    client, transport, clock = client_with(CUT, callback(box, two), VIDEO)
    box.append(client)

    video = await client.videos.create(PROMPT, "t")

    assert (video.id, clock.slept, client.open_creates) == ("batch_own", [1], [])
    assert transport.sent.count("POST /videos") == 1


@pytest.mark.parametrize(
    "read", [answer(200, {"id": "batch_own", "status": "queued", "template_id": "another"}), problem(404)]
)
async def test_a_confirmed_video_that_does_not_fit_leaves_doubt(read: Any) -> None:
    """The callback is believed only as far as the video can be read and is of the right template."""
    box: List[AsyncBluma] = []
    client, _, _ = client_with(CUT, callback(box, QUIET), read)
    box.append(client)

    with pytest.raises(errors.AmbiguousCreateError, match="a callback named batch_own"):
        await client.videos.create(PROMPT, "t")


async def test_a_callback_ends_the_wait_for_proof() -> None:
    """A create that sleeps until its settle time wakes up, and returns the video that was confirmed."""
    clock = EndlessClock()
    client = AsyncBluma("bluma_test_key", transport=FakeTransport(CUT, VIDEO), clock=clock)
    create = asyncio.ensure_future(client.videos.create(PROMPT, "t"))
    await clock.is_sleeping.wait()

    (call,) = client._session.evidence.open_calls
    call.confirmed_id = "batch_own"
    call.wake()

    assert (await create).id == "batch_own"


class EndlessClock(FakeClock):
    """A clock whose sleep never ends."""

    def __init__(self) -> None:
        super().__init__()
        self.is_sleeping = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.is_sleeping.set()
        await asyncio.Event().wait()
