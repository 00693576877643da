"""An account behind a raw server: it bills each create that arrives, and answers creates and reads as a test says."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import datetime, timezone
from itertools import count
from typing import Any, Callable, Dict, Iterator, List, Union

import attrs

from bluma_async import AsyncBluma, errors
from bluma_async.types import Video
from tests.hostile.raw_server import Exchange, RawServer, Script, reply

__all__ = ["Account", "Outcome", "answering", "check_create", "client_of", "create", "whole_answer"]

Outcome = Union[Video, errors.BlumaError]
NUMBERS = count()  # of videos and keys: a server can have the port, and so the evidence, of an earlier one


@attrs.define
class Account:
    """
    One account, whose creates and reads are answered by a hostile script; its lists are answered well.

    Attributes:
        script: What happens to each create and each read of a video, after it was billed; None to answer well.
        billed: The videos that were billed, by the key of their creates.
        strikes: How often the script is used before everything is answered well; negative for always.
        lost: Returns whether a request is lost: its connection is closed, and nothing is billed.
    """

    script: Any = None
    strikes: int = -1
    lost: Callable[[Exchange], bool] = lambda _: False
    billed: Dict[str, List[Dict[str, Any]]] = attrs.field(factory=dict)

    async def serve(self, exchange: Exchange) -> None:
        """Bill a create, and answer as the script says."""
        rows = self.billed.setdefault(exchange.api_key, [])
        if self.lost(exchange):
            exchange.close()
            return
        if exchange.line.startswith("GET /videos?"):
            page = {"videos": rows[::-1], "pagination": {"total": len(rows), "total_pages": 1}}
            await exchange.send(reply(json.dumps(page).encode()))
            return
        if exchange.line.startswith("POST"):
            rows.append(make_video(f"batch_new_{next(NUMBERS)}"))
        if self.script is not None and self.strikes:
            self.strikes -= 1
            await self.script(exchange)
        else:
            await exchange.send(self.answer(exchange))

    def answer(self, exchange: Exchange) -> bytes:
        """Return the right answer to a request."""
        is_create = exchange.line.startswith("POST")
        video = self.billed[exchange.api_key][-1] if is_create else make_video(exchange.line.rpartition("/")[2])
        return whole_answer(video, b"202 Accepted" if is_create else b"200 OK")


def make_video(name: str) -> Dict[str, Any]:
    """Return a video that was created now."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"id": name, "status": "queued", "template_id": "t", "created_at": now}


def whole_answer(video: Dict[str, Any], status: bytes = b"202 Accepted") -> bytes:
    """Return a whole and valid answer."""
    return reply(json.dumps(video).encode(), status)


@contextmanager
def answering(script: Script | None = None, strikes: int = -1) -> Iterator[tuple[RawServer, Account]]:
    """Run a server with an account."""
    account = Account(script, strikes)
    with RawServer(account.serve) as server:
        yield server, account


def client_of(server: RawServer, **options: Any) -> AsyncBluma:
    """Return a client that does not wait: neither for retries, nor until a create has settled."""
    quick: Dict[str, Any] = {"max_retries": 2, "retry_delay": 0, "settle_time": 0, "timeout": 2, **options}
    return AsyncBluma(f"bluma_test_key_{next(NUMBERS)}", base_url=server.base_url, **quick)


async def create(client: AsyncBluma, key: str) -> Outcome:
    """Create a video with a key of its own, so that no other create explains it. Return the video, or the error."""
    try:
        return await client.with_options(api_key=key).videos.create({"prompt": "x"}, "t")
    except errors.BlumaError as error:
        return error


def check_create(outcome: Outcome, account: Account, key: str) -> None:
    """Require that a create was billed once, and that the caller knows its video."""
    (billed,) = account.billed[key]
    if isinstance(outcome, Video):
        assert outcome.id == billed["id"]
    else:
        assert isinstance(outcome, errors.AmbiguousCreateError)
        assert [candidate.id for candidate in outcome.candidates] == [billed["id"]]
