"""Batches of the blocking client: the same results, also after Ctrl-C, and after SIGKILL during a create."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from bluma import Bluma, MismatchKind
from bluma.errors import WaitTimeoutError
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.request_log import RequestRecord
from tests.blocking.processes import finish, start
from tests.live import Live

Row = Dict[str, Any]
PROGRAM = """
import json, os, signal
from bluma import Bluma
signal.signal(signal.SIGINT, signal.default_int_handler)
with Bluma(os.environ["KEY"], retry_delay=0.0, settle_time=0.0) as client:
    exclusive = "EXCLUSIVE" in os.environ
    batch = client.batch(out=os.environ["OUT"], poll_interval=0.01, concurrency=4, exclusive=exclusive)
    try:
        for result in batch.run([{"template_id": t, "prompt": t, "key": t} for t in os.environ["JOBS"].split()]):
            print(json.dumps(result.to_dict()), flush=True)
    except KeyboardInterrupt:
        print("stopped", flush=True)
"""
TEMPLATES = "ugc-text-overlay cat-explainer-v2 rick-morty-explainer"


def rows(count: int) -> List[Row]:
    """Return so many jobs, each with its own key."""
    return [{"template_id": "ugc-text-overlay", "prompt": f"{n}", "key": f"k{n}"} for n in range(count)]


@pytest.fixture
def live() -> Iterator[Live]:
    """Give a sandbox in its own thread, whose clock is moved by hand."""
    made = Live()
    with made:
        yield made


def run_program(sandbox: Sandbox, folder: Path, jobs: str = TEMPLATES, **more: str) -> List[Dict[str, Any]]:
    """Run the program, and return the results that it printed."""
    process = start(PROGRAM, sandbox.base_url, KEY=sandbox.live_key, OUT=str(folder), JOBS=jobs, **more)
    code, out, err = finish(process)
    assert (code, err) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


def test_results_come_in_a_for_loop(tmp_path: Path) -> None:
    """The source of jobs is read, and callbacks are called, in the caller's thread."""
    threads = set()

    def source() -> Iterator[Row]:
        for row in rows(3):
            threads.add(threading.current_thread())
            yield row

    with Live(at_once=True) as sandbox, Bluma(sandbox.live_key, base_url=sandbox.base_url) as client:
        batch = client.batch(
            out=tmp_path, poll_interval=0.01, on_change=lambda _: threads.add(threading.current_thread())
        )
        results = list(batch.run(source()))
        status = batch.status()
        listed = [result.key for result in batch.results("saved")]

        assert {result.state for result in results} == {"saved"}
        assert (status.saved, status.credits_net, batch.stopped) == (3, 6, None)
        assert (listed, batch.retry()) == (["k0", "k1", "k2"], 0)
        assert threads == {threading.current_thread()}


def test_jobs_are_submitted_waited_for_and_audited(tmp_path: Path) -> None:
    """A thread runs the batch, another one waits for a job; sources of jobs are read in the caller's thread."""
    threads = set()

    def source() -> Iterator[Row]:
        threads.add(threading.current_thread())
        yield from rows(2)

    with Live(at_once=True) as sandbox, Bluma(sandbox.live_key, base_url=sandbox.base_url) as client:
        batch = client.batch(out=tmp_path, poll_interval=0.01)
        counts = batch.submit(source()), batch.submit(rows(2)), batch.submit(rows(3))
        with pytest.raises(WaitTimeoutError, match=r"last seen: planned"):
            batch.wait("k2", timeout=0)
        runner = threading.Thread(target=lambda: list(batch.run()))
        runner.start()
        result = batch.wait("k2", timeout=15)
        runner.join()
        client.videos.create({"prompt": "theirs"}, "ugc-text-overlay")
        found = batch.audit()

    assert (counts, threads) == ((2, 0, 1), {threading.current_thread()})
    assert (result.key, result.state, result.path) == ("k2", "saved", str(tmp_path / "k2.mp4"))
    assert (found.is_matching, found.videos, [entry.kind for entry in found.mismatches]) == (
        False, 3, [MismatchKind.UNKNOWN_PAYMENT],
    )  # fmt: skip


