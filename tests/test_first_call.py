"""Which modules the first calls of a process load, and when."""

from __future__ import annotations

import subprocess
import sys
from typing import List

import pytest

from bluma_async.sandbox import Sandbox

READ = """
import sys
from bluma import Bluma
with Bluma("bluma_test_sandbox", sys.argv[1]) as client:
    try:
        client.videos.get("batch_none")
    except Exception as error:
        assert type(error).__name__ == "NotFoundError", error
print(*sys.modules)
"""
CREATE = """
import sys
import aiohttp
from bluma import AmbiguousCreateError, Bluma, BlumaError
loaded, trace = [], aiohttp.TraceConfig()
async def note(*_):
    loaded.append(set(sys.modules))
trace.on_request_start.append(note)
url, method, expected = sys.argv[1:]
options = dict(trace_configs=[trace], on_retry=lambda _: None, retry_delay=0.01, settle_time=0.1)
with Bluma("bluma_test_sandbox", url, **options) as client:
    try:
        getattr(client.videos, method)({"prompt": "Explain rain"}, "ugc-text-overlay")
    except BlumaError as error:
        assert type(error).__name__ == expected, repr(error)
    else:
        assert expected == "None"
    print(*sorted(set(sys.modules) - loaded[0]))
"""
# The rooms and modules of which a read needs nothing.
UNUSED_ROOMS = {"batch", "cli", "fleet", "luma", "sandbox", "sharing", "stores", "transfer", "webhooks"}
USED_OF = {
    "resources": {"_base_client", "_client_parts", "_paging", "videos"}
    | {"_videos", "_videos.calls", "_videos.files", "_videos.lists", "_videos.parts"},
    "waiting": {"hub"},
    "types": {"_html", "_model", "_problem", "_times", "arguments", "videos"},
}


def run_program(code: str, *arguments: str) -> List[str]:
    """Run a program in a new process, and return the words that it has printed."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_one_read_loads_what_a_read_needs() -> None:
    """A program that reads one video loads no module of creates, waits and files, and no library for them."""
    with Sandbox(render=False) as sandbox:
        loaded = run_program(READ, sandbox.base_url)

    own = [name.split(".")[1:] for name in loaded if name.startswith("bluma_async.")]
    rooms = {name[0] for name in own}
    used = {room: {".".join(name[1:]) for name in own if name[0] == room and len(name) > 1} for room in USED_OF}
    assert rooms & UNUSED_ROOMS == set()
    assert used == USED_OF
    assert {"jsonschema", "sqlite3"} & set(loaded) == set()


@pytest.mark.parametrize("method", ["create", "start"])
@pytest.mark.parametrize(
    ("fault", "expected"), [(None, "None"), ("drop_before", "None"), ("drop_after", "AmbiguousCreateError")]
)
def test_a_create_loads_nothing_after_it_was_sent(method: str, fault: str | None, expected: str) -> None:
    """An import that fails after the request would lose a paid video, also while its outcome is searched for."""
    with Sandbox(render=False) as sandbox:
        if fault is not None:
            sandbox.faults.add("POST /videos", fault, times=1)
        late = run_program(CREATE, sandbox.base_url, method, expected)

    assert {name for name in late if name.startswith(("bluma", "cattrs"))} == set()
