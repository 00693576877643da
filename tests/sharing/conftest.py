"""Fixtures: clients that share a database, each as if it were a process of its own."""

from __future__ import annotations

from typing import Any, AsyncIterator, Callable, List

import pytest

from bluma_async import AsyncBluma
from bluma_async.sandbox import Sandbox
from tests.postgres import PostgresServer
from tests.servers import as_another_process

MakeClient = Callable[..., AsyncBluma]
TEMPLATE = "ugc-text-overlay"
CONTEXT = {"prompt": "A bakery at dawn"}


@pytest.fixture
async def make_client(sandbox: Sandbox, postgres: str) -> AsyncIterator[MakeClient]:
    """Give a function that returns a client which shares a database; all are closed after the test."""
    made: List[AsyncBluma] = []

    def make(**options: Any) -> AsyncBluma:
        url = as_another_process(sandbox.base_url) if made else sandbox.base_url
        given = {"base_url": url, "retry_delay": 0.0, "settle_time": 0.0, "shared": postgres, **options}
        made.append(AsyncBluma(sandbox.live_key, **given))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
def let_die(postgres: str, postgres_server: PostgresServer) -> Callable[[], None]:
    """Give a function that makes the database believe that every process died an hour ago, and left its creates."""

    def let_them_die() -> None:
        hour = "interval '1 hour'"
        postgres_server.fetch(postgres, f"UPDATE bluma_workers SET ends_at = ends_at - {hour} RETURNING 1")
        postgres_server.fetch(postgres, f"UPDATE bluma_intents SET sent_at = sent_at - {hour} RETURNING 1")

    return let_them_die
