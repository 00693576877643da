"""A sandbox in blocking code: it serves from a thread of its own, and every method works in the caller's thread."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from bluma import AsyncBluma, Bluma
from bluma_async.sandbox import Cruelty, Sandbox

PROMPT = {"prompt": "Hello"}


def list_threads() -> List[str]:
    """Return the names of the threads of sandboxes."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("bluma-sandbox", "sandbox-"))]


def make_sandbox(**settings: Any) -> Sandbox:
    """Return a sandbox with a manual clock and small clips."""
    return Sandbox(**{"clock": "manual", "render": False, **settings})


@contextmanager
def free_port() -> Iterator[int]:
    """Give a port that nobody listens at."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    yield int(port)


def test_a_sandbox_serves_a_blocking_program() -> None:
    """A move of the clock has ended, with its renders, when `advance` returns; no thread is left at the end."""
    with make_sandbox() as sandbox, Bluma(sandbox.live_key, base_url=sandbox.base_url) as client:
        video = client.videos.create(PROMPT, "ugc-text-overlay")
        sandbox.advance(105)

        done = client.videos.get(video)

        assert done.status == "completed"
        assert len(sandbox.ledger.bills()) == sandbox.state()["billed"] == 1
    assert list_threads() == []


def test_methods_that_start_timers_work_in_other_threads() -> None:
    """A stranger's create and another cruelty need the sandbox's event loop, and run in it."""
    with make_sandbox() as sandbox:
        made = sandbox.create_as_stranger("ugc-text-overlay")
        sandbox.cruelty = Cruelty(strangers=60, stranger_templates=("ugc-text-overlay",))
        sandbox.advance(60)

        strangers = [create for create in sandbox.creates if create["is_stranger"]]

        assert strangers[0]["video_id"] == made["id"]
        assert len(strangers) > 10


def test_an_async_program_awaits_the_move_of_the_clock() -> None:
    """`advance` does not block an event loop, and may be awaited in it."""

    async def run(sandbox: Sandbox) -> Any:
        async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url) as client:
            video = await client.videos.create(PROMPT, "ugc-text-overlay")
            await sandbox.advance(105)
            return (await client.videos.get(video)).status

    with make_sandbox() as sandbox:
        assert asyncio.run(run(sandbox)) == "completed"


def test_a_real_clock_cannot_be_moved() -> None:
    """The error reaches the caller's thread."""
    with make_sandbox(clock="real") as sandbox, pytest.raises(ValueError, match="manual"):
        sandbox.advance(1)


def test_a_sandbox_that_cannot_start_leaves_no_thread() -> None:
    """The error is that of the start."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        sandbox = make_sandbox(port=taken.getsockname()[1])

        with pytest.raises(OSError, match="address"), sandbox:
            pass

    assert list_threads() == []


def test_a_sandbox_can_be_started_again() -> None:
    """Without a folder for its data, each start begins with an empty account."""
    sandbox = make_sandbox()
    for _ in range(2):
        with sandbox:
            sandbox.create_as_stranger("ugc-text-overlay")

            assert len(sandbox.creates) == 1


def test_a_second_port_is_served_for_a_while() -> None:
    """Links name it meanwhile; its connections end with it, and those of the sandbox's own port stay."""
    with make_sandbox() as sandbox, Bluma(sandbox.live_key, base_url=sandbox.base_url) as client, free_port() as port:
        own = sandbox.origin
        with sandbox.serve_also_at(port), Bluma(sandbox.live_key, base_url=sandbox.base_url) as second:
            video = second.videos.create(PROMPT, "ugc-text-overlay")
            sandbox.advance(105)
            done = second.videos.get(video)
            client.credits.get_balance()

        assert (done.url or "").startswith(f"http://127.0.0.1:{port}/")
        assert (client.videos.get(video).url or "").startswith(own + "/")
        with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", port)):
            pass


def test_a_second_port_needs_a_sandbox_in_its_own_thread() -> None:
    """A sandbox that `with` has not started in a thread of its own refuses a second port."""
    with pytest.raises(RuntimeError, match="with Sandbox"):
        make_sandbox().serve_also_at(8080)


FORKING = """
import os, signal, sys
from pathlib import Path
from bluma.testing import serve_sandbox
from bluma import Bluma

def leave():
    signal.alarm(20)  # ends a child that hangs
    {leave}

with serve_sandbox() as sandbox:
    with Bluma() as client:
        video = client.videos.wait_for(client.videos.create({{"prompt": "Hello"}}, "ugc-text-overlay"))
        child = os.fork()
        if not child:
            leave()
        print(os.waitpid(child, 0)[1], Path(os.environ["BLUMA_STATE_DIR"]).is_dir())
        print(client.videos.save(video, sys.argv[1]) > 0)
"""


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.parametrize("leave", ["sys.exit(0)", "sandbox.__exit__(None, None, None); os._exit(0)"])
def test_a_sandbox_survives_the_end_of_a_forked_child(leave: str, tmp_path: Path) -> None:
    """The child ends as a worker of gunicorn does, or leaves the block: the folders are the parent's."""
    program = FORKING.format(leave=leave)
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, str(tmp_path / "a.mp4")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "0 True\nTrue\n", "")
