"""The files of the page, its snapshot, its stream, and the control surface that it uses; without a browser."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, AsyncIterator, Dict, List, Tuple

import aiohttp
import pytest

from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.handlers.page import FILES, FOLDER
from bluma_async.sandbox.recorder import Recorder, mask
from tests.sandbox.conftest import JOB, Inbox, Plain, finish_video

ROOT = FOLDER / "index.html"


async def fetch(plain: Plain, path: str, **headers: str) -> Tuple[int, str, Any]:
    """Return status, text and headers of a file of the page."""
    async with plain.session.get(plain.sandbox.origin + path, headers=headers) as answer:
        return answer.status, await answer.text(), answer.headers


async def read_stream(plain: Plain, count: int) -> List[Tuple[str, Any]]:
    """Return the first events of the stream."""
    return [event async for event in follow(plain, count)]


async def follow(plain: Plain, count: int) -> AsyncIterator[Tuple[str, Any]]:
    """Yield events of the stream."""
    async with plain.session.get(plain.sandbox.origin + "/_sandbox/events") as answer:
        assert answer.content_type == "text/event-stream"
        for _ in range(count):
            name = (await answer.content.readline()).decode().partition(": ")[2].strip()
            data = json.loads((await answer.content.readuntil(b"\n\n")).decode().partition(": ")[2])
            yield name, data


async def test_the_page_has_a_strict_policy(plain: Plain) -> None:
    """Every file forbids scripts and styles in HTML, foreign requests, frames and guesses of its type."""
    paths = ["/", *(f"/_sandbox/page/{name}" for name in sorted(FILES))]
    for path in paths:
        status, _, headers = await fetch(plain, path)
        policy = headers["Content-Security-Policy"]

        assert (status, headers["X-Content-Type-Options"]) == (200, "nosniff"), path
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert not re.search(r"unsafe|https?:|\*", policy)
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert len(paths) > 7


def test_the_page_needs_nothing_from_elsewhere() -> None:
    """No file names another host, and the HTML has neither script nor style nor handler of its own."""
    allowed = {"http://www.w3.org/2000/svg", "http://localhost:8000/hook"}  # a namespace, and an example in a form
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"https?://[\w.:/-]+", text)) <= allowed, path.name
        assert "innerHTML" not in text
    html = ROOT.read_text(encoding="utf-8")
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]+src=)", html)


def test_every_file_of_the_page_is_served() -> None:
    """The list of the files is that of the folder."""
    assert {path.name for path in FOLDER.iterdir() if path.is_file()} == FILES


def test_the_sandbox_is_imported_from_a_zip_file(tmp_path: Path) -> None:
    """An archive of a program has no folder that could be listed at import."""
    root = FOLDER.parent.parent.parent
    with zipfile.ZipFile(tmp_path / "sdk.zip", "w") as archive:
        for path in (root / "bluma_async").rglob("*.py"):
            archive.write(path, path.relative_to(root))
    program = "import bluma_async.sandbox.server as server; print(server.__file__)"

    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "sdk.zip")}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "sdk.zip" in done.stdout


async def test_the_page_is_not_reached_by_faults_and_not_logged(sandbox: Sandbox, plain: Plain) -> None:
    """A fault for every request is left for the requests of the API."""
    sandbox.faults.add("*", "status")

    assert (await fetch(plain, "/"))[0] == 200
    assert (await plain("GET", "/videos"))[0] == 500
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("path", ["/", "/_sandbox/page/app.js", "/_sandbox/page", "/_sandbox/events"])
async def test_a_rebound_name_reaches_no_part_of_the_page(plain: Plain, path: str) -> None:
    """Neither the page nor its data is served for the name of another machine."""
    assert (await fetch(plain, path, Host="evil.example"))[0] == 421


NEW = {"name": "x", "environment": "test"}
ACTIONS: List[Tuple[str, str, Any]] = [
    ("GET", "/_sandbox/page", None),
    ("GET", "/_sandbox/events", None),
    ("GET", "/_sandbox/requests/x", None),
    ("GET", "/_sandbox/deliveries", None),
    ("POST", "/_sandbox/deliveries/x/resend", {}),
    ("POST", "/_sandbox/videos", {"template_id": "ugc-text-overlay", "prompt": "x"}),
    ("POST", "/_sandbox/webhooks", {"url": "http://127.0.0.1:9/x", "events": ["video.queued"]}),
    ("DELETE", "/_sandbox/webhooks/x", None),
    ("POST", "/_sandbox/keys", NEW),
    ("POST", "/_sandbox/keys/x/rotate", {}),
    ("DELETE", "/_sandbox/keys/x", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ACTIONS)
@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_another_site_reads_and_changes_nothing(
    sandbox: Sandbox, plain: Plain, method: str, path: str, body: Any, headers: Dict[str, str]
) -> None:
    """Each request that the page makes is a 403 for the page of another origin."""
    before = (await plain("GET", "/_sandbox/page"))[1]

    assert (await plain(method, path, body, headers=headers))[0] == 403
    after = (await plain("GET", "/_sandbox/page"))[1]
    assert {**after, "clock": None} == {**before, "clock": None}


async def test_the_page_stays_on_loopback() -> None:
    """A sandbox for other machines has no page, and keeps no bodies, unless remote control is allowed."""
    found = []
    for allowed in (False, True):
        wide = Sandbox(host="0.0.0.0", render=False, allow_remote_control=allowed)
        async with wide as sandbox, aiohttp.ClientSession() as session:
            sandbox.origin = sandbox.origin.replace("0.0.0.0", "127.0.0.1")
            plain = Plain(session, sandbox)
            await plain.make()
            status, _, _ = await fetch(plain, "/")
            exchange = sandbox._running.recorder.find_exchange(sandbox.requests[0].id)
            found.append((status, exchange is not None))

    assert found == [(404, False), (200, True)]


async def test_secrets_are_shown_once(sandbox: Sandbox, plain: Plain) -> None:
    """Keys, secrets of webhooks and signatures of links are masked in every body that the page shows."""
    _, webhook, _ = await plain("POST", "/webhooks", {"url": "http://127.0.0.1:9/x", "events": ["video.queued"]})
    _, key, _ = await plain("POST", "/api-keys", {"name": "CI", "environment": "production"})
    video = await finish_video(plain)
    _, link, _ = await plain("GET", f"/videos/{video['id']}/download")
    await plain("GET", "/videos", headers={"Authorization": "Bearer key_of_another_service"})
    shown = json.dumps((await plain("GET", "/_sandbox/page"))[1])
    for record in sandbox.requests:
        shown += json.dumps((await plain("GET", f"/_sandbox/requests/{record.id}"))[1])

    signature = re.search(r"signed=(\w+)", link["download_url"])
    assert signature is not None
    assert "whsec_..." in shown
    assert "signed=..." in shown
    for secret in (
        webhook["secret"],
        key["api_key"],
        signature[1],
        f"Bearer {sandbox.live_key}",
        "key_of_another_service",
    ):
        assert secret not in shown
    assert mask("bluma_test_abcDEF-1 bluma_live_x sig=0f") == "bluma_test_... bluma_live_... sig=..."


async def test_a_request_shows_its_bodies(sandbox: Sandbox, plain: Plain) -> None:
    """Both bodies, cut to a size; also the body of a request that a fault answered before it was read."""
    sandbox.faults.add("POST /videos", "status", skip=1)
    await plain("POST", "/videos", JOB)
    await plain("POST", "/videos", {**JOB, "more": "x" * 100_000})
    shown = [(await plain("GET", f"/_sandbox/requests/{record.id}"))[1] for record in sandbox.requests]

    assert json.loads(shown[0]["request"]["body"]) == JOB
    assert json.loads(shown[0]["response"]["body"])["status"] == "queued"
    assert "sandbox_fault" in shown[1]["response"]["body"]
    assert 0 < len(shown[1]["request"]["body"]) <= 16_384
    assert (await plain("GET", "/_sandbox/requests/nothing"))[0] == 404


async def test_only_the_newest_bodies_are_kept() -> None:
    """A load test does not fill the memory."""
    recorder = Recorder(is_active=True)
    for number in range(700):
        recorder.add_exchange(str(number), _exchange())

    assert (recorder.find_exchange("199"), recorder.find_exchange("200") is None) == (None, False)


def _exchange() -> Any:
    from bluma_async.sandbox.recorder import Exchange

    return Exchange(request_headers={}, request_body=None, response_headers=None, response_body=None)


async def test_the_stream_sends_a_snapshot_and_then_changes(sandbox: Sandbox, plain: Plain) -> None:
    """A new video, its request, its bill and its progress come without another request."""
    seen: Dict[str, Any] = {}
    async for name, data in follow(plain, 30):
        if name == "snapshot":
            assert (data["cards"], data["account"]["credits"]) == ([], 500)
            await plain.make("Seen")
            continue
        seen.update(data)
        if "account" in seen and "cards" in seen and seen["cards"][0]["progress"] == 0:
            sandbox.advance(55)
            seen = {**seen, "cards": [{"progress": None}]}
        if seen.get("cards", [{}])[0].get("progress") == 50:
            break

    assert seen["cards"][0]["prompt"] == "Seen"
    assert seen["requests"][0]["path"] == "/api/v1/videos"
    assert seen["transactions"][0]["amount"] == -2
    assert seen["account"]["credits"] == 498


async def test_an_open_stream_does_not_hold_the_sandbox(plain: Plain) -> None:
    """It counts as no running request, the sandbox stops at once, and nobody follows the tables any more."""
    async with Sandbox(render=False) as sandbox:
        plain.sandbox = sandbox
        stream = follow(plain, 2)
        assert (await stream.__anext__())[0] == "snapshot"
        state = sandbox._running

        assert sandbox.activity[0] is False
        began = asyncio.get_running_loop().time()
    took = asyncio.get_running_loop().time() - began
    await stream.aclose()

    assert took < 0.9  # aiohttp would wait a second for a request that does not end
    assert state.database.watchers == []


async def test_a_delivery_is_shown_and_sent_again(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """The attempt, the bodies of both sides, and the time of the next one; sent again, it is the same event."""
    inbox.answer = lambda: 503
    await plain.make(webhook_url=inbox.url)
    await sandbox.advance(0)
    sent = (await plain("GET", "/_sandbox/deliveries"))[1]["deliveries"]
    shown = (await plain("GET", f"/_sandbox/deliveries/{sent[0]['id']}"))[1]
    inbox.answer = lambda: 200
    again = await plain("POST", f"/_sandbox/deliveries/{sent[0]['id']}/resend", {})
    await sandbox.advance(0)

    assert [(each["name"], each["status"], each["attempt"]) for each in sent] == [("video.queued", 503, 1)]
    assert shown["next_at"] == shown["at"] + 3
    assert json.loads(shown["request"]["body"])["type"] == "video.queued"
    assert again[0] == 202
    assert inbox.received[0][1] == inbox.received[1][1]
    assert (await plain("POST", "/_sandbox/deliveries/nothing/resend", {}))[0] == 404


async def test_nothing_is_sent_again_to_a_deleted_webhook(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """The answer says why."""
    _, webhook, _ = await plain("POST", "/_sandbox/webhooks", {"url": inbox.url, "events": ["video.queued"]})
    await plain.make()
    await sandbox.advance(0)
    sent = (await plain("GET", "/_sandbox/deliveries"))[1]["deliveries"]
    await plain("DELETE", f"/_sandbox/webhooks/{webhook['id']}")
    status, answer, _ = await plain("POST", f"/_sandbox/deliveries/{sent[0]['id']}/resend", {})

    assert (status, "was deleted" in answer["error"]["detail"]) == (400, True)
    assert len(inbox.received) == 1


async def test_sending_again_activates_a_webhook(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """A program that is mended gets the event that it lost, and the next ones."""
    inbox.answer = lambda: 500
    _, webhook, _ = await plain("POST", "/_sandbox/webhooks", {"url": inbox.url, "events": ["video.queued"]})
    for _ in range(10):
        await plain.make()
        await sandbox.advance(0)
    sent = (await plain("GET", "/_sandbox/deliveries"))[1]["deliveries"]
    refused = len(inbox.received)
    await plain.make()
    await sandbox.advance(0)
    assert len(inbox.received) == refused

    inbox.answer = lambda: 200
    await plain("POST", f"/_sandbox/deliveries/{sent[0]['id']}/resend", {})
    await sandbox.advance(0)
    await plain.make()
    await sandbox.advance(0)

    assert len(inbox.received) == refused + 2
    assert (await plain("GET", f"/webhooks/{webhook['id']}"))[1]["is_active"]


async def test_callbacks_of_luma_are_deliveries_too(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """They are shown with their provider, and sent again."""
    body = {"prompt": "x", "videoUrl": "https://example.com/x.mp4", "callBackUrl": inbox.url}
    await plain("POST", f"{sandbox.origin}/kie/api/v1/modify/generate", body)
    await sandbox.advance(0)
    await sandbox.advance(105)
    sent = (await plain("GET", "/_sandbox/deliveries"))[1]["deliveries"]
    await plain("POST", f"/_sandbox/deliveries/{sent[0]['id']}/resend", {})
    await sandbox.advance(0)

    assert [(each["name"], each["status"]) for each in sent] == [("kie callback", 200)]
    assert len(inbox.received) == 2


async def test_deliveries_can_be_watched(sandbox: Sandbox, plain: Plain, inbox: Inbox) -> None:
    """A function is called with each attempt."""
    seen: List[Any] = []
    sandbox.watch_deliveries(seen.append)
    await plain.make(webhook_url=inbox.url)
    await sandbox.advance(0)

    assert [(each.delivery.name, each.outcome.status) for each in seen] == [("video.queued", 200)]


async def test_an_answer_that_does_not_end_is_a_delivery(sandbox: Sandbox, plain: Plain) -> None:
    """The status decides; what came of the body in half a second is shown."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    await plain.make(webhook_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x")
    await sandbox.advance(0)
    sent = (await plain("GET", "/_sandbox/deliveries"))[1]["deliveries"]
    shown = (await plain("GET", f"/_sandbox/deliveries/{sent[0]['id']}"))[1]
    server.close()

    assert (shown["status"], shown["error"], shown["response"]["body"]) == (200, None, "half")


