"""The thirty traps of the providers' documents, each by its number."""

from __future__ import annotations

import base64
import json
import time
import warnings
from datetime import datetime, timezone
from typing import Any, Dict

import pytest

from bluma_async import AsyncLuma, errors
from bluma_async._wire.messages import Answer
from bluma_async.luma.client import PROVIDERS
from bluma_async.luma.kie import sign
from bluma_async.sandbox import Sandbox
from bluma_async.types import GenerationState
from tests.fakes import FakeClock, FakeTransport, answer
from tests.luma.conformance import CASES, client_of, resource_of, start

ID = "4c9126f3-d9a6-4eaf-aa4c-b64b634f65bd"
RUNNING: Dict[str, Any] = {"id": ID, "state": "processing", "prompt": "x", "video": None}


def read(provider: str, told: Any, status: int = 200, task_id: str = ID) -> Any:
    """Return what an adapter makes of an answer to a read; raise what it raises."""
    call = PROVIDERS[provider].read([task_id])
    assert call.read is not None
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return call.read(Answer(status, {}, body), "")[task_id]


def made(provider: str, told: Any, status: int = 200) -> Any:
    """Return what an adapter makes of an answer to a create."""
    call = PROVIDERS[provider].create({"prompt": "x", **CASES[provider].arguments})
    assert call.read is not None
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return call.read(Answer(status, {}, body), "")


def kie(**data: Any) -> Dict[str, Any]:
    """Return kie.ai's envelope around a task."""
    return {"code": 200, "msg": "success", "data": {"taskId": ID, **data}}


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        (401, errors.AuthenticationError, 401),
        (402, errors.InsufficientCreditsError, 402),
        (404, errors.NotFoundError, 404),
        (422, errors.ValidationError, 422),
        (429, errors.RateLimitError, 429),
        (433, errors.ForbiddenError, 403),
        (455, errors.ServerError, 503),
        (500, errors.ServerError, 500),
        (505, errors.ForbiddenError, 403),
        (999, errors.ServerError, 502),
    ],
)
def test_trap_1_failures_come_in_a_200(code: int, kind: Any, status: int) -> None:
    """Trap 1: the body's code decides; it and the HTTP status are kept apart."""
    with pytest.raises(kind) as told:
        made("kie", {"code": code, "msg": "no", "data": None})

    assert (told.value.status, str(told.value)) == (status, "no")
    assert told.value.metadata == {"code": code, "http_status": 200}


@pytest.mark.parametrize(
    ("provider", "told", "state"),
    [
        ("kie", kie(successFlag=1), "succeeded"),
        ("kie", kie(state="success"), "succeeded"),
        ("kie", kie(status="GENERATING"), "running"),
        ("kie", kie(successFlag="3", state="success"), "failed"),
        ("vapi", {"id": ID, "state": "Completed"}, "succeeded"),
        ("vapi", {"data": {"task_id": ID, "task_status": "submitted"}}, "queued"),
        ("vapi", {"id": ID, "status": "IN_PROGRESS"}, "running"),
        ("umami", [{"id": ID, "state": "dreaming"}], "running"),
    ],
)
def test_trap_2_names_of_the_state(provider: str, told: Any, state: str) -> None:
    """Trap 2: whatever it is called, and in whatever letters; the word is kept."""
    done = read(provider, told)

    assert done.state == state
    assert done.raw_state is not None


def test_trap_3_a_callback_that_failed() -> None:
    """Trap 3: flag 4 is a success, marked."""
    done = read("kie", kie(successFlag=4, response={"resultUrls": ["https://x/1.mp4"]}))

    assert (done.state, done.callback_failed, done.url) == ("succeeded", True, "https://x/1.mp4")


async def test_trap_4_a_failed_task_as_an_error() -> None:
    """Trap 4: code 501 on a read is a failed generation; the wait returns it, and does not read again."""
    transport = FakeTransport(answer(200, {"code": 501, "msg": "generation failed", "data": None}))
    async with AsyncLuma("kie", "key", transport=transport, clock=FakeClock()) as luma:
        done = await luma.modifications.wait_for(ID)

    assert (done.state, done.error, len(transport.requests)) == (
        "failed",
        {"code": 501, "message": "generation failed"},
        1,
    )
    with pytest.raises(errors.APIError):
        made("kie", {"code": 501, "msg": "no"})


