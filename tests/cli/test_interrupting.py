"""Ctrl-C between the choice of a command and its event loop: nothing is created afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from typing import Any, AsyncIterator, Coroutine, Iterator, List

import pytest

from bluma_async.cli.creating import CreateRequest
from bluma_async.cli.interrupting import forget_interrupts, raise_at_interrupt
from bluma_async.cli.printing import Printer
from bluma_async.cli.running import run_to_end
from bluma_async.cli.videos import create_and_print
from tests.fakes import VIDEO, answer, client_with

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")


@pytest.fixture(autouse=True)
def chosen_command() -> Iterator[None]:
    """Give the handler of a command that has just been chosen, and restore the one before."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise_at_interrupt()
    yield
    forget_interrupts()
    signal.signal(signal.SIGINT, before)


def interrupt_and_drop() -> None:
    """Send Ctrl-C, and drop its exception, as Python does in a callback of the garbage collector."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
        pytest.fail("Ctrl-C raised nothing")


def test_a_dropped_ctrl_c_ends_the_command_before_its_work() -> None:
    """The exception was lost in an import, and the command stops all the same."""
    begun: List[bool] = []

    async def work() -> None:
        begun.append(True)

    interrupt_and_drop()

    with pytest.raises(KeyboardInterrupt):
        run_to_end(work())
    assert begun == []


def test_a_ctrl_c_dropped_while_the_loop_starts_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop is there, and its handlers are not yet."""
    begun: List[bool] = []
    ensure_future = asyncio.ensure_future

    async def work() -> None:
        begun.append(True)

    def start(coroutine: Coroutine[Any, Any, None]) -> object:
        interrupt_and_drop()
        return ensure_future(coroutine)

    monkeypatch.setattr(asyncio, "ensure_future", start)

    with pytest.raises(KeyboardInterrupt):
        run_to_end(work())
    assert begun == []


class ClosingAccount:
    """An account whose client needs a moment to close, in which Ctrl-C comes."""

    is_temporary = False

    @contextlib.asynccontextmanager
    async def open(self, **_: Any) -> AsyncIterator[Any]:
        """Open a client that is answered with a video."""
        client, _, _ = client_with(answer(202, VIDEO))
        yield client
        signal.raise_signal(signal.SIGINT)
        try:
            await asyncio.Event().wait()  # until the signal cancels it
        finally:
            await client.aclose()


def test_ctrl_c_after_a_create_was_accepted_hides_no_paid_video(capsys: pytest.CaptureFixture[str]) -> None:
    """The video is printed before the client is closed, because a signal discards what the command would return."""
    request = CreateRequest({"prompt": "x"}, "t", None, None, None, None)
    account: Any = ClosingAccount()

    with pytest.raises(KeyboardInterrupt):
        run_to_end(create_and_print(request, account, Printer((), is_json=True), 0.0, exclusive_key=False))

    assert '"id": "batch_1"' in capsys.readouterr().out


def test_a_command_after_an_interrupted_one_works() -> None:
    """In one process, the next command begins without the Ctrl-C of the last."""
    interrupt_and_drop()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise_at_interrupt()

    async def work() -> int:
        return 7

    assert run_to_end(work()) == 7


FIRST_PROCESS = """
import builtins, os
own = os.getpid()
os.getpid = lambda: 1
from bluma_command import main
load = builtins.__import__
def terminate(name, *given):
    if name == "bluma_async.cli":
        os.kill(own, 15)
    return load(name, *given)
builtins.__import__ = terminate
main()
"""


def test_sigterm_ends_the_first_process_of_a_container_while_it_is_loading() -> None:
    """The system ignores the default action there: only a handler can end that process, with the code of a shell."""
    done = subprocess.run([sys.executable, "-c", FIRST_PROCESS, "--version"], capture_output=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (143, b"", b"")
