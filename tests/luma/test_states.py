"""Traps about states: the words of the providers, and generations that are late or have no file."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async import AsyncLuma, errors
from bluma_async.luma.registry import PROVIDERS
from bluma_async.sandbox import Sandbox
from bluma_async.types import GenerationState
from tests.fakes import FakeClock, FakeTransport, answer
from tests.luma.answers import ID, RUNNING, decode_read, wrap_task
from tests.luma.conformance import get_resource, make_client, start


@pytest.mark.parametrize(
    ("provider", "value", "state"),
    [
        ("kie", wrap_task(successFlag=1), "succeeded"),
        ("kie", wrap_task(state="success"), "succeeded"),
        ("kie", wrap_task(status="GENERATING"), "running"),
        ("kie", wrap_task(successFlag="3", state="success"), "failed"),
        ("vapi", {"id": ID, "state": "Completed"}, "succeeded"),
        ("vapi", {"data": {"task_id": ID, "task_status": "submitted"}}, "queued"),
        ("vapi", {"id": ID, "status": "IN_PROGRESS"}, "running"),
        ("umami", [{"id": ID, "state": "dreaming"}], "running"),
    ],
)
def test_trap_2_names_of_the_state(provider: str, value: Any, state: str) -> None:
    """Trap 2: the state is found under all its names, in any case; the provider's own word is kept."""
    done = decode_read(provider, value)

    assert done.state == state
    assert done.raw_state is not None


@pytest.mark.parametrize(
    ("fields", "state", "raw_state"),
    [
        ({"successFlag": None, "state": "success"}, "succeeded", "success"),
        ({"successFlag": "", "state": "success"}, "succeeded", "success"),
        ({"successFlag": None, "state": None, "status": "fail"}, "failed", "fail"),
        ({"successFlag": 0, "state": "success"}, "running", 0),
        ({"successFlag": 1.0}, "succeeded", 1),
        ({"successFlag": " 1 "}, "succeeded", " 1 "),
        ({"successFlag": None}, "unknown", None),
        ({"successFlag": {"x": 1}}, "unknown", None),
        ({"successFlag": [1]}, "unknown", None),
    ],
)
def test_kie_traps_6_and_7_a_flag_without_a_value(fields: Any, state: str, raw_state: Any) -> None:
    """Traps 6 and 7 of kie.ai: the first of the names that has a value counts, as a number in any form or as a word."""
    done = decode_read("kie", wrap_task(**fields, response={"resultUrls": ["https://x/1.mp4"]}))

    assert (done.state, done.raw_state, type(done.raw_state)) == (state, raw_state, type(raw_state))
    assert done.url == "https://x/1.mp4"


def test_trap_3_a_callback_that_failed() -> None:
    """Trap 3: flag 4 is a success with `callback_failed`."""
    done = decode_read("kie", wrap_task(successFlag=4, response={"resultUrls": ["https://x/1.mp4"]}))

    assert (done.state, done.callback_failed, done.url) == ("succeeded", True, "https://x/1.mp4")


async def test_trap_9_success_without_a_file() -> None:
    """Trap 9: a success without a file is read three times, then returned with `result_missing`."""
    clock = FakeClock()
    transport = FakeTransport(answer(200, {"id": ID, "state": "completed", "video": {}}), clock=clock)
    async with AsyncLuma("vapi", "key", transport=transport, clock=clock) as luma:
        done = await luma.generations.wait_for(ID)

    assert (done.state, done.result_missing, len(transport.requests)) == ("succeeded", True, 3)


@pytest.mark.parametrize(
    ("word", "state"),
    [(word, "failed") for word in ("error", "cancelled", "canceled", "rejected", "expired", "timeout")]
    + [("rescheduled", "unknown"), ("1", "unknown"), (7, "unknown")],
)
def test_trap_16_unknown_states(word: Any, state: str) -> None:
    """Trap 16: words for an unsuccessful end mean FAILED; an unknown word is UNKNOWN, not final, and kept."""
    done = decode_read("vapi", {**RUNNING, "state": word})

    assert (done.state, done.raw_state, done.state.is_final) == (state, word, state == "failed")
    assert GenerationState("unheard") == "unheard"


async def test_trap_17_created(sandbox: Sandbox) -> None:
    """Trap 17: a create that is answered with 201 succeeds."""
    async with make_client("umami", sandbox) as luma:
        await start(luma)

    assert [record.status for record in sandbox.requests] == [201]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_trap_18_not_known_yet(provider: Any) -> None:
    """Trap 18: an unknown id is polled for 30 s, then reported as not found."""
    clock = FakeClock()
    nobody = {"kie": answer(200, {"code": 200, "data": None}), "umami": answer(200, []), "vapi": answer(404, {})}
    transport = FakeTransport(nobody[provider], clock=clock)
    async with AsyncLuma(provider, "key", transport=transport, clock=clock) as luma:
        began = clock.time
        with pytest.raises(errors.NotFoundError):
            await get_resource(luma).wait_for(ID, poll_interval=5)

    assert 30 <= clock.time - began <= 40