def test_a_loop_that_breaks_can_be_continued(tmp_path: Path) -> None:
    """`break` ends the run; the next run finishes the other jobs."""
    with Live(at_once=True) as sandbox, Bluma(sandbox.live_key, base_url=sandbox.base_url) as client:
        batch = client.batch(out=tmp_path, poll_interval=0.01, concurrency=1)
        for _ in batch.run(rows(3)):
            break

        rest = list(batch.run(rows(3)))

        assert {result.state for result in rest} <= {"saved"}
        assert (batch.status().saved, sandbox.state()["billed"]) == (3, 3)


def watch_for(live: Live, is_wanted: Any) -> threading.Event:
    """Return an event that is set when a request is seen for which `is_wanted` is true."""
    seen = threading.Event()

    def check(record: RequestRecord) -> None:
        if is_wanted(record):
            seen.set()

    live.sandbox.watch(check)
    return seen


def test_ctrl_c_stops_and_the_next_run_continues(live: Live, tmp_path: Path) -> None:
    """Jobs that were created are billed once, and saved by the next run."""
    waiting = watch_for(live, lambda record: record.route == "GET /videos/{id}")
    sandbox = live.sandbox
    process = start(PROGRAM, sandbox.base_url, KEY=sandbox.live_key, OUT=str(tmp_path), JOBS=TEMPLATES)
    assert waiting.wait(10)
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    live.advance(105)
    sandbox.watch(lambda record: sandbox.advance(105) if record.route == "POST /videos" else None)

    results = run_program(sandbox, tmp_path)

    assert (code, out, err) == (0, "stopped\n", "")
    assert [result["state"] for result in results] == ["saved"] * 3
    assert sandbox.state()["billed"] == 3


@pytest.mark.parametrize("is_accepted", [True, False])
def test_killed_during_a_create(live: Live, tmp_path: Path, is_accepted: bool) -> None:
    """A create that was accepted is found again, one that was not is sent again; each job is billed once."""
    sandbox = live.sandbox
    sandbox.faults.add("POST /videos", "silent" if is_accepted else "drop_before", times=None)
    posted = watch_for(live, lambda record: record.route == "POST /videos")
    process = start(
        PROGRAM.replace("retry_delay=0.0", "retry_delay=30.0"),
        sandbox.base_url,
        KEY=sandbox.live_key,
        OUT=str(tmp_path),
        JOBS=TEMPLATES,
    )
    while is_accepted and sandbox.state()["billed"] < 3:
        live.run(asyncio.sleep(0))
    assert is_accepted or posted.wait(10)
    process.kill()
    finish(process)
    sandbox.faults.clear()
    live.advance(105)
    sandbox.watch(lambda record: sandbox.advance(105) if record.route == "POST /videos" else None)

    results = run_program(sandbox, tmp_path, EXCLUSIVE="1", BLUMA_STATE_DIR=str(tmp_path / "state"))

    assert sorted((result["key"], result["state"]) for result in results) == [
        (t, "saved") for t in sorted(TEMPLATES.split())
    ]
    assert sandbox.state()["billed"] == 3
    assert len(list(tmp_path.glob("*.mp4"))) == 3


def test_killed_with_several_candidates(live: Live, tmp_path: Path) -> None:
    """Another user created from the same template: the job is in doubt, other jobs finish, and none is billed twice."""
    sandbox = live.sandbox
    sandbox.faults.add("POST /videos", "silent")
    process = start(PROGRAM, sandbox.base_url, KEY=sandbox.live_key, OUT=str(tmp_path), JOBS="ugc-text-overlay")
    while sandbox.state()["billed"] == 0:
        live.run(asyncio.sleep(0))
    process.kill()
    finish(process)
    with Bluma(sandbox.live_key, base_url=sandbox.base_url) as stranger:
        stranger.videos.create({"prompt": "theirs"}, "ugc-text-overlay")
    sandbox.watch(lambda record: sandbox.advance(105) if record.route == "POST /videos" else None)

    first = run_program(sandbox, tmp_path)
    second = run_program(sandbox, tmp_path)

    states = {result["key"]: result["state"] for result in first}
    doubt = next(result for result in first if result["state"] == "in_doubt")
    assert states == {"ugc-text-overlay": "in_doubt", "cat-explainer-v2": "saved", "rick-morty-explainer": "saved"}
    assert len(doubt["candidates"]) == 2
    assert "2 video(s) may be its own" in doubt["error"]
    assert second == []
    assert sandbox.state()["billed"] == 4
