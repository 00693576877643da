"""The handle of a started video: it waits, watches and saves, and travels to other processes without a secret."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.resources._videos.job_facts import JobFacts
from bluma_async.resources.video_job import Binding, VideoJob
from bluma_async.sandbox import Cruelty, Sandbox
from bluma_async.types import Video
from tests.batch.helpers import forget_process
from tests.fakes import answer, client_with
from tests.live import Live, SandboxClock
from tests.waiting.served import served

PROMPT = {"prompt": "Hello"}
TEMPLATE = "ugc-text-overlay"
ACCEPTED = answer(202, {"id": "batch_1", "status": "queued", "template_id": "t", "credits_charged": 2})
KEY = "bluma_test_key"
URL = "https://api.getbluma.com/api/v1"
SAVED = {"bluma_job": 1, "id": "v", "key": "k", "base_url": URL, "account": "a"}


async def test_a_started_video_is_waited_for_and_saved(sandbox: Sandbox, tmp_path: Path) -> None:
    """`start` takes the arguments of `create`; its handle waits, has the newest state, and saves the file."""
    clock = SandboxClock(sandbox)
    options: Any = {"clock": clock, "trace_configs": clock.traffic.trace_configs}
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, **options) as client:
        job = await client.videos.start(PROMPT, TEMPLATE, options={"resolution": "4k"})
        first = job.video

        done = await job.wait()
        size = await job.save(tmp_path / "x.mp4")
        again = await job.refresh()

    assert first is not None
    assert (first.id, first.status, job.template_id) == (job.id, "queued", TEMPLATE)
    assert (done.status, again.status, job.video) == ("completed", "completed", again)
    assert (tmp_path / "x.mp4").stat().st_size == size == done.size_bytes


async def test_the_key_of_the_create_is_known() -> None:
    """A handle has the `Idempotency-Key` of its create, the caller's own or a random one."""
    client, transport, _ = client_with(ACCEPTED, answer(202, {"id": "batch_2", "status": "queued"}))

    mine = await client.videos.start(PROMPT, "t", idempotency_key="mine")
    random = await client.videos.start(PROMPT, "t")

    sent = [request.headers["Idempotency-Key"] for request in transport.requests]
    assert sent == ["mine", random.key]
    assert (mine.key, len(random.key)) == ("mine", 32)


async def test_events_are_the_news_of_a_video() -> None:
    """The first state comes at once, then each new status and higher percentage, then the final one; nothing else."""
    states = [("queued", None), ("processing", 5), ("processing", 5), ("processing", 3), ("processing", 60)]
    replies = [
        answer(200, {"id": "batch_1", "status": status, "progress": percent, "template_id": "t"})
        for status, percent in [*states, ("completed", 100)]
    ]
    client, transport, _ = client_with(ACCEPTED, *replies)
    job = await client.videos.start(PROMPT, "t")

    seen = [(str(state.status), state.progress) async for state in job.events(poll_interval=1)]

    assert seen == [*states[:2], states[4], ("completed", 100)]
    assert job.video is not None
    assert (job.video.status, len(transport.requests)) == ("completed", 7)


async def test_events_that_are_left_leave_nothing_behind() -> None:
    """A consumer that leaves early ends the polls, as when a browser closes a stream of events."""
    client, server, _ = served({"v": 1000.0})
    job = client.videos.job(await handle_of(client, "v"))
    before = asyncio.all_tasks()

    events = job.events(poll_interval=1)
    async for _ in events:
        break
    await events.aclose()  # type: ignore[attr-defined]  # it is a generator

    assert client._hub._pollers == {}
    assert asyncio.all_tasks() == before
    assert server.sent == ["/videos/v"]


async def test_events_end_at_the_timeout() -> None:
    """The last poll is at the deadline; the error has the last state and the id."""
    client, server, clock = served({"v": 1000.0})
    job = client.videos.job(await handle_of(client, "v"))
    seen: List[Video] = []

    with pytest.raises(errors.WaitTimeoutError, match="was not finished after 12 s") as raised:
        seen += [state async for state in job.events(timeout=12)]

    assert raised.value.video_id == "v"
    assert (clock.slept, len(server.sent)) == ([5, 5, 2], 4)


async def test_events_share_the_polls_of_waits() -> None:
    """A wait and two iterations for one video send as many requests as one wait."""
    client, server, _ = served({"v": 12.0})
    job = client.videos.job(await handle_of(client, "v"))

    async def watch() -> List[Any]:
        return [state.status async for state in job.events()]

    ended = await asyncio.gather(watch(), watch(), job.wait())

    assert ended[:2] == [["processing", "completed"]] * 2
    assert server.sent == ["/videos/v"] * 4


