"""Cruelty: creates that are committed late, whose answers are lost, or that lack a price."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List, Optional

import aiohttp
import pytest

from bluma_async.sandbox import Cruelty, Sandbox
from bluma_async.sandbox.fault_tables import LOST_CREATES
from tests.sandbox.conftest import JOB, Plain, Reply, parse_time

SHORT = aiohttp.ClientTimeout(total=0.2)
LONG = aiohttp.ClientTimeout(total=10)  # of answers that come: the machine may be busy


async def wait_for_arrival(sandbox: Sandbox, count: int = 1) -> None:
    """Wait until creates have arrived that are not committed."""
    while sandbox.state()["uncommitted"] < count:
        await asyncio.sleep(0)


async def post(plain: Plain, key: str = "key", **options: Any) -> Optional[int]:
    """Send a create with an Idempotency-Key; return the status, or None if the client cannot read an answer."""
    try:
        status, body, _ = await plain(
            "POST", "/videos", JOB, headers={"Idempotency-Key": key}, **{"timeout": SHORT, **options}
        )
    except (aiohttp.ClientError, asyncio.TimeoutError, ValueError):
        return None
    return int(status) if (isinstance(body, dict) and "id" in body) or status >= 400 else None


async def test_a_create_is_committed_later(sandbox: Sandbox, plain: Plain) -> None:
    """The answer waits for the commit; until then nothing exists, and nothing is billed."""
    sandbox.cruelty = Cruelty(commit_delay=4)
    create: asyncio.Future[Reply] = asyncio.ensure_future(plain("POST", "/videos", JOB))
    await wait_for_arrival(sandbox)
    await sandbox.advance(3.9)
    early, is_early, listed = sandbox.state(), create.done(), (await plain("GET", "/videos"))[1]["pagination"]["total"]
    await sandbox.advance(0.1)
    status, made, _ = await create

    assert (early["billed"], early["jobs"]["live"], early["credits"], is_early, listed) == (0, 0, 500, False, 0)
    assert (status, sandbox.state()["billed"], sandbox.state()["uncommitted"]) == (202, 1, 0)
    assert (await plain("GET", f"/videos/{made['id']}"))[0] == 200


async def test_a_create_is_committed_although_its_client_has_gone(sandbox: Sandbox, plain: Plain) -> None:
    """The client gives up first; the video is created and billed later."""
    sandbox.cruelty = Cruelty(commit_delay=4)

    assert await post(plain) is None
    before = sandbox.count_bills("key")
    await sandbox.advance(4)

    assert (before, sandbox.count_bills("key")) == (0, 1)


@pytest.mark.parametrize("kind", ["500_after", "cut_after", "unreadable", "truncated", "silent", "503_after"])
async def test_a_lost_answer_does_not_wait_for_the_commit(sandbox: Sandbox, plain: Plain, kind: str) -> None:
    """The fault gives its answer at once, and the commit follows."""
    sandbox.cruelty = Cruelty(commit_delay=4, lost_creates=1, lost_create_kinds=(kind,))

    await post(plain)
    while not sandbox.requests:  # a request is logged when it ends, and this one ends before its commit
        await asyncio.sleep(0.01)
    before = sandbox.count_bills("key")
    await sandbox.advance(4)

    assert (before, sandbox.count_bills("key")) == (0, 1)


@pytest.mark.parametrize(("setting", "age"), [("commit", 0), ("arrival", 4)])
async def test_created_at_is_the_commit_or_the_arrival(sandbox: Sandbox, plain: Plain, setting: str, age: int) -> None:
    """A video that shows its arrival is older than its commit, and is listed behind newer ones."""
    sandbox.cruelty = Cruelty(commit_delay=4, created_at=setting)
    create: asyncio.Future[Reply] = asyncio.ensure_future(plain("POST", "/videos", JOB))
    await wait_for_arrival(sandbox)
    await sandbox.advance(2)
    between = sandbox.create_as_stranger("cat-explainer-v2")["id"]
    await sandbox.advance(2)
    _, made, _ = await create
    _, listed, _ = await plain("GET", "/videos")

    clock = parse_time(sandbox.state()["clock"])
    assert (clock - parse_time(made["created_at"])).seconds == age
    order = [made["id"], between] if setting == "commit" else [between, made["id"]]
    assert [row["id"] for row in listed["videos"]] == order


async def test_a_balance_that_falls_before_the_commit_is_a_402() -> None:
    """Both creates find enough credits at their arrival; the second finds none at its commit."""
    poor = Sandbox(clock="manual", render=False, credits=3, cruelty=Cruelty(commit_delay=1))
    async with poor as sandbox, aiohttp.ClientSession() as session:
        plain = Plain(session, sandbox)
        creates = [asyncio.ensure_future(plain("POST", "/videos", JOB)) for _ in range(2)]
        await wait_for_arrival(sandbox, 2)
        await sandbox.advance(1)
        codes = sorted([(await create)[0] for create in creates])
        refused = (await plain("POST", "/videos", JOB))[0]

    assert (codes, refused, sandbox.state()["billed"]) == ([202, 402], 402, 1)


async def test_a_sandbox_that_stops_ends_the_creates_that_wait() -> None:
    """The request ends with a 503 at once, and nothing was created."""
    async with aiohttp.ClientSession() as session:
        async with Sandbox(clock="manual", render=False, cruelty=Cruelty(commit_delay=4)) as sandbox:
            create = asyncio.ensure_future(Plain(session, sandbox)("POST", "/videos", JOB))
            await wait_for_arrival(sandbox)
        status, _, _ = await create

    assert (status, sandbox.state()["billed"], sandbox.state()["uncommitted"]) == (503, 0, 0)


async def test_a_repeated_key_waits_for_the_same_commit() -> None:
    """With `honour_idempotency`, a create that is repeated before its commit is one video."""
    async with aiohttp.ClientSession() as session, Sandbox(
        clock="manual", render=False, honour_idempotency=True, cruelty=Cruelty(commit_delay=4)
    ) as sandbox:
        plain = Plain(session, sandbox)
        lost = await post(plain)
        again = asyncio.ensure_future(post(plain))
        while len(sandbox.requests) < 1 and not again.done():
            await asyncio.sleep(0.01)
            await sandbox.advance(4)

        assert (lost, await again, sandbox.count_bills("key")) == (None, 202, 1)


@pytest.mark.parametrize("kind", sorted(LOST_CREATES))
async def test_every_lost_create_is_billed_at_most_once(sandbox: Sandbox, plain: Plain, kind: str) -> None:
    """Each kind is lost before or after the create was accepted, and looks as a proxy or a broken server does."""
    sandbox.cruelty = Cruelty(lost_creates=1, lost_create_kinds=(kind,))

    status = await post(plain)

    accepted = kind.endswith("_after") or kind in {"unreadable", "truncated", "html_202", "silent"}
    code = kind.partition("_")[0]
    assert status == (int(code) if code.isdigit() else None)
    assert sandbox.count_bills("key") == int(accepted)
    assert (await plain("GET", "/templates"))[0] == 200


async def test_a_share_of_the_creates_is_lost_reproducibly(sandbox: Sandbox, plain: Plain) -> None:
    """The same seed loses the same creates in the same ways."""
    patterns: List[List[Optional[int]]] = []
    kinds = tuple(kind for kind in LOST_CREATES if kind != "silent")  # silence would cost real time
    for seed in (7, 7, 8):
        sandbox.cruelty = Cruelty()
        await plain("GET", "/videos")
        await post(plain)
        sandbox.cruelty = Cruelty(lost_creates=0.5, lost_create_kinds=kinds, seed=seed)
        patterns.append([await post(plain, timeout=LONG) for _ in range(16)])

    assert patterns[0] == patterns[1] != patterns[2]
    assert 3 < patterns[0].count(202) < 13


async def test_answers_can_lack_the_price(sandbox: Sandbox, plain: Plain) -> None:
    """Neither the answer to the create nor the video has `credits_charged`; the ledger has it."""
    sandbox.cruelty = Cruelty(no_credits_charged=True)
    made = await plain.make()
    _, video, _ = await plain("GET", f"/videos/{made['id']}")

    assert "credits_charged" not in made
    assert "credits_charged" not in video
    assert sandbox.state()["credits"] == 498


async def test_a_proxys_answer_can_follow_an_acceptance(sandbox: Sandbox, plain: Plain) -> None:
    """`status` and `status_after` send an HTML page, or no body, in place of the API's own error JSON."""
    for kind in ("status", "status_after"):
        for body in ("html", "empty"):
            sandbox.faults.add("POST /videos", kind, status=503, body=body)
    answers = [await plain("POST", "/videos", JOB) for _ in range(4)]

    assert [(status, body[:6]) for status, body, _ in answers] == [(503, b"<html>"), (503, b"")] * 2
    assert sandbox.state()["billed"] == 2