@pytest.mark.parametrize("code", [200, 0, "200", "0", "success"])
def test_trap_5_forms_of_success(code: Any) -> None:
    """Trap 5: numbers and words."""
    assert made("kie", {"code": code, "msg": "", "data": {"taskId": ID}}).id == ID


def test_trap_5_envelopes_that_hold_nothing() -> None:
    """Trap 5: a code of another kind, and no data, is a refusal, whatever the HTTP status."""
    with pytest.raises(errors.NotFoundError, match="no such task"):
        read("vapi", {"code": "task_not_exist", "message": "no such task", "data": None})
    with pytest.raises(errors.ValidationError, match="quota"):
        made("vapi", {"code": "insufficient_user_quota", "message": "", "data": None})


@pytest.mark.parametrize(
    ("told", "wait"), [("45", 45.0), (45, 45.0), (None, None), (-1, None), ("soon", None), (True, None), ([], None)]
)
def test_traps_6_and_7_everything_is_text(told: Any, wait: Any) -> None:
    """Traps 6 and 7: numbers may be text, null or nonsense; never an error, never a deadline."""
    row = {**RUNNING, "estimate_wait_seconds": told, "liked": "text", "video": {"url": "https://x", "width": "12"}}

    done = read("umami", [row])

    assert (done.estimate_wait, done.videos[0].width) == (wait, 12)


@pytest.mark.parametrize("video", [None, {}, "", {"url": ""}, {"url": None}, []])
def test_trap_8_no_video_yet(video: Any) -> None:
    """Trap 8: null, empty, or without a link: there is none."""
    for provider in ("umami", "vapi"):
        done = read(provider, {**RUNNING, "video": video})
        assert (done.url, done.videos) == (None, [])


async def test_trap_9_success_without_a_file() -> None:
    """Trap 9: looked at three times, then returned as it is, marked."""
    clock = FakeClock()
    transport = FakeTransport(answer(200, {"id": ID, "state": "completed", "video": {}}), clock=clock)
    async with AsyncLuma("vapi", "key", transport=transport, clock=clock) as luma:
        done = await luma.generations.wait_for(ID)

    assert (done.state, done.result_missing, len(transport.requests)) == ("succeeded", True, 3)


@pytest.mark.parametrize(
    "told",
    [
        {"thumbnail": "https://t"},
        {"thumbnail": {"url": "https://t", "width": 1}},
        {"video": {"url": "https://v", "thumbnail": "https://t"}},
    ],
)
def test_trap_10_thumbnails(told: Any) -> None:
    """Trap 10: text, an object, inside the video or beside it."""
    assert read("vapi", {**RUNNING, **told}).thumbnail_url == "https://t"


@pytest.mark.parametrize(
    "told",
    [
        ["https://1", "https://2"],
        '["https://1","https://2"]',
        [{"resultUrl": "https://1"}, {"url": "https://2"}],
        {"resultUrls": ["https://1", "https://2"]},
        ["https://1", "", None, "https://2", "https://1"],
    ],
)
def test_trap_11_lists_of_links(told: Any) -> None:
    """Trap 11: arrays, JSON as text, objects; empties and doubles dropped, order kept."""
    done = read("kie", kie(successFlag=1, response={"resultUrls": told}))

    assert [video.url for video in done.videos] == ["https://1", "https://2"]
    assert read("kie", kie(successFlag=1, response={"resultUrls": "https://1"})).url == "https://1"


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        (1755078171000, datetime(2025, 8, 13, 9, 42, 51, tzinfo=timezone.utc)),
        (1755078171, datetime(2025, 8, 13, 9, 42, 51, tzinfo=timezone.utc)),
        ("2024-12-24T18:01:25.319Z", datetime(2024, 12, 24, 18, 1, 25, 319000, tzinfo=timezone.utc)),
        ("2024-12-24T18:01:25.319129Z", datetime(2024, 12, 24, 18, 1, 25, 319129, tzinfo=timezone.utc)),
        ("2024-12-24T18:01:25.319129123Z", datetime(2024, 12, 24, 18, 1, 25, 319129, tzinfo=timezone.utc)),
        ("0001-01-01T00:00:00Z", None),
        (0, None),
        (None, None),
        ("yesterday", None),
        (10**30, None),
    ],
)
def test_trap_12_times(told: Any, moment: Any) -> None:
    """Trap 12: milliseconds, seconds, ISO with three, six or nine digits; zero and the year 1 are none."""
    assert read("kie", kie(createTime=told)).created_at == moment
    assert read("vapi", {**RUNNING, "created_at": told}).created_at == moment


