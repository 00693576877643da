"""The end of a program: no hang, no message, the right exit code, whatever is still open."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Dict

import pytest

from tests.blocking.processes import run, serving

NO_EXECUTOR, CANNOT_START = sys.version_info >= (3, 9), sys.version_info >= (3, 12)  # after the main thread's end
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
GOES_ON = "threading.Thread(target=lambda: [client.templates.list() for _ in range(50)]).start()\n"
BY_NAME = MADE.replace("Bluma()", "Bluma(base_url=os.environ['BLUMA_BASE_URL'].replace('127.0.0.1', 'localhost'))")
ANSWERED_LATE = """
import atexit, os, sys, threading
called, ended = threading.Event(), threading.Event()

def let_it_answer():  # runs when the loop has ended: what is registered first is called last
    ended.set()
    worker.join(1)  # it would print by then

def wait(_):
    called.set()
    ended.wait()

atexit.register(let_it_answer)
threading.excepthook = lambda failure: print(failure.exc_value, file=sys.stderr, flush=True)
from bluma import Bluma
Bluma().templates.list()
client = Bluma(on_request=wait)
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
    "a thread that goes on": (MADE + GOES_ON, 0),
    "closed at exit": (MADE + "import atexit\natexit.register(client.close)\n", 0),
    "called at exit": (MADE + "import atexit\natexit.register(client.templates.list)\n", 0),
    "a daemon's callback that outlasts the loop": (ANSWERED_LATE, 0),
    "a host name was resolved": (BY_NAME, 0),
    "a host name was resolved, a thread that goes on": (BY_NAME + GOES_ON, 0),
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
FIRST_AFTER_MAIN = AFTER_MAIN + "client = Bluma()\n"
RESOLVED_AFTER_MAIN = AFTER_MAIN + BY_NAME.replace(CALL, "Bluma().templates.list()\n")
DROPPED = """
import gc, os, threading
from bluma import Bluma
from bluma_sync._portal import run
import asyncio

async def count():
    while len(asyncio.all_tasks()) > 2:  # this one, and the loop's own
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
    """Nothing is printed, and nothing keeps the program from ending."""
    code, expected = ENDINGS[ending]
    with serving() as server:
        ended, out, err = run(code, f"http://127.0.0.1:{server.port}")

    assert (ended, out, err) == (expected, "", "")


def test_an_exception_is_the_only_message() -> None:
    """The traceback that ends a program is the user's own."""
    with serving() as server:
        code, _, err = run(MADE + "raise ZeroDivisionError\n", f"http://127.0.0.1:{server.port}")

    assert (code, err.count("Traceback"), err.splitlines()[-1]) == (1, 1, "ZeroDivisionError")


def test_a_call_after_the_loops_end_is_told_so() -> None:
    """What runs last of all at exit cannot call any more, and hears why."""
    with serving() as server:
        code, out, err = run(LATE, f"http://127.0.0.1:{server.port}")

    assert (code, err) == (0, "")
    assert "The interpreter is shutting down, and nothing was sent." in out


def test_a_first_call_after_the_main_threads_end() -> None:
    """Since Python 3.12 no thread can be started for the loop then; the call is refused, in words."""
    with serving() as server:
        code, out, err = run(FIRST_AFTER_MAIN, f"http://127.0.0.1:{server.port}")

    assert (code, err) == (0, "")
    assert out.startswith("The interpreter is shutting down, and nothing was sent." if CANNOT_START else "1\n")


def test_a_host_name_after_the_main_threads_end() -> None:
    """Since Python 3.9 no thread resolves it then; the call ends with an error of ours."""
    with serving() as server:
        code, out, err = run(RESOLVED_AFTER_MAIN, f"http://127.0.0.1:{server.port}")

    assert (code, err) == (0, "")
    assert out.startswith("The interpreter is shutting down, and the call could not go on" if NO_EXECUTOR else "1\n")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc on this system to count sockets in")
def test_a_thousand_clients_leave_nothing() -> None:
    """Closed or dropped, used or not: no socket, no thread, no task stays."""
    with serving() as server:
        code, out, err = run(DROPPED, f"http://127.0.0.1:{server.port}")

    assert (code, out, err) == (0, "True 2\n", "")


def test_the_loop_starts_once() -> None:
    """Thirty-two threads make the first call at the same moment."""
    with serving() as server:
        code, out, err = run(RACE, f"http://127.0.0.1:{server.port}")

    assert (code, out, err) == (0, "32 1\n", "")


def test_the_loop_starts_with_the_first_call() -> None:
    """A client that is only made costs no thread."""
    before = threading.active_count()
    code, out, err = run(
        "import threading\nfrom bluma import Bluma\nBluma()\nprint(threading.active_count())", "http://127.0.0.1:1"
    )

    assert (code, out, err) == (0, "1\n", "")
    assert threading.active_count() == before
