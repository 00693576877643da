"""Heads of answers that Hypothesis has changed: a read is right or an error, and a create is billed once."""

from __future__ import annotations

from typing import Any, List, Tuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bluma_async import errors
from bluma_async.types import Video
from tests.hostile.account import answering, check_create, client_of, create
from tests.hostile.raw_server import Exchange

Edit = Tuple[str, int, bytes]
bounded = settings(
    max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
TOKENS = st.sampled_from(
    [b"\r\n", b"\r\n\r\n", b"\n", b"\r", b":", b" ", b"\0", b"0", b"9", b"-", b",", b"\xff", b"chunked", b"gzip"]
    + [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"Content-Length: 3\r\n", b"Connection: close\r\n"]
    + [b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"Content-Length: 999\r\n"]
)
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["insert", "replace", "delete", "repeat"]), st.integers(0, 120), TOKENS | st.binary(max_size=5)
    ),
    min_size=1,
    max_size=4,
)
ENDINGS = st.sampled_from(["close", "close", "close", "reset", "keep"])


def change(head: bytes, edits: List[Edit]) -> bytes:
    """Return a head with changes. The body is not changed: a valid answer with another id would be believed."""
    for kind, place, token in edits:
        before, after = head[:place], head[place:]
        if kind == "insert":
            head = before + token + after
        elif kind == "replace":
            head = before + token + after[len(token) :]
        elif kind == "delete":
            head = before + after[len(token) :]
        else:
            head = before + after[:20] + after
    return head


@bounded
@given(edits=EDITS, ending=ENDINGS, extra=st.just(b"") | st.binary(max_size=30))
async def test_a_changed_head_harms_no_call(edits: List[Edit], ending: str, extra: bytes) -> None:
    """Any change of the head, bytes after the body, and an end of the connection: also the next calls are right."""

    async def misbehave(exchange: Exchange) -> None:
        head, _, body = account.answer(exchange).partition(b"\r\n\r\n")
        await exchange.send(change(head + b"\r\n\r\n", edits) + body + extra)
        if ending != "keep":
            getattr(exchange, ending)()

    with answering(misbehave) as (server, account):
        async with client_of(server, timeout=10) as client:
            hostile = client.with_options(timeout=0.2 if ending == "keep" else 10)
            try:
                found: Any = await hostile.with_options(max_retries=0).videos.get("batch_1")
                assert found.id == "batch_1"
            except errors.BlumaError:
                pass
            check_create(await create(hostile, "bluma_test_a"), account, "bluma_test_a")
            account.script = None
            assert (await client.videos.get("batch_2")).id == "batch_2"
            made = await create(client, "bluma_test_b")
            assert isinstance(made, Video)
            check_create(made, account, "bluma_test_b")