@pytest.mark.parametrize("told", [RUNNING, [RUNNING], {"code": 0, "data": {"task_id": ID, "task_status": "submitted"}}])
def test_trap_13_forms_of_a_create(told: Any) -> None:
    """Trap 13: an object, a list of one, an envelope."""
    for provider in ("umami", "vapi"):
        assert made(provider, told, 201).id == ID


def test_trap_14_a_read_of_one_is_a_list() -> None:
    """Trap 14: found by its id."""
    other = {**RUNNING, "id": "other"}

    assert read("umami", [other, RUNNING]).id == ID


def test_trap_15_row_numbers() -> None:
    """Trap 15: `task_id` wins over the row's own `id`."""
    row = {
        "id": 13917,
        "task_id": ID,
        "status": "IN_PROGRESS",
        "finish_time": 0,
        "data": {"id": ID, "state": "pending"},
    }

    done = read("vapi", {"code": "success", "data": row})

    assert (done.id, done.state, done.completed_at) == (ID, "queued", None)


@pytest.mark.parametrize(
    ("word", "state"),
    [(word, "failed") for word in ("error", "cancelled", "canceled", "rejected", "expired", "timeout")]
    + [("rescheduled", "unknown"), ("1", "unknown"), (7, "unknown")],
)
def test_trap_16_unknown_states(word: Any, state: str) -> None:
    """Trap 16: what has ended has failed; what nobody knows is not final, and is kept."""
    done = read("vapi", {**RUNNING, "state": word})

    assert (done.state, done.raw_state, done.state.is_final) == (state, word, state == "failed")
    assert GenerationState("unheard") == "unheard"


async def test_trap_17_created(sandbox: Sandbox) -> None:
    """Trap 17: a 201 is a success."""
    async with client_of("umami", sandbox) as luma:
        await start(luma)

    assert [record.status for record in sandbox.requests] == [201]


@pytest.mark.parametrize("provider", CASES)
async def test_trap_18_not_known_yet(provider: Any) -> None:
    """Trap 18: within half a minute nobody may know of it; afterwards it is not found."""
    clock = FakeClock()
    nobody = {"kie": answer(200, {"code": 200, "data": None}), "umami": answer(200, []), "vapi": answer(404, {})}
    transport = FakeTransport(nobody[provider], clock=clock)
    async with AsyncLuma(provider, "key", transport=transport, clock=clock) as luma:
        began = clock.time
        with pytest.raises(errors.NotFoundError):
            await resource_of(luma).wait_for(ID, poll_interval=5)

    assert 30 <= clock.time - began <= 40


@pytest.mark.parametrize(
    "body", [b'{"error":{"message":"no","code":"x"}}{"detail":"z"}', b'{"detail":{"reason":"no"}}']
)
def test_trap_19_two_documents(body: bytes) -> None:
    """Trap 19: the first one counts; the content type does not."""
    with pytest.raises(errors.AuthenticationError, match=r"^no$"):
        made("vapi", body, 401)
    for odd in (b"", b"<html>", b'"text"', b"[1]", b"\xff"):
        with pytest.raises(errors.ServerError):
            made("vapi", odd, 500)
        with pytest.raises(errors.ServerError):
            made("kie", odd, 200)


async def test_trap_20_nothing_is_paid_twice(sandbox: Sandbox) -> None:
    """Trap 20: maintenance is certain, and repeated; a 500 is not, and is not."""
    async with client_of("kie", sandbox) as luma:
        sandbox.faults.add(CASES["kie"].create_route, "status", status=200, body={"code": 455, "msg": "maintenance"})
        await start(luma)
        sandbox.faults.add(CASES["kie"].create_route, "status", status=200, body={"code": 500, "msg": "?"})
        with pytest.raises(errors.AmbiguousCreateError):
            await start(luma)

    assert sandbox.state()["billed"] == 1


