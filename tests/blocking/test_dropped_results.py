"""A caller that is interrupted as its result comes does not lose the id of what it has paid for."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from typing import Any, Callable, Coroutine, List

import pytest

from bluma import Bluma
from bluma_async import AsyncBluma, errors
from bluma_async._runtime.callbacks import call_back, drop_reports
from bluma_async._runtime.paid_ids import report_if_dropped
from bluma_async.luma.client import AsyncLuma
from bluma_async.sandbox import Sandbox
from bluma_sync import _portal
from tests.blocking.processes import finish, start

PROGRAM = """
import os, signal
from bluma import Bluma
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it

async def interrupt(info):
    if info.method == "POST":
        os.kill(os.getpid(), signal.SIGINT)

with Bluma(on_response=interrupt) as client:
    for _ in range(20):
        video = None
        try:
            video = client.videos.create({"prompt": "Explain rain"}, "ugc-text-overlay")
        except KeyboardInterrupt:
            pass
        if video is not None:
            print(video.id)
"""


def interrupt(*_: object) -> None:
    """Be a callback in which the user presses Ctrl-C."""
    raise KeyboardInterrupt


async def pay_though_cancelled(job_id: str, error: BaseException | None = None) -> str:
    """Pay, and end after the caller was interrupted as if it had not been."""
    report_if_dropped(job_id)
    try:
        await call_back(interrupt)
    except asyncio.CancelledError:
        if error is not None:
            raise error from None
    return job_id


async def pay_before_the_interruption(job_id: str) -> str:
    """Pay, and end before the caller is interrupted."""
    report_if_dropped(job_id)
    loop, ended = asyncio.get_running_loop(), threading.Event()

    def interrupt_late() -> None:
        ended.wait()
        interrupt()

    asking = asyncio.ensure_future(call_back(interrupt_late))
    await asyncio.sleep(0)
    loop.call_soon(ended.set)
    loop.call_soon(asking.cancel)
    return job_id


@pytest.mark.parametrize("work", [pay_though_cancelled, pay_before_the_interruption])
def test_a_paid_result_that_is_dropped_is_logged(work: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The log has the id, whether the result came before the interruption or after it."""
    with pytest.raises(KeyboardInterrupt):
        _portal.run(work("batch_1"))

    assert caplog.messages == [
        "Video batch_1 is paid, and the call that created it was interrupted. Wait for it by its id."
    ]


def test_a_paid_error_that_is_dropped_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An error of the SDK has the id of the paid video, and does not reach the caller either."""
    with pytest.raises(KeyboardInterrupt):
        _portal.run(pay_though_cancelled("batch_1", errors.WaitTimeoutError("late")))

    assert "batch_1" in caplog.text


def test_a_delivered_result_is_not_logged(live: Any, bluma: Bluma, caplog: pytest.LogCaptureFixture) -> None:
    """The caller has the id."""
    video = bluma.videos.create({"prompt": "Explain rain"}, "ugc-text-overlay")

    assert video.id not in caplog.text


PAID_CALLS: List[Callable[[AsyncBluma], Coroutine[Any, Any, Any]]] = [
    lambda client: client.videos.create({"prompt": "Explain rain"}, "ugc-text-overlay"),
    lambda client: client.videos.start({"prompt": "Explain rain"}, "ugc-text-overlay"),
    lambda client: client.request(
        "POST", "/videos", json={"context": {"prompt": "Explain rain"}, "template_id": "ugc-text-overlay"}
    ),
]


@pytest.mark.parametrize("call", PAID_CALLS)
async def test_every_paid_call_reports_its_video(
    sandbox: Sandbox, client: AsyncBluma, call: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever creates a video says how its id is logged if the result is dropped."""
    drop_reports.set([])
    await call(client)

    for report in drop_reports.get() or ():
        report()

    (bill,) = sandbox.ledger.bills()
    assert [bill["metadata"]["video_id"] in line for line in caplog.messages] == [True]


async def test_a_generation_of_luma_is_reported_too(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """The id of a paid generation that no caller gets is logged, as that of a video is."""
    drop_reports.set([])
    async with AsyncLuma("vapi", sandbox.live_key, sandbox.luma_url("vapi")) as luma:
        started = await luma.generations.create("A cat")

    for report in drop_reports.get() or ():
        report()

    assert caplog.messages == [
        f"Generation {started.id} is paid, and the call that created it was interrupted. Wait for it by its id."
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no way to send Ctrl-C to one process")
def test_ctrl_c_as_the_answer_comes_loses_no_paid_video() -> None:
    """Each video that was billed was returned, or is in the log."""
    with Sandbox(render=False) as sandbox:
        code, out, err = finish(start(PROGRAM, sandbox.base_url, BLUMA_API_KEY=sandbox.live_key, BLUMA_LOG="warning"))
        paid = [bill["metadata"]["video_id"] for bill in sandbox.ledger.bills()]

    assert (code, len(paid)) == (0, 20)
    assert set(paid) <= set(re.findall(r"\bbatch_\w+", out + err))
