"""What one process learns about a video ends the waits of the others."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, AsyncIterator, Dict
from urllib.parse import urlsplit

import pytest

from bluma_async import AsyncBluma, PostgresStore, WebhookReceiver, sign_webhook
from bluma_async._wire.events import read_event
from bluma_async.sandbox import Sandbox
from bluma_async.stores.postgres.database import Database
from bluma_async.stores.postgres.news import PostgresNews
from tests.pooler import Pooler
from tests.postgres import PostgresServer
from tests.sharing.conftest import CONTEXT, TEMPLATE, MakeClient

LONG = {"poll_interval": 600.0, "timeout": 900.0}  # no poll within a test, after the first one


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Give a sandbox whose hourly limit slows no poll down."""
    async with Sandbox(clock="manual", render=False, rate_limit=1_000_000) as running:
        yield running


def completed(video_id: str) -> Any:
    """Return the verified event of a webhook."""
    body: Dict[str, Any] = {"id": "evt_1", "type": "video.completed", "created_at": "2025-11-03T10:30:00Z"}
    return read_event(json.dumps({**body, "data": {"id": video_id, "status": "completed", "duration": 12}}).encode())


async def begin_wait(client: AsyncBluma, video_id: str) -> asyncio.Future[Any]:
    """Return a wait whose client listens already."""
    waiting = asyncio.ensure_future(client.videos.wait_for(video_id, **LONG))
    participant = None
    while participant is None or participant._news is None or not participant._news._listener._heard.is_set():
        assert not waiting.done()
        await asyncio.sleep(0.01)
        participant = client._session.coordinator._membership.find()  # type: ignore[union-attr]  # it has one
    return waiting


async def test_a_webhook_that_one_process_receives_ends_the_waits_of_all(
    sandbox: Sandbox, make_client: MakeClient
) -> None:
    """Within half a second, and without a request."""
    receiving, first, second = make_client(), make_client(), make_client()
    made = await receiving.videos.create(CONTEXT, TEMPLATE)
    waits = [await begin_wait(client, made.id) for client in (first, second)]
    sent, began = len(sandbox.requests), time.monotonic()

    receiving.learn(completed(made.id))
    done = await asyncio.gather(*waits)

    assert [(video.id, video.status, video.duration) for video in done] == [(made.id, "completed", 12)] * 2
    assert time.monotonic() - began < 0.5
    assert len(sandbox.requests) == sent


async def test_an_event_that_a_receiver_has_verified_ends_waits_elsewhere(
    sandbox: Sandbox, make_client: MakeClient, postgres: str
) -> None:
    """Its client is attached to the receiver, whose store is in the same database."""
    receiving, other = make_client(), make_client()
    receiver = WebhookReceiver("whsec_x", store=PostgresStore(postgres))
    receiver.attach(receiving)
    made = await receiving.videos.create(CONTEXT, TEMPLATE)
    waiting = await begin_wait(other, made.id)
    body = json.dumps(completed(made.id)).encode()

    reply = await receiver.receive(body, sign_webhook(body, "whsec_x"))

    assert (reply.status, (await waiting).status) == (200, "completed")
    await receiver.aclose()


async def test_a_webhook_in_a_thread_without_a_loop_is_told_too(sandbox: Sandbox, make_client: MakeClient) -> None:
    """As in a program of threads that calls `learn` by itself."""
    receiving, other = make_client(), make_client()
    made = await receiving.videos.create(CONTEXT, TEMPLATE)
    waiting = await begin_wait(other, made.id)

    await asyncio.to_thread(receiving.learn, completed(made.id))

    assert (await waiting).status == "completed"


async def test_what_was_missed_is_read_after_a_reconnection(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """The connection was cut, and the message was sent before it was opened again."""
    receiving, other = make_client(), make_client()
    made = await receiving.videos.create(CONTEXT, TEMPLATE)
    waiting = await begin_wait(other, made.id)
    name = postgres.rpartition("/")[2]

    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND query = 'LISTEN bluma'"
    postgres_server.fetch(postgres, cut, name)
    receiving.learn(completed(made.id))

    assert (await waiting).status == "completed"


async def test_a_pooler_without_listen_is_noticed_and_the_store_is_read_instead(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Messages never arrive; a warning says so once."""
    port = urlsplit(postgres).port or 0
    pooler = Pooler(port)
    url = postgres.replace(f":{port}/", f":{pooler.port}/")
    receiving, other = make_client(shared=url), make_client(shared=url)
    made = await receiving.videos.create(CONTEXT, TEMPLATE)
    waiting = asyncio.ensure_future(other.videos.wait_for(made.id, **LONG))
    while "LISTEN does not work" not in caplog.text:
        await asyncio.sleep(0.05)
    receiving.learn(completed(made.id))

    assert (await waiting).status == "completed"
    assert caplog.text.count("LISTEN does not work") == 1
    for client in (receiving, other):
        await client.aclose()
    pooler.close()


async def test_one_process_polls_a_video_for_all(sandbox: Sandbox, make_client: MakeClient) -> None:
    """Four processes wait for one video: the requests are those of one, and all are told its end."""
    clients = [make_client(base_url=sandbox.base_url) for _ in range(4)]
    made = await clients[0].videos.create(CONTEXT, TEMPLATE)
    sent = len(sandbox.requests)
    waits = [asyncio.ensure_future(client.videos.wait_for(made.id, 0.2, 30)) for client in clients]
    await asyncio.sleep(0.5)  # the database's clock cannot be moved
    polls = len(sandbox.requests) - sent
    await sandbox.advance(105)

    done = await asyncio.gather(*waits)

    assert {video.status for video in done} == {"completed"}
    assert polls <= 4  # one process sends three


async def test_one_process_lists_the_active_videos_for_all(sandbox: Sandbox, make_client: MakeClient) -> None:
    """Each waits for videos of its own; one list serves all, and each video is read once when it has ended."""
    clients = [make_client(base_url=sandbox.base_url) for _ in range(3)]
    made = [(client, (await client.videos.create(CONTEXT, TEMPLATE)).id) for client in clients * 6]
    sent = len(sandbox.requests)
    waits = [asyncio.ensure_future(client.videos.wait_for(name, 1.0, 30)) for client, name in made]
    await asyncio.sleep(1.5)  # the database's clock cannot be moved
    lists = len(sandbox.requests) - sent
    await sandbox.advance(105)

    done = await asyncio.gather(*waits)

    assert {video.status for video in done} == {"completed"}
    assert lists <= 4  # two lists of two pages each
    assert len(sandbox.requests) - sent - 18 <= 16


async def test_the_turn_of_a_poller_that_died_is_taken_over(
    sandbox: Sandbox, make_client: MakeClient, postgres: str, postgres_server: PostgresServer
) -> None:
    """Nobody polls beside it as long as its turn lasts, eight seconds by the database's clock; then another does."""
    made = await make_client().videos.create(CONTEXT, TEMPLATE)
    database = await Database.open(postgres, to_write=True)
    assert (await PostgresNews(database).begin_poll(made.id, 1.0)).is_mine
    await database.close()  # and dies
    sent = len(sandbox.requests)
    waiting = asyncio.ensure_future(make_client().videos.wait_for(made.id, 0.1, 30))
    await asyncio.sleep(0.5)  # the database's clock cannot be moved
    assert len(sandbox.requests) == sent
    await sandbox.advance(105)
    ten = "UPDATE bluma_states SET polled_until = polled_until - interval '10 s' RETURNING 1"
    postgres_server.fetch(postgres, ten)

    assert (await waiting).status == "completed"
    assert len(sandbox.requests) == sent + 1
