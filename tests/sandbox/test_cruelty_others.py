"""Cruelty: strangers on the account, a Date header out of step, `Retry-After: 0`, idle connections."""

from __future__ import annotations

import asyncio
from typing import Any, Optional

import aiohttp
import pytest

from bluma_async.sandbox import Cruelty, Sandbox
from tests.sandbox.conftest import JOB, Plain, parse_time


@pytest.mark.parametrize("ahead", [2, -55, None])
async def test_the_date_header_is_out_of_step(sandbox: Sandbox, plain: Plain, ahead: Optional[int]) -> None:
    """It is ahead of `created_at`, behind it, or absent, on answers and errors alike."""
    from email.utils import parsedate_to_datetime

    sandbox.cruelty = Cruelty(date_ahead=ahead)
    _, made, headers = await plain("POST", "/videos", JOB)
    missing = (await plain("GET", "/nothing"))[2]

    if ahead is None:
        assert "Date" not in headers
        assert "Date" not in missing
    else:
        created = parse_time(made["created_at"])
        assert (parsedate_to_datetime(headers["Date"]) - created).total_seconds() == ahead
        assert (parsedate_to_datetime(missing["Date"]) - created).total_seconds() == ahead


async def test_retry_after_is_zero() -> None:
    """A 429 of the rate limit and an injected 503 ask for a retry at once."""
    busy = Sandbox(clock="manual", render=False, rate_limit=1, cruelty=Cruelty(retry_after_zero=True))
    async with busy as sandbox, aiohttp.ClientSession() as session:
        plain = Plain(session, sandbox)
        sandbox.faults.add("GET /templates", "status", status=503, retry_after=60)
        broken = await plain("GET", "/templates")
        fine = await plain("GET", "/templates")
        limited = await plain("GET", "/templates")

    assert [(status, headers.get("Retry-After")) for status, _, headers in (broken, fine, limited)] == [
        (503, "0"), (200, None), (429, "0"),
    ]  # fmt: skip


async def test_idle_connections_are_closed(sandbox: Sandbox) -> None:
    """A connection is closed `idle_close` after its last request, and not while one is handled."""
    sandbox.cruelty = Cruelty(idle_close=5, commit_delay=20)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sandbox.origin.rsplit(":", 1)[1]))
    key, body = sandbox.test_key, b'{"template_id": "ugc-text-overlay", "context": {"prompt": "x"}}'
    head = f"/api/v1/videos HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Length: "

    async def exchange(method: str, content: bytes = b"", wait: float = 0.0) -> bytes:
        writer.write(f"{method} {head}{len(content)}\r\nContent-Type: application/json\r\n\r\n".encode() + content)
        while wait and not sandbox.state()["uncommitted"]:
            await asyncio.sleep(0)
        await sandbox.advance(wait)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length: ")[2].split()[0])
        await reader.readexactly(length)
        return answer.split()[1]

    codes = [await exchange("GET")]
    await sandbox.advance(4.9)
    codes += [await exchange("POST", body, wait=20), await exchange("GET")]
    is_open = not reader.at_eof()
    await sandbox.advance(5)
    end = await reader.read()
    writer.close()

    assert (codes, is_open, end) == ([b"200", b"202", b"200"], True, b"")


async def test_a_stranger_creates_on_the_account(sandbox: Sandbox, plain: Plain) -> None:
    """The video is in the list, the history and the balance; only the control surface tells whose it is."""
    mine = await plain.make()
    theirs = sandbox.create_as_stranger("ugc-text-overlay")
    _, listed, _ = await plain("GET", "/videos")
    _, history, _ = await plain("GET", "/credits/history")
    _, ledger, _ = await plain("GET", "/_sandbox/ledger")

    assert [row["id"] for row in listed["videos"]] == [theirs["id"], mine["id"]]
    assert set(listed["videos"][0]) == set(listed["videos"][1])
    assert [row["metadata"].get("video_id") for row in history["transactions"]] == [theirs["id"], mine["id"], None]
    assert all("stranger" not in str(row) for row in history["transactions"])
    assert [row["is_stranger"] for row in ledger["transactions"]] == [True, False, False]
    state = sandbox.state()
    assert (state["jobs"], state["billed"], state["credits"]) == ({"test": 0, "live": 1}, 1, 496)
    assert state["strangers"] == {"jobs": {"test": 0, "live": 1}, "billed": 1}
    assert [row["metadata"]["video_id"] for row in sandbox.ledger.bills()] == [mine["id"]]
    assert [create["is_stranger"] for create in sandbox.creates] == [False, True]


async def test_a_stranger_creates_over_the_control_surface(sandbox: Sandbox, plain: Plain) -> None:
    """Tests in any language can do so; an unknown template is an error, in Python too."""
    made = await plain("POST", "/_sandbox/strangers", {"template_id": "cat-explainer-v2", "key": "test"})
    wrong = await plain("POST", "/_sandbox/strangers", {"template_id": "nothing"})

    assert (made[0], made[1]["template_id"], wrong[0]) == (201, "cat-explainer-v2", 400)
    assert sandbox.state()["strangers"] == {"jobs": {"test": 1, "live": 0}, "billed": 0}
    with pytest.raises(ValueError, match="nothing"):
        sandbox.create_as_stranger("nothing")


async def test_strangers_create_while_time_passes(sandbox: Sandbox, plain: Plain) -> None:
    """They use the templates of the sandbox's own clients, and create about as many a minute as they should."""
    await plain.make(template_id="meme-dialogue")
    sandbox.cruelty = Cruelty(strangers=6)
    await sandbox.advance(600)
    _, listed, _ = await plain("GET", "/videos?limit=100")
    many = sandbox.state()["strangers"]["jobs"]["live"]
    sandbox.cruelty = Cruelty()
    await sandbox.advance(600)

    assert 40 < many < 80
    assert {row["template_id"] for row in listed["videos"]} == {"meme-dialogue"}
    assert sandbox.state()["strangers"]["jobs"]["live"] == many


async def test_strangers_leave_half_of_the_credits(sandbox: Sandbox) -> None:
    """After an hour with a fast clock, a client can still create."""
    sandbox.cruelty = Cruelty(strangers=600)

    await sandbox.advance(3600)

    left = sandbox.state()["credits"]
    assert 0.4 * sandbox.settings.credits < left <= 0.5 * sandbox.settings.credits


async def test_strangers_are_reproducible_and_can_have_their_own_templates(plain: Plain) -> None:
    """The same seed gives the same moments; an account with half of its credits gets no more videos."""
    moments: Any = []
    for seed in (5, 5, 6):
        cruelty = Cruelty(strangers=60, stranger_templates=("meme-dialogue", "cat-explainer-v2"), seed=seed)
        async with Sandbox(clock="manual", render=False, credits=20, cruelty=cruelty) as sandbox:
            begin = parse_time(sandbox.state()["clock"])
            await sandbox.advance(60)
            plain.sandbox = sandbox
            rows = (await plain("GET", "/videos"))[1]["videos"]
            moments.append([(parse_time(row["created_at"]) - begin, row["template_id"]) for row in rows])

    assert moments[0] == moments[1] != moments[2]
    assert len(moments[0]) == 5
    assert {template for _, template in moments[0]} == {"meme-dialogue", "cat-explainer-v2"}