async def test_a_slow_consumer_gets_the_newest_state() -> None:
    """While the consumer works no request is sent, and afterwards the newest state comes."""
    client, server, _ = served({"v": 12.0})
    job = client.videos.job(await handle_of(client, "v"))
    seen: List[Any] = []

    async for state in job.events():
        for _ in range(50):  # the poller sleeps on a clock that takes no time: it could send a request in each step
            await asyncio.sleep(0)
        seen.append((state.status, len(server.sent)))

    assert seen == [("processing", 1), ("completed", 2)]


async def handle_of(client: AsyncBluma, video_id: str) -> str:
    """Return the handle of a video that this client could have started."""
    other, _, _ = client_with(answer(202, {"id": video_id, "status": "queued"}))
    return (await other.videos.start(PROMPT, "t")).to_json()


async def test_a_handle_has_no_secret() -> None:
    """Neither its JSON nor its pickle nor its repr has the key."""
    client, _, _ = client_with(ACCEPTED)
    job = await client.videos.start(PROMPT, "t")

    for form in (job.to_json(), repr(job), str(vars(job)), repr(pickle.dumps(job)), job.account):
        assert KEY not in form
    assert set(json.loads(job.to_json())) == {
        "bluma_job",
        "id",
        "key",
        "template_id",
        "base_url",
        "account",
        "created_at",
        "credits_charged",
        "reused",
    }


async def test_a_pickled_handle_keeps_its_state_and_no_client() -> None:
    """A call of an unpickled handle says what to do; `client.videos.job` gives it a client."""
    client, transport, _ = client_with(ACCEPTED, answer(200, {"id": "batch_1", "status": "completed"}))
    job = await client.videos.start(PROMPT, "t")

    arrived = pickle.loads(pickle.dumps(job))
    with pytest.raises(errors.BlumaError, match=r"has no client.*Nothing was sent: continue with client\.videos\.job"):
        await arrived.refresh()
    with pytest.raises(errors.BlumaError, match="has no client"):
        _ = [state async for state in arrived.events()]
    sent = len(transport.requests)

    assert (arrived.id, arrived.key, arrived.video) == (job.id, job.key, job.video)
    assert (await client.videos.job(arrived).refresh()).status == "completed"
    assert (await copy.deepcopy(job).refresh()).status == "completed"
    assert sent == 1


@pytest.mark.parametrize("form", [str, str.encode, json.loads])
async def test_a_handle_is_picked_up_from_every_form(form: Any) -> None:
    """JSON as text, as the bytes of a queue, or as the mapping of a document."""
    client, transport, _ = client_with(ACCEPTED)
    job = await client.videos.start(PROMPT, "t")

    found = client.videos.job(form(job.to_json()))

    assert (found.id, found.key, found.account, found.video) == (job.id, job.key, job.account, None)
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"api_key": "bluma_test_other"}, r"with another API key\. Use a client.*\. Nothing was sent\.$"),
        (
            {"base_url": "http://other.example/v1"},
            r"at https://api.*uses http://other.*base URL\. Nothing was sent\.$",
        ),
    ],
)
async def test_a_handle_of_another_account_is_refused(options: Any, reason: str) -> None:
    """A handle of another key or base URL is refused before anything is sent: its id may be another video there."""
    client, transport, _ = client_with(ACCEPTED)
    job = await client.videos.start(PROMPT, "t")

    with pytest.raises(errors.InvalidArgumentError, match=reason) as raised:
        client.with_options(**options).videos.job(job.to_json())

    assert len(transport.requests) == 1
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    ("saved", "reason"),
    [
        ("batch_1", "'batch_1' is not what to_json"),
        (b"\xff", "is not what to_json"),
        (None, "None is not what to_json"),
        ([], r"\[\] is not what to_json"),
        ("[" * 100_000, "is not what to_json"),
        ("{}", r"\{\} is not what to_json"),
        ({"bluma_job": 2}, "its format 2 is of another version"),
        ({"bluma_job": 1}, "its 'id' must be text, not None"),
        ({"bluma_job": 1, "id": 5}, "its 'id' must be text, not 5"),
        ({"bluma_job": 1, "id": "v", "key": "k", "base_url": URL, "account": ""}, "its 'account' must be text"),
        ({"bluma_job": 1, "id": "..", "key": "k", "base_url": URL, "account": "a"}, "names one thing"),
        ({**SAVED, "created_at": "yesterday"}, "its 'created_at' must be an ISO 8601 time, not 'yesterday'"),
        (AsyncBluma(KEY), "is not what to_json"),
    ],
    ids=lambda value: repr(value)[:20],
)
async def test_no_handle_is_refused(saved: Any, reason: str) -> None:
    """Anything else than a handle is an error that says what to pass."""
    client, transport, _ = client_with(ACCEPTED)

    with pytest.raises(errors.InvalidArgumentError, match=reason):
        client.videos.job(saved)

    assert transport.requests == []


