"""What every test has: no blocking call in the loop, no environment of the machine's, a sandbox when it asks."""

from __future__ import annotations

import logging
from typing import Any, AsyncIterator, Iterator

import pytest
from blockbuster import BlockBuster

import bluma_async._session.transport  # noqa: F401 - in a loop, its first import may have to wait for another thread's
from bluma_async import AsyncBluma
from bluma_async._session.evidence import registry
from bluma_async.sandbox import Sandbox


@pytest.fixture(autouse=True)
def no_blocking() -> Iterator[None]:
    """Fail the test that blocks the event loop from within the SDK."""
    blocking = BlockBuster("bluma_async")
    blocking.activate()
    yield
    blocking.deactivate()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the machine's settings out, and the log as it was."""
    for name in ("BLUMA_API_KEY", "BLUMA_BASE_URL", "BLUMA_WEBHOOK_SECRET", "BLUMA_LOG", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    logger = logging.getLogger("bluma")
    level, handlers = logger.level, list(logger.handlers)
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers


@pytest.fixture(autouse=True)
def fresh_evidence() -> None:
    """Forget the creates of earlier tests: the fakes share one account, and an exception can keep its client alive."""
    registry._by_account.clear()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Give a sandbox whose clock is moved by hand and whose videos are small prepared clips."""
    async with Sandbox(clock="manual", render=False) as running:
        yield running


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AsyncBluma]:
    """Give a client of the sandbox, with a live key."""
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, retry_delay=0.0) as made:
        yield made


@pytest.fixture
def anything() -> Any:
    """Give what equals everything."""

    class Anything:
        def __eq__(self, _: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]  # nothing is kept in a set

    return Anything()
