"""Evidence about creates belongs to (base URL, key) in the process, and lives as long as a client uses that account."""

from __future__ import annotations

import gc
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, List

import pytest

from bluma import Bluma
from bluma_async import AsyncBluma, AsyncLuma, errors
from bluma_async._session.evidence import MAX_KNOWN, CreateEvidence, find_evidence, registry
from bluma_async._session.in_flight import InFlightCall
from bluma_async._wire.messages import Request
from tests.fakes import FakeClock, answer, client_with, list_videos

KEY = "bluma_test_evidence"
CUT = errors.NetworkError("cut")
ACCEPTED = answer(202, {"id": "batch_new", "status": "queued", "template_id": "t", "credits_charged": 2})
SECOND = answer(202, {"id": "batch_2", "status": "queued", "template_id": "t", "credits_charged": 2})


def paid_call(template_id: Any = "t") -> InFlightCall:
    """Return a create of a template."""
    return InFlightCall(Request("POST", "https://x/videos", {}), 0.0, template_id=template_id)


def listing(*names: str) -> Any:
    """Return a page with these videos, all of them new."""
    return list_videos(*((name, "2025-11-03T10:30:30Z") for name in names))


def evidence_of(client: Any) -> CreateEvidence:
    """Return the evidence that a client uses."""
    found: CreateEvidence = getattr(client, "_async", client)._session.evidence
    return found


def test_clients_of_one_account_share_it() -> None:
    """Two async clients, a blocking one, and a copy have one evidence."""
    first = AsyncBluma(KEY)
    others: List[Any] = [AsyncBluma(KEY), Bluma(KEY), first.with_options(timeout=5), AsyncBluma(f" {KEY}\n")]
    others.append(AsyncBluma(KEY, base_url="https://api.getbluma.com/api/v1/"))

    assert {evidence_of(client) for client in others} == {evidence_of(first)}


def test_another_key_or_url_has_its_own() -> None:
    """Another key or another API is another account, also for a copy of the same client."""
    client = AsyncBluma(KEY)
    others = [
        client.with_options(api_key="bluma_test_other"),
        client.with_options(base_url="http://localhost:5001/api/v1"),
        AsyncBluma("bluma_live_other"),
        AsyncLuma("kie", KEY),
    ]

    assert len({evidence_of(entry) for entry in [client, *others]}) == 5


async def test_a_video_of_one_client_is_no_candidate_of_another() -> None:
    """The search after a lost create ignores a video that another client of the account created."""
    clock = FakeClock()
    one, _, _ = client_with(ACCEPTED, clock=clock)
    other, transport, _ = client_with(CUT, listing("batch_new"), listing("batch_new"), SECOND, clock=FakeClock())
    stranger, _, _ = client_with(CUT, listing("batch_new"))
    stranger = stranger.with_options(api_key="bluma_test_stranger")
    await one.videos.create({"prompt": "p"}, "t")

    video = await other.videos.create({"prompt": "p"}, "t")

    assert (video.id, len(transport.requests)) == ("batch_2", 4)
    with pytest.raises(errors.AmbiguousCreateError):
        await stranger.videos.create({"prompt": "p"}, "t")


async def test_candidates_reported_to_one_client_are_known_to_another() -> None:
    """A later create of the other client does not report the same candidate again; clocks do not matter."""
    late = FakeClock()
    late.time, late.ahead = 10.0**6, timedelta(seconds=1000 - 10**6)  # the same wall clock
    one, _, _ = client_with(CUT, listing("x"), clock=late)
    other, transport, _ = client_with(CUT, listing("x"), listing("x"), ACCEPTED)
    with pytest.raises(errors.AmbiguousCreateError):
        await one.videos.create({"prompt": "p"}, "t")

    await other.videos.create({"prompt": "p"}, "t")

    assert len(transport.requests) == 4


