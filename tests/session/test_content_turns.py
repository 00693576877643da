"""Creates of one content take turns: in an event loop in their order, and among programs by a lock."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import List

import pytest

from bluma_async._runtime.file_lock import FileLock
from bluma_async._runtime.state_folder import find_state_folder
from bluma_async._runtime.threads import in_thread
from bluma_async._session.content_turns import ContentTurns
from bluma_async.errors import BlumaError
from tests.fakes import FakeClock

CONTENT = "ab" * 32


def lock_elsewhere() -> FileLock:
    """Take the turn as another program would."""
    find_state_folder().mkdir(parents=True, exist_ok=True)
    lock = FileLock.acquire(find_state_folder() / f"content-{CONTENT}.lock")
    assert lock is not None
    return lock


async def test_one_at_a_time_in_their_order() -> None:
    """Also for one that comes at the moment at which another one leaves."""
    turns, seen = ContentTurns(FakeClock()), []

    async def use(number: int) -> None:
        async with turns.acquire(CONTENT):
            seen.append(number)
            await asyncio.sleep(0)
            assert seen[-1] == number
        if number < 10:
            await use(number + 10)

    await asyncio.gather(*(use(number) for number in range(3)))

    assert sorted(seen) == [0, 1, 2, 10, 11, 12]
    assert seen[:3] == [0, 1, 2]
    assert turns._queues.get() == {}


async def test_another_program_is_waited_for() -> None:
    """The pauses grow to half a second."""
    clock, turns, lock = FakeClock(), ContentTurns(FakeClock()), await in_thread(lock_elsewhere)
    turns._clock = clock
    sleep, slept = clock.sleep, clock.slept

    async def release_soon(seconds: float) -> None:
        if len(slept) == 8:
            await in_thread(lock.release)
        await sleep(seconds)

    clock.sleep = release_soon  # type: ignore[method-assign]  # the other program ends while this one sleeps

    async with turns.acquire(CONTENT):
        pass

    assert slept == [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5, 0.5]


@pytest.mark.parametrize(("longest", "shown"), [(None, "600 s"), (5.0, "5 s")])
async def test_nobody_waits_forever(longest: float | None, shown: str) -> None:
    """A program can be stopped while it has its turn."""
    turns, lock = ContentTurns(FakeClock()), await in_thread(lock_elsewhere)

    with pytest.raises(BlumaError, match=f"Another program .* for {shown}. Nothing was bought"):
        async with turns.acquire(CONTENT, longest):
            pass
    await in_thread(lock.release)

    assert turns._queues.get() == {}
    async with turns.acquire(CONTENT):
        pass


async def test_a_create_of_this_program_is_waited_for_no_longer_than_the_deadline() -> None:
    """Neither does another content wait for it, and the next one finds its turn free."""
    turns, other = ContentTurns(FakeClock()), "ab" * 31 + "cd"

    async with turns.acquire(CONTENT):
        with pytest.raises(BlumaError, match=r"Another create .* for 5 s. Nothing was bought"):
            async with turns.acquire(CONTENT, 5.0):
                pass
        async with turns.acquire(other, 5.0):
            pass
    async with turns.acquire(CONTENT, 5.0):
        files = await in_thread(lambda: list(find_state_folder().glob("content-*")))

    assert [file.stem for file in files] == [f"content-{CONTENT}"]
    assert await in_thread(lambda: list(find_state_folder().glob("content-*"))) == []
    assert turns._queues.get() == {}


async def test_a_cancelled_wait_leaves_nothing() -> None:
    """Neither a place in the queue, nor a lock."""
    turns, began = ContentTurns(FakeClock()), asyncio.Event()

    async def hold() -> None:
        async with turns.acquire(CONTENT):
            began.set()
            await asyncio.sleep(60)

    tasks = [asyncio.ensure_future(hold()) for _ in range(3)]
    await began.wait()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)

    assert turns._queues.get() == {}
    await in_thread((await in_thread(lock_elsewhere)).release)


def test_a_loop_that_was_abandoned_holds_no_turn_of_another_one() -> None:
    """Its tasks never end, and a new loop may have its address."""
    turns = ContentTurns(FakeClock())
    entered: List[str] = []

    async def enter(name: str) -> None:
        async with turns.acquire(CONTENT):
            entered.append(name)

    with ThreadPoolExecutor(1) as elsewhere:  # asyncio.run would leave the main thread without its event loop
        for name in ("first", "second"):
            elsewhere.submit(asyncio.run, enter(name)).result()

    assert entered == ["first", "second"]


async def test_a_folder_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing was bought, and the error says how to go on."""
    file = tmp_path_factory.mktemp("x") / "file"
    file.write_bytes(b"")
    monkeypatch.setenv("BLUMA_STATE_DIR", str(file / "state"))

    with pytest.raises(BlumaError, match=r"could not be taken.*Nothing was bought; leave out reuse"):
        async with ContentTurns(FakeClock()).acquire(CONTENT):
            pass
