"""Whatever a host does with the bytes, the file at the path is the whole one, or there is none."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, List

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bluma_async import errors
from bluma_async.types import Video, VideoStatus
from tests.hostile.file_server import TAG, VIDEO_ID, Exchange, client_of, hosting
from tests.transfer.boxes import box

SMALL = box(b"ftyp", b"isom") + box(b"moov", box(b"mvhd")) + box(b"mdat", b"12345678")
HEAD = f"HTTP/1.1 200 X\r\nContent-Length: {len(SMALL)}\r\nETag: {TAG}\r\n\r\n".encode()


async def test_an_answer_that_is_cut_at_every_byte(tmp_path: Path) -> None:
    """Cut anywhere in its head or body, the download is completed by the next attempt."""
    cuts = iter(range(len(HEAD + SMALL)))
    video = Video(id=VIDEO_ID, status=VideoStatus.COMPLETED, size_bytes=len(SMALL))  # known: no request for its size

    async def script(exchange: Exchange) -> None:
        if exchange.number % 2:
            await exchange.send_rest(SMALL)
        else:
            await exchange.send((HEAD + SMALL)[: next(cuts)])
            exchange.close()

    async with hosting(script, size=len(SMALL)) as hostile, client_of(hostile, max_retries=1) as client:
        for number in range(len(HEAD + SMALL)):
            await client.videos.save(video, tmp_path / f"{number}.mp4")

    assert {path.read_bytes() for path in tmp_path.iterdir()} == {SMALL}
    assert hostile.fetches == 2 * len(HEAD + SMALL)


ANSWERS = st.fixed_dictionaries(
    {
        "status": st.sampled_from([200, 200, 206, 206, 206, 416, 500]),
        "begin": st.one_of(st.none(), st.integers(0, len(SMALL) + 5)),
        "length": st.sampled_from(["right", "none", "wrong", "chunked"]),
        "total": st.sampled_from([len(SMALL), len(SMALL) - 1, "*"]),
        "tag": st.sampled_from([TAG, '"2"', "W/" + TAG, ""]),
        "until": st.one_of(st.none(), st.integers(0, len(SMALL))),
    }
)


async def misbehave(exchange: Exchange, how: Any) -> None:
    """Send the bytes of the file from some place on, with a head that may not fit them."""
    begin = exchange.begin if how["begin"] is None else how["begin"]
    begin = begin if how["status"] == 206 else 0
    body = SMALL[begin : how["until"]]
    headers = {"ETag": how["tag"], "Content_Range": f"bytes {begin}-{len(SMALL) - 1}/{how['total']}"}
    if how["status"] == 416:
        headers["Content_Range"] = f"bytes */{how['total']}"
    if how["length"] in {"right", "wrong"}:
        headers["Content_Length"] = str(len(body) + (how["length"] == "wrong"))
    elif how["length"] == "chunked":
        headers["Transfer_Encoding"] = "chunked"
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    await exchange.send_head(how["status"], **headers)
    await exchange.send(body)
    exchange.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=st.lists(ANSWERS, min_size=1, max_size=4), begun=st.integers(0, len(SMALL)), is_known=st.booleans())
async def test_no_host_makes_a_wrong_file(answers: List[Any], begun: int, is_known: bool) -> None:
    """Random statuses, ranges, lengths, tags and cuts, on top of a begun download: the file is right, or absent."""

    async def script(exchange: Exchange) -> None:
        await misbehave(exchange, answers[min(exchange.number, len(answers) - 1)])

    with tempfile.TemporaryDirectory() as name:
        target = Path(name, "x.mp4")
        if begun:
            Path(f"{target}.part").write_bytes(SMALL[:begun])
            Path(f"{target}.part.json").write_text(f'{{"source": "{VIDEO_ID}", "etag": "\\"1\\"", "size": null}}')
        size = len(SMALL) if is_known else None
        async with hosting(script, size=size) as hostile, client_of(hostile, max_retries=2) as client:
            try:
                await client.videos.save(VIDEO_ID, target, verify="container")
            except errors.BlumaError:
                assert not target.exists()
            else:
                assert target.read_bytes() == SMALL
        assert {"x.mp4.part.lock"}.isdisjoint(os.listdir(name))  # noqa: PTH208 - names, at once
        assert hostile.fetches < 20