OTHER_PROCESS = """
import pickle, sys
from bluma import Bluma

with Bluma() as client:
    job = client.videos.job(pickle.load(sys.stdin.buffer) if sys.argv[1] == "pickle" else sys.stdin.read())
    print([str(state.status) for state in job.events(poll_interval=0.01)][-1], job.save(sys.argv[2]))
"""


@pytest.mark.parametrize("form", ["json", "pickle"])
def test_another_process_picks_a_handle_up(form: str, tmp_path: Path) -> None:
    """A blocking program starts a video; another one, with the same key, watches and saves it. One video is billed."""
    from bluma import Bluma

    with Live(at_once=True) as sandbox, Bluma(sandbox.live_key, base_url=sandbox.base_url) as client:
        job = client.videos.start(PROMPT, TEMPLATE)
        environment = {"BLUMA_API_KEY": sandbox.live_key, "BLUMA_BASE_URL": sandbox.base_url}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", OTHER_PROCESS, form, str(tmp_path / "x.mp4")],
            input=pickle.dumps(job) if form == "pickle" else job.to_json().encode(),
            capture_output=True,
            check=False,
            env={**environment, "PYTHONPATH": ":".join(sys.path)},
        )
        size = (tmp_path / "x.mp4").stat().st_size
        seen = [state.status for state in job.events()]

    assert (done.stderr.decode(), done.stdout.decode().split()) == ("", ["completed", str(size)])
    assert (seen, sandbox.state()["billed"]) == (["completed"], 1)


async def start_and_forget(sandbox: Sandbox, clock: SandboxClock) -> str:
    """Start a video, and forget in this process that it was created, as if another one had done it."""
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, clock=clock) as client:
        saved = (await client.videos.start(PROMPT, TEMPLATE)).to_json()
        forget_process(client)
    return saved


@pytest.mark.parametrize("change", [{}, {"created_at": None}, {"created_at": "2999-01-01T00:00:00Z"}])
async def test_a_handle_that_is_picked_up_is_patient_with_reads_that_lag(sandbox: Sandbox, change: Any) -> None:
    """A video that was created just now, elsewhere, is not reported as gone; nor is one whose time is unknown."""
    sandbox.cruelty = Cruelty(read_lag=4)
    clock = SandboxClock(sandbox)
    saved = {**json.loads(await start_and_forget(sandbox, clock)), **change}
    options: Any = {"clock": clock, "trace_configs": clock.traffic.trace_configs}

    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, **options) as client:
        job = client.videos.job(saved)
        seen = [str(state.status) async for state in job.events(poll_interval=1)]
        done = await job.wait()

    assert (seen[-1], done.status) == ("completed", "completed")


async def test_a_video_that_is_gone_is_reported_when_no_read_lags_any_more() -> None:
    """The time of the create is stored: the wait for an old video ends with the first answer."""
    missing = {"error": {"type": "not_found", "title": "X", "status": 404, "detail": "no"}}
    client, transport, clock = client_with(ACCEPTED, answer(404, missing))
    saved = (await client.videos.start(PROMPT, "t")).to_json()
    forget_process(client)
    clock.time += 61

    with pytest.raises(errors.NotFoundError):
        await client.videos.job(saved).wait()

    assert len(transport.requests) == 2


async def test_a_handle_of_an_earlier_version_is_read() -> None:
    """Its JSON and its pickle have no time of the create, no charge and no `reused`."""
    client, _, _ = client_with(ACCEPTED)
    job = await client.videos.start(PROMPT, "t")
    saved = json.loads(job.to_json())
    del saved["created_at"], saved["credits_charged"], saved["reused"]
    facts = JobFacts.__new__(JobFacts)
    facts.__setstate__({name: value for name, value in saved.items() if name != "bluma_job"})

    assert client.videos.job(saved).id == client.videos.job(VideoJob(facts, Binding())).id == job.id
    assert (facts.created_at, facts.credits_charged, facts.reused) == (None, 0, False)
