"""Videos that are saved to object stores: whole or absent, verified, and nothing left of an upload that ended early."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import threading
from typing import Any, Iterator, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluma_async import errors
from bluma_async.transfer.container import find_defect
from bluma_async.transfer.object_place import find_object_size
from bluma_async.transfer.object_stores import build_url, find_key, open_store
from bluma_async.transfer.object_upload import Sampler
from bluma_async.transfer.places import required
from tests.fakes import answer, client_with
from tests.hostile.file_server import CONTENT, TAG, VIDEO_ID, Exchange, client_of, hosting
from tests.s3 import S3, serve_s3
from tests.servers import serving
from tests.transfer.boxes import make_mp4

LARGE = make_mp4(bytes(range(256)) * 80_000)  # 20 MB: three parts
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    """Give an S3 server."""
    made, running = serve_s3()
    yield made
    running.stop()  # type: ignore[attr-defined]  # a server of moto


@pytest.fixture(params=["memory", "s3"])
def folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the URL of an empty folder in a store."""
    pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")
    if request.param == "memory":
        return f"memory://test{next(NUMBERS)}/some"
    server: S3 = request.getfixturevalue("s3")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://videos/test{next(NUMBERS)}"


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """Give an S3 server to which the environment leads."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return s3


async def honest(exchange: Exchange) -> None:
    """Send the file."""
    await exchange.send_rest()


async def size_of(url: str) -> Any:
    """Return the size of an object."""
    return await asyncio.get_running_loop().run_in_executor(None, find_object_size, url)


async def test_a_video_is_saved_to_every_store(folder: str) -> None:
    """The object is whole, progress is reported, and an object that is there is replaced only with `overwrite`."""
    url, reported = f"{folder}/sky one.mp4", []
    async with hosting(honest) as hostile, client_of(hostile) as client:
        size = await client.videos.save(VIDEO_ID, url, on_progress=lambda done, total: reported.append((done, total)))
        sent = len(hostile.requests)
        with pytest.raises(errors.InvalidArgumentError, match="is already there; pass overwrite=True"):
            await client.videos.save(VIDEO_ID, url)
        unsent = len(hostile.requests) - sent
        again = await client.videos.save(VIDEO_ID, url, overwrite=True, verify="container")

    assert (size, again, await size_of(url), unsent) == (len(CONTENT), len(CONTENT), len(CONTENT), 0)
    assert reported[-1] == (size, size)


async def test_a_broken_download_continues_in_the_same_upload(folder: str) -> None:
    """After a cut only the rest is fetched, and the object is the whole file."""

    async def cut(exchange: Exchange) -> None:
        await exchange.send_rest(LARGE, until=None if exchange.number else 12_000_000)

    async with hosting(cut, size=len(LARGE)) as hostile, client_of(hostile) as client:
        assert await client.videos.save(VIDEO_ID, f"{folder}/x.mp4", verify="container") == len(LARGE)

    ranges = [head for head in hostile.heads if b"Range: bytes=" in head]
    assert (hostile.fetches, len(ranges)) == (2, 1)
    assert await size_of(f"{folder}/x.mp4") == len(LARGE)


async def test_another_version_begins_anew() -> None:
    """Bytes of one version are never joined with those of another: the first upload is aborted."""
    pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")
    url = f"memory://test{next(NUMBERS)}/x.mp4"

    async def change(exchange: Exchange) -> None:
        if exchange.number == 0:
            await exchange.send_rest(LARGE, until=3_000_000)
        await exchange.send_head(200, Content_Length=len(LARGE), ETag='"2"', Content_Type="video/mp4")
        await exchange.send(LARGE)

    async with hosting(change, size=len(LARGE)) as hostile, client_of(hostile) as client:
        size = await client.videos.save(VIDEO_ID, url, verify="container")

    assert (size, hostile.fetches, await size_of(url)) == (len(LARGE), 2, len(LARGE))


@pytest.mark.parametrize(
    ("content", "described", "verify", "reason"),
    [
        (CONTENT, len(CONTENT) + 1, "size", "the API described"),
        (b"<html>login</html>", None, "size", "it is a web page or JSON"),
        (CONTENT[:-1], len(CONTENT) - 1, "container", "is cut off"),
        (b"", 0, "size", "it is empty"),
    ],
)
async def test_a_file_that_is_not_as_described_does_not_appear(
    folder: str, content: bytes, described: Any, verify: Any, reason: str
) -> None:
    """The check comes before the object appears, and nothing is kept."""

    async def send(exchange: Exchange) -> None:
        await exchange.send_head(200, Content_Length=len(content), ETag=TAG)
        await exchange.send(content)

    async with hosting(send, size=described) as hostile, client_of(hostile) as client:
        with pytest.raises(errors.FileContentError, match=reason) as raised:
            await client.videos.save(VIDEO_ID, f"{folder}/x.mp4", verify=verify)

    assert await size_of(f"{folder}/x.mp4") is None
    assert raised.value.part is None


@pytest.mark.parametrize("ended_by", ["cancel", "deadline", "cut"])
async def test_an_interrupted_save_leaves_nothing(bucket: S3, ended_by: str) -> None:
    """A cancellation, the deadline or a lost connection: no object, no parts, no thread; and the name is free again."""
    key = f"early{next(NUMBERS)}/x.mp4"
    arrived = asyncio.Event()
    options: Any = {"deadline": 1.0} if ended_by == "deadline" else {"max_retries": 0}

    async def stall(exchange: Exchange) -> None:
        if exchange.number:
            await exchange.send_rest(LARGE)
            return
        await exchange.send_head(200, Content_Length=len(LARGE), ETag=TAG)
        await exchange.send(LARGE[:18_000_000])
        arrived.set()
        if ended_by == "cut":
            exchange.close()
        await asyncio.sleep(10)

    async with hosting(stall, size=len(LARGE)) as hostile, client_of(hostile, **options) as client:
        save = asyncio.ensure_future(client.videos.save(VIDEO_ID, f"s3://videos/{key}"))
        await arrived.wait()
        while ended_by == "cancel" and key not in await in_thread(bucket.list_uploads):
            await asyncio.sleep(0)
        if ended_by == "cancel":
            save.cancel()
        [ended] = await asyncio.gather(save, return_exceptions=True)
        left = await in_thread(lambda: (bucket.list_keys(), bucket.list_uploads()))
        threads = [thread.name for thread in threading.enumerate() if thread.name == "bluma upload"]
        size = await client.with_options(deadline=None).videos.save(VIDEO_ID, f"s3://videos/{key}")

    kinds: Any = {"cancel": asyncio.CancelledError, "deadline": errors.RequestTimeoutError, "cut": errors.NetworkError}
    assert isinstance(ended, kinds[ended_by])
    assert ended_by == "cancel" or "Nothing that arrived can be continued" in str(ended)
    assert (key in left[0], key in left[1], threads, size) == (False, False, [], len(LARGE))


async def in_thread(function: Any) -> Any:
    """Call a function in a thread."""
    return await asyncio.get_running_loop().run_in_executor(None, function)


async def test_an_object_is_written_in_parts(bucket: S3) -> None:
    """A large video is a multipart object, labelled as a video; several can be saved at once."""
    keys = [f"parts{next(NUMBERS)}/x.mp4" for _ in range(4)]

    async def send(exchange: Exchange) -> None:
        await exchange.send_rest(LARGE)

    async with hosting(send, size=len(LARGE)) as hostile, client_of(hostile) as client:
        await asyncio.gather(*(client.videos.save(VIDEO_ID, f"s3://videos/{key}") for key in keys))

    def find_head() -> Any:
        import urllib.request

        with urllib.request.urlopen(f"{bucket.endpoint}/videos/{keys[0]}", timeout=10) as found:
            return found.headers["ETag"].strip('"')[-2:], found.headers["Content-Type"], found.read() == LARGE

    assert await in_thread(find_head) == ("-3", "video/mp4", True)
    assert set(keys) <= set(await in_thread(bucket.list_keys))


async def test_generate_tries_the_store_before_it_pays(bucket: S3) -> None:
    """A bucket that does not exist is refused before the create; the trial in one that does leaves nothing."""
    accepted = answer(202, {"id": VIDEO_ID, "status": "queued"})
    client, transport, _ = client_with(accepted)

    with pytest.raises(errors.InvalidArgumentError, match=r"NoSuchBucket: .*Nothing was sent"):
        await client.videos.generate({"prompt": "x"}, "t", save_to="s3://elsewhere/x.mp4")
    sent = len(transport.requests)
    with pytest.raises(errors.WaitTimeoutError):
        await client.videos.generate({"prompt": "x"}, "t", save_to="s3://videos/free/x.mp4", timeout=0)

    assert sent == 0
    assert [key for key in await in_thread(bucket.list_keys) if key.startswith("free/")] == []


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (b"403 Forbidden", b"<Error><Code>AccessDenied</Code><Message>No.</Message></Error>", "AccessDenied: No"),
        (b"301 Moved", b"<Error><Code>PermanentRedirect</Code></Error>", "incorrectly configured region"),
        (
            b"400 Bad",
            b"<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message></Error>",
            "AuthorizationHeaderMalformed: the region is wrong",
        ),
    ],
)
async def test_a_refusing_store_is_named_before_anything_is_sent(
    status: bytes, body: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without permission, or with another region, the error has the store's own reason in one line."""
    pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")

    async def refuse(_: Any, writer: Any, head: bytes) -> None:
        length = str(len(body)).encode()
        has_body = not head.startswith(b"HEAD")
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: " + length + b"\r\nConnection: close\r\n\r\n")
        writer.write(body if has_body else b"")
        await writer.drain()
        writer.close()

    client, transport, _ = client_with(answer(200, {}))
    async with serving(refuse) as (base_url, _):
        for name, value in S3(base_url.partition("/v1")[0].rstrip("/")).environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(errors.InvalidArgumentError, match=reason) as raised:
            await client.videos.save("batch_1", "s3://videos/x.mp4", overwrite=True)

    assert transport.requests == []
    assert "\n" not in str(raised.value)
    assert "s3-secret" not in str(raised.value)


