"""Videos over plain HTTP: the quickstart, invalid bodies, idempotency keys, strict prompts."""

from __future__ import annotations

from typing import Any, Set, Tuple

import pytest

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import Plain, parse_time


async def test_the_quickstart_works_as_documented(sandbox: Sandbox, plain: Plain) -> None:
    """Items 122 to 126 and 128: templates, create, two polls, download; a test key is not billed."""
    plain.key = sandbox.test_key
    _, templates, _ = await plain("GET", "/templates")
    made = await plain.make(template_id="consumerclub-discord-zoomed")
    await sandbox.advance(70)
    _, half, _ = await plain("GET", f"/videos/{made['id']}")
    await sandbox.advance(35)
    _, done, _ = await plain("GET", f"/videos/{made['id']}")
    _, link, _ = await plain("GET", f"/videos/{made['id']}/download")

    assert (templates["total"], len(templates["templates"])) == (5, 5)
    assert list(templates["templates"][0])[:6] == [
        "id", "name", "description", "category", "credits_per_video", "duration_range",
    ]  # fmt: skip
    assert set(made) == {
        "id", "status", "template_id", "variant_id", "created_at", "estimated_completion", "status_url",
        "credits_charged",
    }  # fmt: skip
    assert (parse_time(made["estimated_completion"]) - parse_time(made["created_at"])).seconds == 120
    assert (made["status_url"], made["credits_charged"], made["status"]) == (f"/v1/videos/{made['id']}", 2, "queued")
    assert (half["status"], half["progress"]) == ("processing", 65)
    assert set(done) == {
        "id", "status", "progress", "template_id", "url", "thumbnail_url", "duration", "size_bytes", "created_at",
        "completed_at",
    }  # fmt: skip
    assert (done["progress"], done["duration"]) == (100, 30)
    assert (parse_time(link["expires_at"]) - parse_time(done["completed_at"])).seconds == 3600
    assert sandbox.state()["credits"] == 500
    assert sandbox.state()["jobs"] == {"test": 1, "live": 0}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"context"}),
        ({"context": {}, "template_id": "x"}, {"context.prompt"}),
        ({"context": {"prompt": " "}, "template_id": "x"}, {"context.prompt"}),
        (
            {"context": {"prompt": 5, "brand_assets": "x"}, "template_id": "x"},
            {"context.prompt", "context.brand_assets"},
        ),
        ({"context": {"prompt": "x"}}, {"template_id"}),
        ({"context": {"prompt": "x"}, "template_id": "a", "variant_id": "b"}, {"variant_id"}),
        ({"context": {"prompt": "x"}, "template_id": "nothing"}, {"template_id"}),
        (
            {"context": {"prompt": "x"}, "template_id": "cat-explainer-v2", "options": {"resolution": "8k"}},
            {"options.resolution"},
        ),
        (
            {"context": {"prompt": "x"}, "template_id": "cat-explainer-v2", "options": {"watermark": 1}},
            {"options.watermark"},
        ),
        ({"context": {"prompt": "x"}, "template_id": "cat-explainer-v2", "webhook_url": "nope"}, {"webhook_url"}),
        ([], {"body"}),
    ],
)
async def test_an_invalid_create_is_rejected_by_field(plain: Plain, body: Any, fields: Any) -> None:
    """The 400 lists every invalid field, and no video is created."""
    status, answer, _ = await plain("POST", "/videos", body)

    assert status == 400
    assert {entry["field"] for entry in answer["error"]["validation_errors"]} == fields
    assert plain.sandbox.state()["jobs"]["live"] == 0


async def test_reads_and_lists_have_the_documented_fields(plain: Plain) -> None:
    """Item 124 and V4; with `extra_fields` they also have those that the 1.2.0 client reads."""
    documented = await _list_keys(plain)
    async with Sandbox(clock="manual", render=False, extra_fields=True) as sandbox:
        plain.sandbox = sandbox
        more = await _list_keys(plain)

    running, listed = documented
    assert running == {"id", "status", "progress", "template_id", "created_at"}
    assert listed == {
        "id", "template_id", "status", "video_url", "thumbnail_url", "created_at", "completed_at",
    }  # fmt: skip
    assert more == (running | {"variant_id", "credits_charged"}, listed | {"variant_id", "duration"})


async def _list_keys(plain: Plain) -> Tuple[Set[str], Set[str]]:
    """Return the names of the fields of a running video, when it is read and when it is listed."""
    made = await plain.make()
    _, read, _ = await plain("GET", f"/videos/{made['id']}")
    return set(read), set((await plain("GET", "/videos"))[1]["videos"][0])


async def test_idempotency_keys_are_ignored_by_default(plain: Plain) -> None:
    """The real API ignores the header; a setting makes the sandbox honour it."""
    job = {"template_id": "ugc-text-overlay", "context": {"prompt": "x"}}
    same = {"headers": {"Idempotency-Key": "k"}}
    ignored = [(await plain("POST", "/videos", job, **same))[1]["id"] for _ in range(2)]
    async with Sandbox(clock="manual", render=False, honour_idempotency=True) as sandbox:
        plain.sandbox = sandbox
        honoured = [(await plain("POST", "/videos", job, **same))[1]["id"] for _ in range(2)]
        bills = sandbox.state()["billed"]

    assert len(set(ignored)) == 2
    assert (len(set(honoured)), bills) == (1, 1)


async def test_strict_mode_rejects_short_prompts(plain: Plain) -> None:
    """Trap T-7: prompts need ten characters; off by default, because the quickstart's prompt is shorter."""
    job = {"template_id": "ugc-text-overlay", "context": {"prompt": "Test"}}
    async with Sandbox(clock="manual", render=False, strict=True) as sandbox:
        plain.sandbox = sandbox
        status, answer, _ = await plain("POST", "/videos", job)

    assert (status, answer["error"]["validation_errors"][0]["field"]) == (400, "context.prompt")
