"""The API as curl sees it: the quickstart, refusals, limits, money."""

from __future__ import annotations

import io
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest

from bluma_async.sandbox import Sandbox
from tests.sandbox.conftest import Plain


def moment(text: str) -> datetime:
    """Read a time as the API writes it."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")


async def test_the_quickstart_holds(sandbox: Sandbox, plain: Plain) -> None:
    """Items 122 to 126 and 128: templates, create, two looks, download, with a test key that costs nothing."""
    plain.key = sandbox.test_key
    _, templates, _ = await plain("GET", "/templates")
    made = await plain.make(template_id="consumerclub-discord-zoomed")
    await sandbox.advance(70)
    _, half, _ = await plain("GET", f"/videos/{made['id']}")
    await sandbox.advance(35)
    _, done, _ = await plain("GET", f"/videos/{made['id']}")
    _, link, _ = await plain("GET", f"/videos/{made['id']}/download")

    assert (templates["total"], len(templates["templates"])) == (5, 5)
    assert set(templates["templates"][0]) == {
        "id", "name", "description", "category", "credits_per_video", "duration_range",
    }  # fmt: skip
    assert set(made) == {
        "id", "status", "template_id", "variant_id", "created_at", "estimated_completion", "status_url",
        "credits_charged",
    }  # fmt: skip
    assert (moment(made["estimated_completion"]) - moment(made["created_at"])).seconds == 120
    assert (made["status_url"], made["credits_charged"], made["status"]) == (f"/v1/videos/{made['id']}", 2, "queued")
    assert (half["status"], half["progress"]) == ("processing", 65)
    assert set(done) >= {
        "id", "status", "progress", "template_id", "url", "thumbnail_url", "duration", "size_bytes", "created_at",
        "completed_at",
    }  # fmt: skip
    assert (done["progress"], done["duration"]) == (100, 30)
    assert (moment(link["expires_at"]) - moment(done["completed_at"])).seconds == 3600
    assert sandbox.state()["credits"] == 500
    assert sandbox.state()["jobs"] == {"test": 1, "live": 0}


async def test_no_key_is_asked_for_before_the_path(plain: Plain) -> None:
    """Item 127 and trap T-2: without a key every path is a 401 with a bare string and no budget."""
    plain.key = None
    for path in ("/templates", "/no/such/path"):
        status, answer, headers = await plain("GET", path)
        assert (status, answer) == (401, {"error": "No authorization token provided"})
        assert "X-RateLimit-Limit" not in headers
    plain.key = "bluma_live_wrong"
    status, answer, _ = await plain("GET", "/templates")
    assert (status, answer["error"]["metadata"]) == (401, {"key_prefix": "bluma_live_wrong"})


async def test_what_is_not_there_and_what_may_not_be(plain: Plain) -> None:
    """Unknown routes are 404, wrong methods 405, both in the envelope and with the budget."""
    status, answer, headers = await plain("GET", "/no/such/path")
    wrong, refusal, allowed = await plain("DELETE", "/templates")

    assert (status, answer["error"]["type"]) == (404, "not_found")
    assert headers["X-RateLimit-Limit"] == "5000"
    assert (wrong, refusal["error"]["status"]) == (405, 405)
    assert "GET" in allowed["Allow"]


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
async def test_bad_jobs_are_refused_by_field(plain: Plain, body: Any, fields: Any) -> None:
    """Every complaint names its field, and nothing is made."""
    status, answer, _ = await plain("POST", "/videos", body)

    assert status == 400
    assert {entry["field"] for entry in answer["error"]["validation_errors"]} == fields
    assert plain.sandbox.state()["jobs"]["live"] == 0


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b"[" * 100_000, b'"x"', b"null"])
async def test_malformed_json_is_a_400(plain: Plain, raw: bytes) -> None:
    """What is no JSON object is refused as the reference says."""
    status, answer, _ = await plain("POST", "/videos", data=raw)

    assert (status, answer["error"]["type"]) == (400, "invalid_request")


async def test_an_oversized_body_is_refused(plain: Plain) -> None:
    """More than a megabyte of JSON is a 413."""
    status, answer, _ = await plain("POST", "/videos", data=io.BytesIO(b" " * 2**21))

    assert (status, answer["error"]["status"]) == (413, 413)


@pytest.mark.parametrize(
    "query", ["page=0", "limit=101", "limit=x", "status=odd", "from_date=soon", "page=" + "9" * 40]
)
async def test_bad_queries_are_refused(plain: Plain, query: str) -> None:
    """A query that cannot be is a 400 that names it."""
    status, answer, _ = await plain("GET", f"/videos?{query}")

    assert status == 400
    assert answer["error"]["validation_errors"][0]["field"] == query.split("=", maxsplit=1)[0]


async def test_the_window_of_the_limit_slides() -> None:
    """Reference 2.5: headers count down, the 429 says when, and an hour later it goes on."""
    async with Sandbox(clock="manual", render=False, rate_limit=2) as sandbox, aiohttp.ClientSession() as session:
        plain = Plain(session, sandbox)
        first = await plain("GET", "/templates")
        await sandbox.advance(600)
        await plain("GET", "/templates")
        status, answer, headers = await plain("GET", "/templates")
        await sandbox.advance(3000)
        again = await plain("GET", "/templates")

    assert (first[2]["X-RateLimit-Limit"], first[2]["X-RateLimit-Remaining"]) == ("2", "1")
    assert (status, headers["Retry-After"], headers["X-RateLimit-Remaining"]) == (429, "3000", "0")
    assert answer["error"]["metadata"] == {"limit": 2, "retry_after": 3000, "current_usage": 2}
    assert int(headers["X-RateLimit-Reset"]) == parsedate_to_datetime(headers["Date"]).timestamp() + 3000
    assert again[0] == 200


async def test_scopes_bind(sandbox: Sandbox, plain: Plain) -> None:
    """A key without a scope is a 403 that says which."""
    key = next(row for row in sandbox._running.keys.all() if row["environment"] == "production")
    key["scopes"] = ["templates:list"]

    status, answer, _ = await plain("GET", "/credits/balance")

    assert (status, answer["error"]["metadata"]["required_scope"]) == (403, "credits:read")
    assert (await plain("GET", "/templates"))[0] == 200


async def test_prices_follow_the_resolution(plain: Plain) -> None:
    """Reference 3: 2 by the factor of the resolution, rounded up, taken at accept; poverty is a 402 before any job."""
    prices = [(await plain.make(options={"resolution": size}))["credits_charged"] for size in ("720p", "1080p", "4k")]
    _, ledger, _ = await plain("GET", "/_sandbox/ledger")

    assert prices == [2, 3, 6]
    assert [row["amount"] for row in ledger["transactions"]] == [-6, -3, -2, 500]
    assert ledger["transactions"][0]["balance_after"] == 489


async def test_poverty_is_a_402() -> None:
    """The breakdown says how the price came about, and nothing was made."""
    async with Sandbox(clock="manual", render=False, credits=5) as sandbox, aiohttp.ClientSession() as session:
        plain = Plain(session, sandbox)
        job = {"template_id": "ugc-text-overlay", "context": {"prompt": "x"}, "options": {"resolution": "4k"}}
        status, answer, _ = await plain("POST", "/videos", job)

    assert status == 402
    assert answer["error"]["metadata"] == {
        "credits_required": 6,
        "credits_available": 5,
        "credit_cost_breakdown": {"base": 2, "resolution_multiplier": 3.0},
    }
    assert sandbox.state()["jobs"]["live"] == 0


async def test_a_failed_render_is_refunded(sandbox: Sandbox, plain: Plain) -> None:
    """A failure is told with its reason, and paid back."""
    made = await plain.make("will [fail]")
    await sandbox.advance(105)

    _, video, _ = await plain("GET", f"/videos/{made['id']}")

    assert (video["status"], video["progress"], video["error"]["type"]) == ("failed", 40, "rendering_failed")
    assert (video["url"], sandbox.state()["credits"], sandbox.state()["billed"]) == (None, 500, 1)


async def test_idempotency_is_off_unless_asked_for(plain: Plain) -> None:
    """The real API ignores the header; a switch honours it."""
    job = {"template_id": "ugc-text-overlay", "context": {"prompt": "x"}}
    same = {"headers": {"Idempotency-Key": "k"}}
    ignored = [(await plain("POST", "/videos", job, **same))[1]["id"] for _ in range(2)]
    async with Sandbox(clock="manual", render=False, honour_idempotency=True) as sandbox:
        plain.sandbox = sandbox
        honoured = [(await plain("POST", "/videos", job, **same))[1]["id"] for _ in range(2)]
        bills = sandbox.state()["billed"]

    assert len(set(ignored)) == 2
    assert (len(set(honoured)), bills) == (1, 1)


async def test_dates_are_the_sandboxes(sandbox: Sandbox, plain: Plain) -> None:
    """Date and created_at come from one clock, so that clients can compare them."""
    await sandbox.advance(86400 * 400)
    made = await plain.make()

    _, _, headers = await plain("GET", "/templates")

    assert parsedate_to_datetime(headers["Date"]) == moment(made["created_at"])


async def test_both_path_families_answer(plain: Plain) -> None:
    """Conflicts C-6 and C-7: the documents' paths and those of the 1.2.0 package."""
    _, made, _ = await plain("POST", "/asset-pool/collections", {"name": "c"})
    _, variant, _ = await plain("POST", "/dashboard/templates/cat-explainer-v2/variants", {"name": "v"})

    assert (await plain("GET", f"/collections/{made['id']}"))[0] == 200
    assert (await plain("GET", f"/templates/cat-explainer-v2/variants/{variant['id']}"))[0] == 200
    assert (await plain("GET", "/asset-pool/assets"))[0] == 200
    assert (await plain("GET", f"/templates/meme-dialogue/variants/{variant['id']}"))[0] == 404