async def test_a_store_that_fails_is_no_failure_of_the_download(monkeypatch: pytest.MonkeyPatch) -> None:
    """The video is not fetched again when the store refuses its bytes; the error says how to save it elsewhere."""
    obstore = pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")
    put = obstore.put

    def refuse(store: Any, key: str, pieces: Any, **options: Any) -> Any:
        if ".bluma-" in key:
            return put(store, key, pieces, **options)
        next(pieces)
        raise OSError("quota exceeded")

    monkeypatch.setattr(obstore, "put", refuse)
    async with hosting(honest) as hostile, client_of(hostile) as client:
        with pytest.raises(errors.BlumaError, match=r"quota exceeded.*is not lost; continue with client\.videos\.save"):
            await client.videos.save(VIDEO_ID, f"memory://test{next(NUMBERS)}/x.mp4")

    assert hostile.fetches == 1


async def test_a_save_reserves_a_name_that_was_only_required() -> None:
    """As a batch does, which has tried its prefix: one save at a time has the name."""
    pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")
    url = f"memory://test{next(NUMBERS)}/x.mp4"

    async with required(url) as first:
        first.lock()
        async with required(url) as second:
            with pytest.raises(errors.BlumaError, match="is being saved by another call of this program"):
                second.lock()
        first.lock()
    async with required(url) as third:
        third.lock()


