"""Answers that break off or arrive slowly: a read is repeated, and a create is billed once."""

from __future__ import annotations

from typing import Any, List

import pytest

from bluma_async import errors
from bluma_async.types import Video
from tests.hostile.account import Account, answering, check_create, client_of, create
from tests.hostile.raw_server import Exchange

WITHOUT_LENGTH = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n\r\n"


class Cutter:
    """Sends the right answer up to one byte later each time, and then closes, resets or holds the connection."""

    def __init__(self, end: str, step: int = 1, *, has_length: bool = True) -> None:
        self.account = Account()
        self.length = 0
        self.whole = 1
        self._end = end
        self._step = step
        self._has_length = has_length

    async def cut(self, exchange: Exchange) -> None:
        """Send a part of the answer."""
        data = self.account.answer(exchange)
        if not self._has_length:
            data = WITHOUT_LENGTH + data.partition(b"\r\n\r\n")[2]
        self.whole = len(data)
        part, self.length = data[: self.length], self.length + self._step
        await exchange.send(part)
        if self._end == "silent":
            await exchange.sleep()
        getattr(exchange, self._end)()

    def has_more(self) -> bool:
        """Return whether a part was not sent yet."""
        return self.length < self.whole


@pytest.mark.parametrize(
    ("end", "has_length", "step"), [("close", True, 1), ("reset", True, 3), ("close", False, 3), ("reset", False, 3)]
)
async def test_a_create_that_is_cut_at_every_byte_is_billed_once(end: str, has_length: bool, step: int) -> None:
    """Cut anywhere in its head or body, a create is in doubt, with its own video as the candidate, and not repeated."""
    cutter = Cutter(end, step, has_length=has_length)
    outcomes: List[Any] = []
    with answering(cutter.cut) as (server, account):
        cutter.account = account
        async with client_of(server) as client:
            while cutter.has_more():
                key = f"bluma_test_{cutter.length}"
                outcomes.append(await create(client, key))
                check_create(outcomes[-1], account, key)

    assert {type(outcome) for outcome in outcomes} == {errors.AmbiguousCreateError}
    accepted = [outcome.accepted for outcome in outcomes]
    assert accepted == sorted(accepted)  # from the end of its head on, it is known to be accepted
    assert accepted[-1]


async def test_a_create_that_is_cut_is_adopted_if_the_key_is_used_alone() -> None:
    """With `on_ambiguous="adopt"`, the video that the account has is the result."""
    cutter = Cutter("close", 7)
    with answering(cutter.cut) as (server, account):
        cutter.account = account
        async with client_of(server, on_ambiguous="adopt") as client:
            while cutter.has_more():
                key = f"bluma_test_{cutter.length}"
                outcome = await create(client, key)
                check_create(outcome, account, key)
                assert isinstance(outcome, Video)


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_read_that_is_cut_at_every_byte_is_repeated(end: str) -> None:
    """The second attempt gets the whole answer."""
    cutter = Cutter(end)
    with answering(cutter.cut) as (server, account):
        cutter.account = account
        async with client_of(server) as client:
            while cutter.has_more():
                account.strikes = 1
                name = f"batch_{cutter.length}"
                assert (await client.videos.get(name)).id == name

    assert len(server.lines) == 2 * cutter.whole


async def test_a_create_that_goes_silent_anywhere_is_billed_once() -> None:
    """The attempt ends at its timeout, and the create is searched for."""
    cutter = Cutter("silent", 20)
    with answering(cutter.cut) as (server, account):
        cutter.account = account
        async with client_of(server, timeout=0.1) as client:
            while cutter.has_more():
                key = f"bluma_test_{cutter.length}"
                check_create(await create(client, key), account, key)


async def test_an_answer_that_trickles_is_read_or_given_up_at_the_timeout() -> None:
    """One byte at a time: within the timeout it is a good answer, and beyond it a timeout."""

    async def trickle(exchange: Exchange) -> None:
        for byte in account.answer(exchange):
            await exchange.send(bytes([byte]))
            await exchange.sleep(pause)

    pause = 0.0
    with answering(trickle) as (server, account):
        async with client_of(server, max_retries=0, timeout=5) as client:
            assert (await client.videos.get("batch_1")).id == "batch_1"
            pause = 0.05
            slow = client.with_options(timeout=0.2)
            with pytest.raises(errors.RequestTimeoutError):
                await slow.videos.get("batch_1")
            check_create(await create(slow, "bluma_test_slow"), account, "bluma_test_slow")
