"""A client that was created and used before a fork works in the parent and in every child."""

from __future__ import annotations

import ast
import os
import signal
import socket
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator
from urllib.request import urlopen

import pytest

from tests.blocking.processes import Server, environment, finish, run, serving
from tests.servers import make_authority

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")

COMMON = """
import gc, os, ssl, sys
from bluma import Bluma
ca = os.environ.get("CA")
client = Bluma(ssl_context=ssl.create_default_context(cafile=ca) if ca else None)

def use(process, times=5):
    for _ in range(times):
        assert client.with_options(default_headers={"X-Process": process}).templates.list()[0].id == "t"

def sockets():
    return [link for link in map(read, os.listdir("/proc/self/fd")) if link.startswith("socket:")]

def read(name):
    try:
        return os.readlink("/proc/self/fd/" + name)
    except OSError:
        return ""

use("parent")
"""
FORK = """
before = set(sockets())
children = []
for number in range(8):
    child = os.fork()
    if child == 0:
        inherited = len(before & set(sockets())) - 2  # without the pair of sockets that wakes the loop
        use(f"child {number}")
        gc.collect()
        os._exit(inherited)
    children.append(child)
use("parent")
print([os.waitpid(child, 0)[1] for child in children])
use("parent")
"""
MULTIPROCESSING = """
import multiprocessing
context = multiprocessing.get_context("fork")
children = [context.Process(target=use, args=(f"child {number}",)) for number in range(8)]
for child in children:
    child.start()
use("parent")
for child in children:
    child.join()
print([child.exitcode for child in children])
use("parent")
"""
LEAVING = """
child = os.fork()
if child == 0:
    client = None
    gc.collect()
    sys.exit(0)
print([os.waitpid(child, 0)[1]] * 8)
use("parent")
"""


@pytest.fixture(params=["plain", "TLS"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """Give a server, plain or with TLS; the certificate authority is in ca.pem."""
    if request.param == "plain":
        with serving() as running:
            yield running
        return
    authority = make_authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving(context) as running:
        yield running


@pytest.mark.parametrize("code", [FORK, MULTIPROCESSING, LEAVING], ids=["os.fork", "multiprocessing", "sys.exit"])
def test_eight_children_at_the_same_time(server: Server, tmp_path: Path, code: str) -> None:
    """All children work, the parent keeps its connection, and no two processes share one."""
    authority = tmp_path / "ca.pem"
    more = {"CA": str(authority)} if authority.exists() else {}
    base_url = f"http{'s' if more else ''}://127.0.0.1:{server.port}"

    exit_code, out, err = run(COMMON + code, base_url, **more)

    assert (exit_code, err) == (0, "")
    assert out.strip() == str([0] * 8)
    owners = server.owners()
    assert all(len(names) == 1 for names in owners.values())
    assert sum("parent" in names for names in owners.values()) == 1
    expected = set() if code is LEAVING else {f"child {number}" for number in range(8)}
    assert {name for names in owners.values() for name in names} == {"parent", *expected}


BEGUN = """
import signal
from bluma.errors import BlumaError
from bluma_async._runtime.callbacks import call_back
from bluma_sync._portal import iterate, run

async def count():
    for number in range(3):
        yield number

async def fork_in_callback():
    return await call_back(os.fork)

def fork_in_iteration():
    numbers = iterate(count())
    next(numbers)
    child = os.fork()
    assert list(numbers) == [1, 2]
    return child

os.register_at_fork(after_in_child=lambda: signal.alarm(10))  # ends a child that hangs
parent = os.getpid()
try:
    child = FORK
except BlumaError as error:
    assert os.getpid() != parent and "before the process was forked" in str(error), error
    use("child")
    os._exit(7)
print(os.waitpid(child, 0)[1] >> 8)
"""


@pytest.mark.parametrize("fork", ["fork_in_iteration()", "run(fork_in_callback())"])
def test_a_child_does_not_continue_what_its_parent_has_begun(fork: str) -> None:
    """It would wait for ever for a loop that runs in the parent alone; the error says so, and new calls work."""
    with serving() as server:
        exit_code, out, err = run(COMMON + BEGUN.replace("FORK", fork), f"http://127.0.0.1:{server.port}")

    assert (exit_code, out.strip(), err) == (0, "7", "")


WSGI = """
import multiprocessing, os
from bluma import Bluma

gate = multiprocessing.get_context("fork").Barrier(4)  # a worker's first request waits until all have one
met = []
client = Bluma(default_headers={"X-Process": "master"})
assert client.templates.list()

def app(environ, respond):
    if not met:
        met.append(gate.wait(15))
    mine = client.with_options(default_headers={"X-Process": str(os.getpid())})
    body = f"{os.getpid()} {len(mine.templates.list())}".encode()
    respond("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


def test_gunicorn_with_preload(tmp_path: Path) -> None:
    """A client created and used in gunicorn's master works in its four workers, and all exit without a warning."""
    (tmp_path / "wsgi.py").write_text(WSGI)
    with serving() as server, socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--preload", "-w", "4", "-b", f"fd://{listener.fileno()}", "wsgi:app"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            pass_fds=[listener.fileno()],
            env=environment(f"http://127.0.0.1:{server.port}"),
        )
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: urlopen(url, timeout=15).read().decode(), range(64)))
        process.send_signal(signal.SIGTERM)
        code, _, err = finish(process)

    workers = {answer.split()[0] for answer in answers}
    assert all(answer.endswith(" 1") for answer in answers)
    assert len(workers) == 4
    assert all(len(names) == 1 for names in server.owners().values())
    assert {name for names in server.owners().values() for name in names} == {"master", *workers}
    assert (code, [line for line in err.splitlines() if "Unclosed" in line or "Traceback" in line]) == (0, [])


CELERY = """
import os
from celery import Celery
from bluma import Bluma

app = Celery("tasks")
app.conf.update(
    broker_url="filesystem://",
    broker_transport_options={"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"},
    result_backend="file://results",
    broker_connection_retry_on_startup=True,
)
client = Bluma(default_headers={"X-Process": "master"})
assert client.templates.list()

@app.task
def count():
    mine = client.with_options(default_headers={"X-Process": str(os.getpid())})
    return [os.getpid(), len(mine.templates.list())]
"""

CALLING = """
from tasks import count
print([result.get(timeout=15) for result in [count.delay() for _ in range(8)]])
"""


def test_a_celery_worker_that_forks(tmp_path: Path) -> None:
    """A client created and used in Celery's main process works in the worker processes that it forks."""
    (tmp_path / "tasks.py").write_text(CELERY)
    for folder in ("queue", "control", "results"):
        (tmp_path / folder).mkdir()
    with serving() as server:
        environ = environment(f"http://127.0.0.1:{server.port}")
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-P", "prefork", "-c", "2"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**environ, "C_FORCE_ROOT": "1"},
        )
        called = subprocess.run(
            [sys.executable, "-c", CALLING], capture_output=True, text=True, check=False, cwd=tmp_path, env=environ
        )
        worker.send_signal(signal.SIGTERM)
        code, out, err = finish(worker)

    answers = ast.literal_eval(called.stdout or "[]")
    assert [templates for _, templates in answers] == [1] * 8
    assert all(len(names) == 1 for names in server.owners().values())
    assert {str(pid) for pid, _ in answers} | {"master"} == {
        name for names in server.owners().values() for name in names
    }
    assert (code, [line for line in (out + err).splitlines() if "Unclosed" in line or "Traceback" in line]) == (0, [])
