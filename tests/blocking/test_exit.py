"""The exit of a program: it does not hang, prints nothing and keeps its exit code, even with open clients."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Dict

import pytest

from tests.blocking.processes import run, serving

NO_EXECUTOR = sys.version_info >= (3, 9)  # Python's limit after the end of the main thread
CALL = "assert client.templates.list()\n"
MADE = "import os, sys, threading, time\nfrom bluma import Bluma\nclient = Bluma()\n" + CALL
DAEMONS = """
def call():
    while True:
        client.templates.list()
for _ in range(8):
    threading.Thread(target=call, daemon=True).start()
client.templates.list()
"""
BLOCK = """
import sys
from bluma import Bluma
with Bluma() as client:
    client.templates.list()
    sys.exit(3)
"""
CONTINUES = "threading.Thread(target=lambda: [client.templates.list() for _ in range(50)]).start()\n"
BY_NAME = MADE.replace("Bluma()", "Bluma(base_url=os.environ['BLUMA_BASE_URL'].replace('127.0.0.1', 'localhost'))")
ANSWERED_LATE = """
import atexit, os, sys, threading
called, ended = threading.Event(), threading.Event()

def answer():  # registered first, so it is called last, after the loop has ended
    ended.set()
    worker.join(1)  # long enough for a wrong message

def block(_):
    called.set()
    ended.wait()

atexit.register(answer)
threading.excepthook = lambda failure: print(failure.exc_value, file=sys.stderr, flush=True)
from bluma import Bluma
Bluma().templates.list()
client = Bluma(on_request=block)
worker = threading.Thread(target=client.templates.list, daemon=True)
worker.start()
called.wait()
"""
ENDINGS: Dict[str, tuple[str, int]] = {
    "without closing": (MADE, 0),
    "never called": ("from bluma import Bluma\nclient = Bluma()\n", 0),
    "inside a block": (BLOCK, 3),
    "sys.exit": (MADE + "sys.exit(4)\n", 4),
    "sys.exit in a thread": (MADE + "threading.Thread(target=sys.exit, args=(5,)).start()\n", 0),
    "os._exit": (MADE + "os._exit(6)\n", 6),
    "daemons still calling": (MADE + DAEMONS, 0),
    "daemons still calling, sys.exit": (MADE + DAEMONS + "sys.exit(7)\n", 7),
    "a thread that still calls": (MADE + CONTINUES, 0),
    "closed at exit": (MADE + "import atexit\natexit.register(client.close)\n", 0),
    "called at exit": (MADE + "import atexit\natexit.register(client.templates.list)\n", 0),
    "a daemon's callback that ends after the loop": (ANSWERED_LATE, 0),
    "a host name was resolved": (BY_NAME, 0),
    "a host name was resolved, a thread that still calls": (BY_NAME + CONTINUES, 0),
    "an iteration left open": (MADE + "pages = client.videos.iterate()\n", 0),
}
LATE = """
import atexit
atexit.register(lambda: late())
from bluma import Bluma
from bluma.errors import BlumaError
client = Bluma()
assert client.templates.list()
def late():
    try:
        client.templates.list()
    except BlumaError as refusal:
        print(refusal)
"""
AFTER_MAIN = """
import os, threading
from bluma import Bluma
from bluma.errors import BlumaError

def call():
    threading.main_thread().join()
    try:
        print(len(client.templates.list()))
    except BlumaError as refusal:
        print(refusal)

threading.Thread(target=call).start()
"""
THREAD_AFTER_MAIN = """
import threading

def start():
    threading.main_thread().join()
    try:
        threading.Thread(target=int).start()
    except RuntimeError as refusal:
        print(refusal)

threading.Thread(target=start).start()
"""
FIRST_AFTER_MAIN = AFTER_MAIN + "client = Bluma()\n"
RESOLVED_AFTER_MAIN = AFTER_MAIN + BY_NAME.replace(CALL, "Bluma().templates.list()\n")
JOINED = """
import asyncio, atexit, threading
atexit.register(lambda: worker.join())  # registered first, so it is called last, after the loop has ended
from bluma import Bluma
from bluma.errors import BlumaError
from bluma_sync import _thread
_thread.LONGEST_HOLD = 0.2
called = threading.Event()

async def hang(_):
    called.set()
    await asyncio.Event().wait()

def call():
    for _ in range(2):  # the loop ends during the first call, and before the second one
        try:
            Bluma(on_request=hang).templates.list()
        except BlumaError as refusal:
            print(refusal)

worker = threading.Thread(target=call, daemon=True)
worker.start()
called.wait()
"""
DROPPED = """
import gc, os, threading
from bluma import Bluma
from bluma_sync._portal import run
import asyncio

