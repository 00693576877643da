"""Forms with files: they are written to disk as they arrive, and nothing is left of one that fails."""

from __future__ import annotations

import asyncio
import os
import tracemalloc
from typing import AsyncIterator, List

import pytest

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import Plain

FORM = {"Content-Type": "multipart/form-data; boundary=x"}
HEAD = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
END = b"\r\n--x--\r\n"
PIECE = 2**16
MEGABYTE = 10**6


async def send_form(size: int, *, end: bytes = END) -> AsyncIterator[bytes]:
    """Yield a form with one file of this size, piece by piece."""
    yield HEAD
    piece = bytes(PIECE)
    for begin in range(0, size, PIECE):
        yield piece[: size - begin]
    yield end


def list_assets(sandbox: Sandbox) -> List[str]:
    """Return the names of the files in the folder of assets."""
    return os.listdir(sandbox._running.files.folder / "assets")  # noqa: PTH208 - names, not paths


async def test_uploads_are_not_held_in_memory(plain: Plain) -> None:
    """Four files of 12 MB at once take a few MB, client included, and arrive complete."""
    size = 12 * MEGABYTE
    await plain("POST", "/assets/upload", data=send_form(1), headers=FORM)
    tracemalloc.start()

    answers = await asyncio.gather(
        *(plain("POST", "/assets/upload", data=send_form(size), headers=FORM) for _ in range(4))
    )

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [answer[1]["assets"][0]["file_size_bytes"] for answer in answers] == [size] * 4
    assert peak < 12 * MEGABYTE


async def test_a_file_that_is_too_large_is_a_413(sandbox: Sandbox, plain: Plain) -> None:
    """A file above 100 MB is refused, by form and by PUT, and leaves neither an asset nor a file."""
    made = (await plain("POST", "/assets/upload", {"fileName": "a.jpg", "fileType": "image/jpeg"}))[1]
    size = 101 * MEGABYTE

    form = await plain("POST", "/assets/upload", data=send_form(size), headers=FORM)
    put = await plain("PUT", made["upload_url"], data=send_form(size))

    assert (form[0], put[0]) == (413, 413)
    assert (await plain("GET", "/assets"))[1]["total"] == 1
    assert list_assets(sandbox) == []


@pytest.mark.parametrize(
    "broken",
    [
        b'\r\n--x\r\nContent-Disposition: form-data; name="files"\r\nContent-Type: text/plain\r\n\r\nx' + END,
        b'\r\n--x\r\nContent-Disposition: form-data; name="collection_id"\r\n\r\ncoll_nothing' + END,
        b'\r\n--x\r\nContent-Disposition: form-data; name="note"\r\n\r\n' + bytes(2000) + END,
        b'\r\n--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nx' * 101 + END,
        b"\r\n--x\r\nContent-Disposition: form-data\xff\r\nX: " + bytes(9000) + b"\r\n\r\nx" + END,
        b"\r\n--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nx\r\n--y--" + END,
    ],
    ids=[
        "another type",
        "unknown collection",
        "long field",
        "many fields",
        "long header",
        "nested",
    ],
)
async def test_a_refused_form_leaves_no_file(sandbox: Sandbox, plain: Plain, broken: bytes) -> None:
    """A part that is refused after a file has arrived: the file is deleted, and there is no asset."""
    status, _, _ = await plain("POST", "/assets/upload", data=send_form(1000, end=broken), headers=FORM)

    assert status in {400, 404, 413}, status
    assert (await plain("GET", "/assets"))[1]["total"] == 0
    assert list_assets(sandbox) == []


async def test_a_control_character_in_a_form_is_no_server_error(plain: Plain) -> None:
    """Newer releases of aiohttp refuse it with an error of their parser, older ones accept it."""
    odd = b'\r\n--x\r\nContent-Disposition: form-data; name="\x0e"\r\n\r\nx' + END

    status, _, _ = await plain("POST", "/assets/upload", data=send_form(10, end=odd), headers=FORM)

    assert status in {201, 400}


async def test_a_client_that_disconnects_leaves_no_file(sandbox: Sandbox, plain: Plain) -> None:
    """A body that ends in the middle of a file: the temporary file is deleted."""
    host, port = sandbox.origin.rsplit("/", 1)[1].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [
        "POST /api/v1/assets/upload HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {plain.key}",
        f"Content-Type: {FORM['Content-Type']}", "Content-Length: 5000000",
    ]  # fmt: skip
    writer.write("\r\n".join([*lines, "", ""]).encode() + HEAD + bytes(10**6))
    await writer.drain()
    while not list_assets(sandbox):
        await asyncio.sleep(0)

    writer.close()

    while list_assets(sandbox):
        await asyncio.sleep(0)
    assert (await plain("GET", "/assets"))[1]["total"] == 0
    assert await reader.read() == b""