def test_trap_21_callbacks_are_signed_at_most_in_part() -> None:
    """Trap 21: kie.ai's signature covers id and time; where a key is set, it must be there, and of now."""
    adapter, now = PROVIDERS["kie"], str(int(time.time()))
    body = json.dumps({"code": 200, "data": {"taskId": ID}}).encode()
    good = {"X-Webhook-Timestamp": now, "X-Webhook-Signature": sign(ID, now, "whk")}

    assert sign("774d9a7dd608a0e49293903095e45a4c", "1755078480", "whk_test_0123456789abcdef") == (
        "zErs0PPO2h4X7wpN010179E+LAOF3nPGuYRwuVg+t7Q="
    )
    assert adapter.callback(body, good, "whk") == adapter.callback(body, {}, None) == ID
    old = {"X-Webhook-Timestamp": "1755078480", "X-Webhook-Signature": sign(ID, "1755078480", "whk")}
    for bad in ({}, {**good, "X-Webhook-Signature": "é"}, {**good, "X-Webhook-Timestamp": "x"}, old):
        with pytest.raises(errors.WebhookVerificationError):
            adapter.callback(body, bad, "whk")


@pytest.mark.parametrize("told", [{"id": ID}, {"task_id": ID}, {"data": {"id": ID}}, {"data": {"task_id": ID}}])
def test_trap_22_callbacks_name_their_generation_anywhere(told: Any) -> None:
    """Trap 22: a callback is a reason to look, however often it comes; where the id stands differs."""
    assert PROVIDERS["vapi"].callback(json.dumps(told).encode(), {}, None) == ID


@pytest.mark.parametrize(
    ("message", "kind"), [("Out of credits", errors.InsufficientCreditsError), ("Not yours", errors.ForbiddenError)]
)
def test_trap_23_out_of_credits(message: str, kind: Any) -> None:
    """Trap 23: 402 with kie.ai, 403 with UmamiAI, told by its words."""
    with pytest.raises(kind) as told:
        made("umami", {"message": message, "statusCode": "403"}, 403)

    assert type(told.value) is kind


async def test_trap_24_links_expire(sandbox: Sandbox, tmp_path: Any) -> None:
    """Trap 24: read again once, then given up; the file is whole or not there."""
    async with client_of("vapi", sandbox) as luma:
        made = await start(luma)
        await sandbox.advance(105)
        done = await luma.generations.get(made.id)
        await sandbox.advance(3700)
        sandbox.faults.add("GET /cdn/{place}", "status", times=None, status=403)
        with pytest.raises(errors.ForbiddenError):
            await luma.generations.save(done, tmp_path / "x.mp4")

    assert list(tmp_path.iterdir()) == []


async def test_traps_25_and_26_extensions(sandbox: Sandbox) -> None:
    """Traps 25 and 26: the parent is remembered; what an extension cannot be given is refused."""
    for provider in ("umami", "vapi"):
        async with client_of(provider, sandbox) as luma:
            made = await start(luma)
            with pytest.raises(errors.ValidationError):
                await luma.generations.extend(made.id, "too soon")
            await sandbox.advance(105)
            longer = await luma.generations.extend(made.id, "with a hat")

            assert (longer.parent_id, longer.kind) == (made.id, "extension")
            assert (await luma.generations.get(longer.id)).parent_id == made.id
            with pytest.raises(errors.InvalidArgumentError, match="cannot loop an extension"):
                await luma.generations.extend(made.id, "x", loop=True)
    async with client_of("vapi", sandbox) as luma:
        with pytest.raises(errors.InvalidArgumentError, match="aspect ratio of an extension"):
            await luma.generations.extend(ID, "x", aspect_ratio="16:9")