async def test_an_object_of_another_size_is_reported_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the store says it has is compared with what was sent. It may be the whole video of another program."""
    obstore = pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")
    put, url = obstore.put, f"memory://test{next(NUMBERS)}/x.mp4"

    def replace(store: Any, key: str, pieces: Any, **options: Any) -> Any:
        done = put(store, key, pieces, **options)
        return done if ".bluma-" in key else put(store, key, LARGE)

    monkeypatch.setattr(obstore, "put", replace)
    async with hosting(honest) as hostile, client_of(hostile) as client:
        with pytest.raises(errors.BlumaError, match=f"has an object of {len(LARGE)} bytes, not of {len(CONTENT)}"):
            await client.videos.save(VIDEO_ID, url)

    assert await size_of(url) == len(LARGE)


async def test_two_saves_to_one_object_exclude_each_other() -> None:
    """The second one is refused at once, as with files."""
    pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")
    url, asked, goes_on = f"memory://test{next(NUMBERS)}/x.mp4", asyncio.Event(), asyncio.Event()

    async def wait(exchange: Exchange) -> None:
        asked.set()
        await goes_on.wait()
        await exchange.send_rest()

    async with hosting(wait) as hostile, client_of(hostile) as client:
        first = asyncio.ensure_future(client.videos.save(VIDEO_ID, url))
        await asked.wait()
        with pytest.raises(errors.InvalidArgumentError, match="is being saved by another call"):
            await client.videos.save(VIDEO_ID, url)
        goes_on.set()

        assert await first == len(CONTENT)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/"), min_size=1).map("x".__add__))
def test_every_name_has_one_url(name: str) -> None:
    """The URL of an object leads back to it, whatever characters its name has."""
    pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")
    store, key = open_store("path", build_url("memory://one", f"some/{name}"))

    assert (store.root, key) == ("memory://one", f"some/{name}")
    assert find_key(store.root, build_url(store.root, key)) == key


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://x/y.mp4", "begins with s3://, gs://, az://, memory://, file://; not http://"),
        ("s3://", "must be s3://BUCKET/PATH"),
        ("s3://bucket", "must name an object"),
        ("s3://bucket/folder/", "must name an object"),
        ("s3://bucket/a//b", "without user, query"),
        ("s3://bucket/../b", "without user, query"),
        ("s3://bucket/b?versionId=secret", r"not 's3://bucket/b\?\*\*\*'"),
        ("file:///b?versionId=secret", r"not 'file:///b\?\*\*\*'"),
        ("s3://me:secret@bucket/b", r"not 's3://\*\*\*@bucket/b'"),
        ("s3://bucket/b%2Fc", "without user, query"),
        ("s3://bucket/b%2", "without user, query"),
        ("s3://bucket/b%0Ac", "without user, query"),
        ("s3://bucket/b%41", "without user, query"),
        ("s3://bucket/b%FF", "without user, query"),
        ("s3://bucket/b#c", "'%' only as in %23 for '#'"),
        ("s3://buck%23et/b", "without user, query"),
        ("s3://bucket/a\nb", "without user, query"),
        ("az://container/x", "Account must be specified"),
    ],
)
async def test_an_invalid_url_is_refused(url: str, reason: str) -> None:
    """The error says how a URL must look, and shows each part of it, secrets masked. Nothing is sent."""
    pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")
    client, transport, _ = client_with(answer(200, {}))

    with pytest.raises(errors.InvalidArgumentError, match=reason) as raised:
        await client.videos.save("batch_1", url)

    assert "secret" not in str(raised.value)
    assert transport.requests == []


async def test_without_obstore_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL without the extra is refused before anything is sent."""
    client, transport, _ = client_with(answer(200, {}))
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    monkeypatch.setitem(sys.modules, "obstore", None)

    with pytest.raises(errors.InvalidArgumentError, match=r'pip install "bluma\[cloud\]".*Nothing was sent'):
        await client.videos.generate({"prompt": "x"}, "t", save_to="s3://bucket/x.mp4")

    assert transport.requests == []


