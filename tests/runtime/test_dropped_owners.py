"""Clients that are dropped without being closed: their connections are closed, and nothing is printed."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List

import pytest

from bluma_async._runtime.loops import PerLoop


class Box:
    """A resource that records its fate, also when it was garbage-collected while it was open."""

    def __init__(self, fates: List[str]) -> None:
        self.fates = fates
        self.is_open = True

    def __del__(self) -> None:
        if self.is_open:
            self.fates.append("collected")


async def close(box: Box) -> None:
    """Record that the box was closed."""
    box.fates.append("closed")
    box.is_open = False


def abandon(box: Box) -> None:
    """Record that the box was abandoned."""
    box.fates.append("abandoned")
    box.is_open = False


async def open_in_cycle(fates: List[str]) -> Any:
    """Open a box, and return an owner that only the garbage collector can free."""
    owner: Any = PerLoop(lambda: Box(fates), close, abandon)
    await owner.get()
    owner.itself = owner
    return owner


async def test_a_dropped_owner_has_its_resource_closed_in_its_loop() -> None:
    """The resource of an owner in a reference cycle, as an exception makes one, is closed and not collected."""
    fates: List[str] = []
    owner = await open_in_cycle(fates)

    del owner
    gc.collect()
    while not fates:
        await asyncio.sleep(0)

    assert fates == ["closed"]


def test_a_dropped_owner_whose_loop_is_closed_has_its_resource_abandoned() -> None:
    """A loop that was closed without a shutdown cannot close the resource any more."""
    fates: List[str] = []

    def use() -> Any:
        loop = asyncio.new_event_loop()
        owner = loop.run_until_complete(open_in_cycle(fates))
        loop.close()
        return owner

    with ThreadPoolExecutor(1) as pool:  # pytest-asyncio has a loop in this thread
        owner = pool.submit(use).result()
    del owner
    gc.collect()

    assert fates == ["abandoned"]


SERVER = """
import asyncio, gc, socket, threading

def answer(connection):
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 404 Not Found\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
        assert connection.recv(1) == b""  # the client closes the connection
        closed.release()

def serve():
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()

listener = socket.create_server(("127.0.0.1", 0))
base = f"http://127.0.0.1:{listener.getsockname()[1]}"
closed = threading.Semaphore(0)
threading.Thread(target=serve, daemon=True).start()
"""
BLOCKING = """
from bluma_sync import Bluma, errors

def work():
    Bluma("bluma_test_key", base_url=base).videos.get("batch_1")

for _ in range(5):
    try:
        work()
    except errors.NotFoundError:
        pass
gc.collect()
for _ in range(5):
    assert closed.acquire(timeout=10)
"""
ASYNC = """
from bluma_async import AsyncBluma, errors

async def work():
    await AsyncBluma("bluma_test_key", base_url=base).videos.get("batch_1")

async def main():
    for _ in range(5):
        try:
            await work()
        except errors.NotFoundError:
            pass
    gc.collect()
    for _ in range(5):
        assert await asyncio.get_running_loop().run_in_executor(None, closed.acquire)

asyncio.run(main())
"""


@pytest.mark.parametrize("program", [BLOCKING, ASYNC], ids=["blocking", "async"])
def test_clients_that_are_dropped_after_a_failed_call_are_silent(program: str) -> None:
    """Five clients local to a function whose call fails: their connections are closed, and stderr stays empty."""
    command = [sys.executable, "-W", "error", "-c", SERVER + program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