async def test_a_stray_answer_is_that_of_an_earlier_request(sandbox: Sandbox, plain: Plain) -> None:
    """The second create is billed, and answered with the first video; without an earlier one, with its own."""
    for skip in (0, 1):
        sandbox.faults.add("POST /videos", "stray_answer", skip=skip)
    alone, first, second = await plain.make(), await plain.make(), await plain.make()
    creates = [create["video_id"] for create in sandbox.creates]

    assert (alone["id"], first["id"], second["id"]) == (creates[0], creates[1], creates[1])
    assert sandbox.state()["billed"] == 3


async def test_the_control_surface_links_creates_to_their_keys(sandbox: Sandbox, plain: Plain) -> None:
    """Creates and requests show the Idempotency-Key and the video; the API shows neither."""
    sandbox.faults.add("POST /videos", "drop_after")
    await post(plain, "a")
    await post(plain, "a")
    sandbox.cruelty = Cruelty(commit_delay=4)
    await post(plain, "b")
    _, creates, _ = await plain("GET", "/_sandbox/creates")
    _, requests, _ = await plain("GET", "/_sandbox/requests")
    rows: List[Dict[str, Any]] = creates["creates"]
    _, video, _ = await plain("GET", f"/videos/{rows[0]['video_id']}")

    assert [(row["idempotency_key"], row["is_committed"], row["is_billed"]) for row in rows] == [
        ("a", True, True), ("a", True, True), ("b", False, False),
    ]  # fmt: skip
    assert [row["video_id"] for row in requests["requests"][:2]] == [row["video_id"] for row in rows[:2]]
    assert (sandbox.count_bills("a"), sandbox.count_bills("b")) == (2, 0)
    assert not {"idempotency_key", "committed", "stranger"} & set(video)