def test_a_report_counts_for_later_calls_only() -> None:
    """A candidate that was reported while a call was in flight may still be its video."""
    evidence, before, after = CreateEvidence(), paid_call(), paid_call()
    evidence.add(before)
    evidence.mark_candidates(["a"])
    evidence.add(after)

    assert [evidence.may_be_from("a", call) for call in (before, after)] == [True, False]
    evidence.mark_known("a")
    evidence.mark_candidates(["a"])
    assert not evidence.may_be_from("a", before)
    assert evidence.may_be_from("unseen", after)


def test_rivals_are_the_creates_of_the_same_template() -> None:
    """A call whose template is unknown is a rival of every other one."""
    evidence = CreateEvidence()
    mine, same, another, unknown = paid_call(), paid_call(), paid_call("u"), paid_call(None)
    for call in (mine, same, another, unknown):
        evidence.add(call)

    rivals, of_unknown = evidence.rivals(mine), evidence.rivals(unknown)
    evidence.remove(same)

    assert (set(rivals), set(of_unknown)) == ({same, unknown}, {mine, same, another})
    assert evidence.rivals(mine) == [unknown]


def test_the_oldest_ids_are_dropped() -> None:
    """The number of known ids is bounded; the newest ones stay."""
    evidence, call = CreateEvidence(), paid_call()
    evidence.add(call)

    for number in range(MAX_KNOWN + 5):
        evidence.mark_known(str(number))

    assert [evidence.may_be_from(str(number), call) for number in (4, 5, MAX_KNOWN + 4)] == [True, False, False]


def test_nothing_is_kept_of_accounts_that_are_no_longer_used() -> None:
    """Copies with 20,000 keys leave the registry as it was, and so does a client that is gone."""
    client = AsyncBluma(KEY)
    gone = AsyncBluma("bluma_test_gone")
    before = len(registry)

    for number in range(20_000):
        client.with_options(api_key=f"bluma_test_{number}")
    del gone
    gc.collect()

    assert len(registry) == before - 1
    assert evidence_of(client) is find_evidence("https://api.getbluma.com/api/v1", KEY)


def test_threads_get_the_same_evidence() -> None:
    """The first clients of an account, made in eight threads at once, share one evidence."""
    for number in range(200):
        start = threading.Barrier(8)

        def find(barrier: threading.Barrier = start, key: str = str(number)) -> CreateEvidence:
            barrier.wait()
            return find_evidence("https://x", key)

        with ThreadPoolExecutor(8) as pool:
            found = [future.result() for future in [pool.submit(find) for _ in range(8)]]
        assert len(set(found)) == 1


def test_threads_mark_at_once() -> None:
    """No mark is lost, and a known video never becomes a mere candidate, however threads interleave."""
    evidence = CreateEvidence()
    early = paid_call()
    evidence.add(early)

    def work(thread: int) -> None:
        for number in range(3000):
            call = paid_call()
            evidence.add(call)
            if thread % 2:
                evidence.mark_known(str(number))
            else:
                evidence.mark_candidates([str(number), f"{thread}/{number}"])
            assert call not in evidence.rivals(call)
            evidence.remove(call)

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work, thread) for thread in range(4)]:
            future.result()

    assert not [number for number in range(3000) if evidence.may_be_from(str(number), early)]
    assert evidence.may_be_from("0/0", early)
    assert evidence.rivals(paid_call()) == [early]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_keeps_ids_and_drops_calls_in_flight() -> None:
    """The child knows the parent's videos, does not wait for its creates, and is not blocked by its lock."""
    evidence, call = find_evidence("https://x", KEY), paid_call()
    evidence.add(call)
    evidence.mark_known("a")
    with registry._lock:  # another thread of the parent holds it while the process forks
        child = os.fork()
        if child == 0:
            signal.alarm(10)  # ends a child that waits for the lock forever
            is_right = find_evidence("https://x", KEY) is evidence and not evidence.may_be_from("a", call)
            os._exit(0 if is_right and not evidence.rivals(paid_call()) else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert evidence.rivals(paid_call()) == [call]