async def test_keys_of_the_free_tier_are_for_tests(plain: Plain) -> None:
    """Production keys need a paid plan; a session token will do for keys, and for nothing else."""
    async with Sandbox(clock="manual", render=False, tier="free") as sandbox:
        plain.sandbox, plain.key = sandbox, "session_sandbox"
        denied, _, _ = await plain("POST", "/api-keys", {"name": "n", "environment": "production"})
        allowed, made, _ = await plain("POST", "/api-keys", {"name": "n", "environment": "test"})
        elsewhere, _, _ = await plain("GET", "/templates")

    assert (denied, allowed, elsewhere) == (403, 201, 401)
    assert made["api_key"] == made["key"]
    assert made["rate_limit_per_hour"] == 100


async def test_strict_mode_wants_ten_characters(plain: Plain) -> None:
    """Trap T-7: off by default, for the quickstart's sake."""
    job = {"template_id": "ugc-text-overlay", "context": {"prompt": "Test"}}
    async with Sandbox(clock="manual", render=False, strict=True) as sandbox:
        plain.sandbox = sandbox
        status, answer, _ = await plain("POST", "/videos", job)

    assert (status, answer["error"]["validation_errors"][0]["field"]) == (400, "context.prompt")


@pytest.mark.parametrize(
    "settings",
    [
        {"port": -1},
        {"port": "x"},
        {"speed": 0},
        {"clock": "sundial"},
        {"tier": "basic"},
        {"credits": -1},
        {"test_key": "x"},
        {"live_key": "bluma_live_"},
        {"rate_limit": 1.5},
        {"webhook_secret": ""},
        {"speeed": 1},
    ],
)
async def test_settings_that_cannot_be_are_refused(settings: Any) -> None:
    """A wrong setting says what there is."""
    with pytest.raises(ValueError, match=next(iter(settings))):
        Sandbox(**settings)


async def test_a_sandbox_can_be_stopped_twice_and_asked_nothing_before() -> None:
    """Starting and stopping are idempotent; a sandbox that was not started says so."""
    sandbox = Sandbox(render=False)
    with pytest.raises(RuntimeError, match="not started"):
        sandbox.state()

    await sandbox.start()
    await sandbox.start()
    with pytest.raises(ValueError, match="manual"):
        sandbox.advance(1)
    await sandbox.stop()
    await sandbox.stop()


async def test_time_can_run_faster() -> None:
    """At a speed of 5000 the documented 105 s are over in a moment."""
    async with Sandbox(speed=5000, render=False) as sandbox, aiohttp.ClientSession() as session:
        plain = Plain(session, sandbox)
        made = await plain.make()
        for _ in range(2000):
            _, video, _ = await plain("GET", f"/videos/{made['id']}")
            if video["status"] == "completed":
                break

    assert video["status"] == "completed"