async def count():
    while len(asyncio.all_tasks()) > 2:  # this one, and the task that keeps the loop running
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    return len(asyncio.all_tasks())

def sockets():
    return sum(os.readlink(f"/proc/self/fd/{name}").startswith("socket:") for name in os.listdir("/proc/self/fd")[:-1])

Bluma().templates.list()
run(count())
before = sockets(), threading.active_count(), run(count())
for number in range(1000):
    client = Bluma()
    client.templates.list() if number % 2 == 0 else None
    client.close() if number % 4 == 0 else None
client = None
gc.collect()
run(count())
print(before == (sockets(), threading.active_count(), run(count())), before[1])
"""
RACE = """
import threading
from bluma import Bluma
client, gate, done = Bluma(), threading.Barrier(32), []

def call():
    gate.wait()
    done.append(len(client.templates.list()))

threads = [threading.Thread(target=call) for _ in range(32)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(done), [thread.name for thread in threading.enumerate()].count("bluma"))
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_program_ends_quietly(ending: str) -> None:
    """The program exits with its own code and prints nothing."""
    code, expected = ENDINGS[ending]
    with serving() as server:
        ended, out, err = run(code, f"http://127.0.0.1:{server.port}")

    assert (ended, out, err) == (expected, "", "")


def test_an_exception_prints_one_traceback() -> None:
    """A program that ends with an exception prints that one traceback."""
    with serving() as server:
        code, _, err = run(MADE + "raise ZeroDivisionError\n", f"http://127.0.0.1:{server.port}")

    assert (code, err.count("Traceback"), err.splitlines()[-1]) == (1, 1, "ZeroDivisionError")


def test_an_exit_function_may_wait_for_a_daemon_thread() -> None:
    """The calls of the thread end with an error, soon after the loop: nothing would ever wake them."""
    with serving() as server:
        code, out, err = run(JOINED, f"http://127.0.0.1:{server.port}")

    assert (code, err) == (0, "")
    assert [line.partition(";")[0] for line in out.splitlines()] == [
        "The call was cancelled in the event loop",
        "The interpreter is shutting down, and nothing was sent. Make the call before the program ends.",
    ]


def test_a_call_after_the_end_of_the_loop_is_refused() -> None:
    """An exit function that runs after the loop was stopped gets an error that says so."""
    with serving() as server:
        code, out, err = run(LATE, f"http://127.0.0.1:{server.port}")

    assert (code, err) == (0, "")
    assert "The interpreter is shutting down, and nothing was sent." in out


def test_a_first_call_after_the_end_of_the_main_thread() -> None:
    """
    The call raises a BlumaError if this Python starts no thread for the loop then, and returns otherwise.

    Releases differ: 3.12.1 starts none, 3.13.0 does. Therefore the test tries it without the SDK.
    """
    with serving() as server:
        code, out, err = run(FIRST_AFTER_MAIN, f"http://127.0.0.1:{server.port}")
        _, refusal, _ = run(THREAD_AFTER_MAIN, "")

    assert (code, err) == (0, "")
    assert out.startswith("The interpreter is shutting down, and nothing was sent." if refusal else "1\n")


def test_a_host_name_after_the_end_of_the_main_thread() -> None:
    """Python 3.9 and later resolve no host name then, so the call raises a BlumaError."""
    with serving() as server:
        code, out, err = run(RESOLVED_AFTER_MAIN, f"http://127.0.0.1:{server.port}")

    assert (code, err) == (0, "")
    assert out.startswith("The interpreter is shutting down, and the call could not continue" if NO_EXECUTOR else "1\n")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc on this system to count sockets in")
def test_a_thousand_clients_leave_nothing_open() -> None:
    """Clients that are closed or dropped, used or not, leave no socket, no thread and no task."""
    with serving() as server:
        code, out, err = run(DROPPED, f"http://127.0.0.1:{server.port}")

    assert (code, out, err) == (0, "True 2\n", "")


def test_the_loop_starts_once() -> None:
    """Thirty-two threads that make the first call at the same time start one loop."""
    with serving() as server:
        code, out, err = run(RACE, f"http://127.0.0.1:{server.port}")

    assert (code, out, err) == (0, "32 1\n", "")


def test_the_loop_starts_with_the_first_call() -> None:
    """A client that makes no call starts no thread."""
    code, out, err = run(
        "import threading\nfrom bluma import Bluma\nBluma()\nprint(threading.active_count())", "http://127.0.0.1:1"
    )

    assert (code, out, err) == (0, "1\n", "")