async def test_keys_and_videos_are_made_without_a_key(sandbox: Sandbox, plain: Plain) -> None:
    """A key is created, rotated and revoked; a video is made with the account of the kind."""
    plain.key = None
    _, made, _ = await plain("POST", "/_sandbox/keys", NEW)
    _, rotated, _ = await plain("POST", f"/_sandbox/keys/{made['id']}/rotate", {})
    plain.key = rotated["secret"]
    alive = (await plain("GET", "/videos"))[0]
    await plain("DELETE", f"/_sandbox/keys/{made['id']}")
    created = await plain("POST", "/_sandbox/videos", {"template_id": "ugc-text-overlay", "prompt": "x", "key": "live"})

    assert (alive, (await plain("GET", "/videos"))[0]) == (200, 401)
    assert (created[0], created[1]["credits_charged"], sandbox.state()["credits"]) == (201, 2, 498)
    assert (await plain("POST", "/_sandbox/videos", {"template_id": "none", "prompt": "x"}))[0] == 400
    assert (await plain("POST", "/_sandbox/webhooks", {"url": "http://10.0.0.1/x", "events": []}))[0] == 400


async def test_active_faults_are_listed(sandbox: Sandbox, plain: Plain) -> None:
    """A fault that was used up is left out."""
    sandbox.faults.add("POST /videos", "status", times=1)
    sandbox.faults.add("GET /videos", "status", times=None)
    await plain("POST", "/videos", JOB)

    faults = (await plain("GET", "/_sandbox/faults"))[1]["faults"]
    assert [(fault["route"], fault["times"]) for fault in faults] == [("GET /videos", None)]