def test_trap_27_aspect_ratios() -> None:
    """Trap 27: an unknown one is sent, with a warning; what is none is refused."""
    with pytest.warns(UserWarning, match="vapi is not known to take 21:9"):
        call = PROVIDERS["vapi"].create({"prompt": "x", "aspect_ratio": "21:9"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PROVIDERS["umami"].create({"prompt": "x", "aspect_ratio": "21:9"})

    assert b'"aspect_ratio":"21:9"' in (call.body or b"")
    for wrong in ("wide", 16, ""):
        with pytest.raises(errors.InvalidArgumentError, match="aspect_ratio"):
            PROVIDERS["vapi"].create({"prompt": "x", "aspect_ratio": wrong})


def test_trap_28_nothing_is_sent_that_was_not_given() -> None:
    """Trap 28: no explicit nulls."""
    calls = [PROVIDERS[name].create({"prompt": "x", **case.arguments}) for name, case in CASES.items()]
    bodies = [json.loads(call.body or b"") for call in calls]

    assert bodies[0] == {"prompt": "x", "videoUrl": "https://example.com/in.mp4"}
    assert bodies[1] == bodies[2] == {"user_prompt": "x", "aspect_ratio": "16:9"}


def test_trap_29_ids_in_paths() -> None:
    """Trap 29: percent-encoded; what would climb is refused."""
    assert PROVIDERS["vapi"].read(["a/b c"]).path == "/luma/generations/a%2Fb%20c"
    for wrong in ("", ".", ".."):
        with pytest.raises(errors.InvalidArgumentError):
            PROVIDERS["vapi"].read([wrong])
        with pytest.raises(errors.InvalidArgumentError):
            PROVIDERS["umami"].extend(wrong, {"prompt": "x"})


async def test_trap_30_the_key_goes_to_the_api_alone(tmp_path: Any) -> None:
    """Trap 30: the result's host gets none."""
    done = {"id": ID, "state": "completed", "video": {"url": "https://cdn/x.mp4"}}
    transport = FakeTransport(answer(200, done), answer(200, b"0000ftyp"))
    async with AsyncLuma("vapi", "key_0123456789", transport=transport, clock=FakeClock()) as luma:
        await luma.generations.save(ID, tmp_path / "x.mp4")

    asked, fetched = transport.requests
    assert asked.headers["Authorization"] == "Bearer key_0123456789"
    assert "key_0123456789" not in str(fetched)


@pytest.mark.parametrize(
    ("provider", "arguments", "said"),
    [
        ("kie", {"video_url": "ftp://x/y.mp4"}, "video_url must be an http"),
        ("kie", {"video_url": "https://localhost/y.mp4"}, "reachable"),
        ("kie", {"video_url": "https://10.0.0.1/y.mp4"}, "reachable"),
        ("kie", {"video_url": None}, "video_url"),
        ("kie", {"prompt": " "}, "prompt"),
        ("kie", {"callback_url": "nope"}, "callback_url"),
        ("umami", {"callback_url": "https://x"}, "umami cannot call back"),
        ("umami", {"loop": True}, "umami cannot loop"),
        ("umami", {"image_url": b"\x89PNG"}, "takes no image data"),
        ("vapi", {"image_url": b"text"}, "no PNG"),
        ("vapi", {"image_url": "not base64!"}, "base64"),
        ("vapi", {"image_url": b"\x89PNG", "image_end_url": b"\x89PNG"}, "At most one image"),
        ("vapi", {"image_url": b"\x89PNG" + b"\0" * 21 * 2**20}, "bytes; it may have"),
        ("vapi", {"callback_url": "nope"}, "callback_url"),
    ],
)
def test_what_is_refused_before_it_is_sent(provider: str, arguments: Dict[str, Any], said: str) -> None:
    """What the documents state, and what a provider lacks, by its name."""
    with pytest.raises(errors.InvalidArgumentError, match=said):
        PROVIDERS[provider].create({"prompt": "x", **CASES[provider].arguments, **arguments})


def test_images_as_data() -> None:
    """Bytes, base64 and data URIs become one form."""
    raw = b"\x89PNG rest"
    wanted = f"data:image/png;base64,{base64.b64encode(raw).decode()}"

    for given in (raw, base64.b64encode(raw).decode(), wanted):
        body = PROVIDERS["vapi"].create({"prompt": "x", "image_url": given}).body or b""
        assert json.loads(body)["image_url"] == wanted


def test_prompts_in_other_scripts() -> None:
    """kie.ai takes English alone: a warning, no refusal."""
    with pytest.warns(UserWarning, match="English"):
        PROVIDERS["kie"].create({"prompt": "日本語の文", "video_url": "https://example.com/x.mp4"})
