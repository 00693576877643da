"""Connections that the server closes between two requests, or while several calls use them."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Set

import pytest

from bluma_async.types import Video
from tests.hostile.account import answering, check_create, client_of, create
from tests.hostile.raw_server import Exchange


async def test_a_connection_that_closes_when_its_second_request_arrives() -> None:
    """A keep-alive race: the request was not processed. A read is repeated, a create too once that is proven."""
    lost: Set[bytes] = set()

    def is_lost(exchange: Exchange) -> bool:
        if exchange.place == 0 or exchange.head in lost:
            return False
        lost.add(exchange.head)
        return True

    with answering() as (server, account):
        account.lost = is_lost
        async with client_of(server) as client:
            for number in range(20):
                key = f"bluma_test_{number}"
                assert (await client.videos.get(f"batch_{number}")).id == f"batch_{number}"
                made = await create(client, key)
                assert isinstance(made, Video)
                check_create(made, account, key)


async def test_a_connection_that_closes_after_each_answer() -> None:
    """The server announces nothing, and closes, perhaps just when the next request is sent: that one is repeated."""

    async def answer_and_close(exchange: Exchange) -> None:
        await exchange.send(account.answer(exchange))
        exchange.close()

    with answering(answer_and_close) as (server, account):
        async with client_of(server) as client:
            for number in range(20):
                key = f"bluma_test_{number}"
                assert (await client.videos.get(f"batch_{number}")).id == f"batch_{number}"
                made = await create(client, key)
                assert isinstance(made, Video)
                check_create(made, account, key)


@pytest.mark.parametrize("seed", range(4))
async def test_calls_on_connections_that_close_at_random(seed: int) -> None:
    """Reads and creates at once: each read gets its own video, each create is billed once, and its video is known."""
    chance = random.Random(seed)

    async def misbehave(exchange: Exchange) -> None:
        fate = chance.choice(["answer", "answer", "close", "reset", "cut", "answer and close"])
        data = account.answer(exchange)
        if fate.startswith("answer"):
            await exchange.send(data)
        if fate == "cut":
            await exchange.send(data[: chance.randrange(len(data))])
        if fate in {"close", "cut", "answer and close"}:
            exchange.close()
        elif fate == "reset":
            exchange.reset()

    async def read(name: str) -> Any:
        return (await client.videos.get(name)).id

    with answering(misbehave) as (server, account):
        async with client_of(server, max_retries=20, connection_limit=5, timeout=10) as client:
            names = [f"batch_{number}" for number in range(30)]
            keys = [f"bluma_test_{number}" for number in range(30)]
            found = await asyncio.gather(*map(read, names))
            made = await asyncio.gather(*(create(client, key) for key in keys))

    assert found == names
    for key, outcome in zip(keys, made):
        check_create(outcome, account, key)