FORKING = """
import os
from bluma_async import errors
from bluma_async.transfer.object_place import find_object_size

assert find_object_size("memory://fork/x.mp4") is None
child = os.fork()
if child == 0:
    try:
        find_object_size("memory://fork/x.mp4")
    except errors.InvalidArgumentError as refused:
        os._exit("start it with `spawn`" in str(refused))
    os._exit(9)
print(os.waitpid(child, 0)[1] >> 8)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_is_refused() -> None:
    """A child of a process that has used a store gets an error, where obstore would hang."""
    pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING], capture_output=True, text=True, check=False, timeout=15
    )

    assert (done.stdout, done.stderr) == ("1\n", "")


def box(kind: bytes, content: bytes, *, large: bool = False) -> bytes:
    """Return a box of an MP4, with a size of 4 or of 8 bytes."""
    if large:
        return b"\0\0\0\1" + kind + (16 + len(content)).to_bytes(8, "big") + content
    return (8 + len(content)).to_bytes(4, "big") + kind + content


BOXES = st.lists(
    st.builds(
        box,
        st.sampled_from([b"ftyp", b"moov", b"mdat", b"free"]),
        st.one_of(st.binary(max_size=40), st.builds(box, st.sampled_from([b"trak", b"mvhd"]), st.binary(max_size=20))),
        large=st.booleans(),
    ),
    max_size=6,
).map(b"".join)


@given(content=st.one_of(BOXES, st.binary(max_size=80)), cuts=st.lists(st.integers(0, 300)), damage=st.integers(0, 9))
def test_a_stream_is_judged_like_a_file(content: bytes, cuts: List[int], damage: int) -> None:
    """However the bytes are cut into pieces, the check of the container says the same of the stream as of the file."""
    content = content[: len(content) - damage] if damage < 5 else content
    sampler, places = Sampler(), [0, *sorted(cuts), len(content)]
    for begin, end in zip(places, places[1:]):
        sampler.feed(content[begin:end])

    def read(place: int, count: int) -> bytes:
        return content[place : place + count]

    assert find_defect(sampler.read, len(content)) == find_defect(read, len(content))
    assert sampler.read(0, 512) == content[:512]
