"""`batch.plan`: what a run would do and cost. Nothing is created, and the journal is not changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, AsyncIterator, Dict, List

import pytest

from bluma.types import BatchPlan, PlannedCost
from bluma_async import AsyncBluma, errors
from bluma_async.batch import planning
from bluma_async.sandbox import Sandbox
from bluma_async.stores.memory.jobs import MemoryJobStore
from tests.batch.helpers import TEMPLATE, change_journal, make_rows, run_all
from tests.batch.test_store import batch_in_memory
from tests.fakes import FakeClock, FakeTransport, answer

OTHER = "cat-explainer-v2"


def counts(plan: BatchPlan) -> Dict[str, int]:
    """Return the counts of a plan that are not 0."""
    names = ("total", "new", "done", "unfinished", "left", "duplicate", "reused", "invalid")
    return {name: getattr(plan, name) for name in names if getattr(plan, name)}


def write(folder: Path, rows: List[Any], kind: str) -> Path:
    """Write rows to a file of a kind, and return its path."""
    file = folder / f"jobs{kind}"
    if kind == ".jsonl":
        file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    else:
        names = sorted({name for row in rows for name in row})
        lines = [",".join(names), *(",".join(str(row.get(name, "")) for name in names) for row in rows)]
        file.write_text("\n".join(lines), encoding="utf-8")
    return file


async def given(rows: List[Any], form: str, folder: Path) -> Any:
    """Return rows in one of the forms that a batch takes."""

    async def stream() -> AsyncIterator[Any]:
        for row in rows:
            yield row

    if form in (".csv", ".jsonl"):
        return write(folder, rows, form)
    return {"list": rows, "iterator": iter(rows), "stream": stream()}[form]


FORMS = pytest.mark.parametrize("form", [".csv", ".jsonl", "list", "iterator", "stream"])


@FORMS
async def test_new_jobs_are_priced(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path, form: str) -> None:
    """Credits by template and resolution, the balance after them, requests, and disk space."""
    rows = [*make_rows(3), {"template_id": OTHER, "prompt": "x", "key": "a", "resolution": "4k"}]

    plan = await client.batch(out=tmp_path / "out").plan(await given(rows, form, tmp_path))

    assert counts(plan) == {"total": 4, "new": 4}
    assert plan.costs == [
        PlannedCost(template_id=OTHER, resolution="4k", jobs=1, credits_each=6, credits=6),
        PlannedCost(template_id=TEMPLATE, jobs=3, credits_each=2, credits=6),
    ]
    assert (plan.credits, plan.balance, plan.balance_after, plan.is_valid) == (12, 500, 488, True)
    assert (plan.requests, plan.requests_per_hour, plan.hours) == (12, 5000, 0)
    assert plan.requests_left == 5000 - sandbox.state()["requests"]
    assert plan.bytes_needed == 3 * round(30 * 8_453_120 / 45) + round(60 * 9 * 8_453_120 / 45)
    assert (plan.bytes_free or 0) > 0


async def test_nothing_is_created(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Not a video, not a variant, not a file, and not a folder; only reads are sent."""
    await client.batch(out=tmp_path / "out", tag="preset").plan(make_rows(3))

    assert sandbox.state()["jobs"] == {"test": 0, "live": 0}
    assert {record.method for record in sandbox.requests} == {"GET"}
    assert list(tmp_path.iterdir()) == []


async def test_the_journal_is_asked_and_not_changed(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Jobs in every state; a job that was never billed may have another content, a billed one may not."""
    batch = client.batch(out=tmp_path, poll_interval=0.01)
    await run_all(batch, make_rows(9))
    states = ["planned", "creating", "rendering", "rendered", "failed", "failed", "in_doubt"]
    for number, state in enumerate(states):
        change_journal(tmp_path, "UPDATE jobs SET state = ? WHERE key = ?", state, f"k{number}")
    (tmp_path / "k7.mp4").unlink()
    before = (tmp_path / "journal.sqlite").read_bytes()
    rows = [*make_rows(4), *make_rows(10)[5:]]
    rows += [{**make_rows(5)[4], "prompt": "corrected"}]
    changed = {**make_rows(9)[8], "prompt": "another"}

    plan = await batch.plan(rows)
    refused = await batch.plan([changed])
    everything = await batch.plan()

    assert counts(plan) == {"total": 10, "new": 3, "done": 1, "unfinished": 4, "left": 2}
    assert plan.credits == 6
    assert refused.problems == ["job 1, key: 'k8' was another job in this journal; give it another key."]
    assert counts(everything) == {"total": 9, "new": 1, "done": 1, "unfinished": 4, "left": 3}
    assert (tmp_path / "journal.sqlite").read_bytes() == before


async def test_a_plan_and_the_run_after_it_agree(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """What is new is billed at the planned price, and then done."""
    batch, rows = client.batch(out=tmp_path, poll_interval=0.01), make_rows(4, resolution="1080p")

    plan = await batch.plan(rows)
    await run_all(batch, rows)
    again = await batch.plan(rows)

    assert plan.credits == (await batch.status()).credits_charged == 12
    assert (counts(again), again.credits, again.requests) == ({"total": 4, "done": 4}, 0, 0)


async def test_the_default_resolution_has_one_line_of_costs(client: AsyncBluma, tmp_path: Path) -> None:
    """720p and no resolution are one price, in a plan and in an estimate."""
    rows = [{"template_id": TEMPLATE, "prompt": "x", "key": "a", "resolution": "720p"}, *make_rows(1)]

    plan = await client.batch(out=tmp_path).plan(rows)

    assert plan.costs == [PlannedCost(template_id=TEMPLATE, jobs=2, credits_each=2, credits=4)]


async def test_an_estimate_knows_the_charge_of_the_default_resolution() -> None:
    """What a create without a resolution was charged is the price of one at 720p."""

    def serve(request: Any) -> Any:
        if request.method == "POST":
            return answer(202, {"id": "batch_1", "status": "queued", "template_id": TEMPLATE, "credits_charged": 14})
        return answer(200, {"id": TEMPLATE, "credits_per_video": 7})

    async with AsyncBluma("bluma_test_key", transport=FakeTransport(serve)) as client:
        await client.templates.get(TEMPLATE)
        await client.videos.create({"prompt": "x"}, TEMPLATE)
        prices = [
            await client.videos.estimate({"prompt": "x"}, TEMPLATE, options=options)
            for options in (None, {"resolution": "720p"}, {"resolution": "1080p"})
        ]

    assert [(price.credits, price.is_charged) for price in prices] == [(14, True), (14, True), (11, False)]


async def test_the_space_for_all_files_is_counted(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Files of unfinished and repeated jobs need space as new ones do; those of finished, failed and refused do not."""
    batch = client.batch(out=tmp_path, poll_interval=0.01)
    await run_all(batch, make_rows(4))
    for number, state in enumerate(["rendering", "rendered", "failed"]):
        change_journal(tmp_path, "UPDATE jobs SET state = ? WHERE key = ?", state, f"k{number}")
    rows = [*make_rows(4), {**make_rows(1)[0], "key": "again"}, {"template_id": TEMPLATE, "key": "refused"}]

    plan = await batch.plan(rows)
    everything = await batch.plan()

    assert counts(plan) == {"total": 6, "done": 1, "unfinished": 2, "left": 1, "duplicate": 1, "invalid": 1}
    assert plan.bytes_needed == 3 * round(30 * 8_453_120 / 45)
    assert everything.bytes_needed == 2 * round(30 * 8_453_120 / 45)


@FORMS
async def test_duplicates_and_invalid_rows_are_counted_and_named(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path, form: str
) -> None:
    """A row with the content of an earlier one is the same video, bought twice; what a run refuses is invalid."""
    rows: List[Dict[str, Any]] = [
        {"template_id": TEMPLATE, "prompt": "x", "key": "a"},
        {"template_id": TEMPLATE, "prompt": "x", "key": "b"},
        {"template_id": TEMPLATE, "prompt": "y", "key": "A"},
        {"template_id": TEMPLATE, "prompt": "z"},
        {"template_id": TEMPLATE, "prompt": "z"},
        {"template_id": TEMPLATE, "prompt": "x", "resolution": "4k", "key": "c"},
        {"template_id": "none", "prompt": "x", "key": "d"},
        {"template_id": TEMPLATE, "prompt": "x", "key": "aux"},
        {"template_id": TEMPLATE, "prompt": "x", "key": "../e"},
        {"template_id": TEMPLATE, "prompt": " ", "key": "f"},
    ]
    origin = f"jobs{form}, row" if form.startswith(".") else "job"
    first = 2 if form == ".csv" else 1

    plan = await client.batch(out=tmp_path / "out").plan(await given(rows, form, tmp_path))

    assert counts(plan) == {"total": 10, "new": 3, "duplicate": 2, "invalid": 5}
    assert plan.credits == 2 * 3 + 6  # the duplicate without a key is refused, the other one would be billed
    assert [problem.replace(f"{origin} ", "#") for problem in plan.problems] == [
        f"#{first + 2}, key: the key is also that of #{first}; give each a key of its own.",
        f"#{first + 4}, key: it is the same as #{first + 3}; give each a key of its own.",
        f"#{first + 6}, template_id: there is no template 'none'.",
        f"#{first + 7}, key: it names a file, and 'aux' is a device on Windows.",
        f"#{first + 8}, key: it names a file, so it must be letters, digits or the like, not '../e'.",
        f"#{first + 9}, prompt: it must be a text that is not empty, not ' '.",
    ]
    assert not plan.is_valid


async def test_at_most_twenty_problems_are_named(client: AsyncBluma, tmp_path: Path) -> None:
    """The first ones; all are counted."""
    plan = await client.batch(out=tmp_path).plan([{"prompt": "x"}] * 2000)

    assert (plan.invalid, len(plan.problems)) == (2000, 20)
    assert plan.problems[0].startswith("job 1, template_id")


async def test_a_file_of_the_users_is_reported(client: AsyncBluma, tmp_path: Path) -> None:
    """A run would refuse to replace it."""
    (tmp_path / "k0.mp4").write_bytes(b"mine")

    plan = await client.batch(out=tmp_path).plan(make_rows(2))

    assert counts(plan) == {"total": 2, "new": 1, "invalid": 1}
    assert "that this journal did not save" in plan.problems[0]


async def test_a_plan_reads_rows_in_chunks(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks and spans are not borders: repetitions are found across them, and each template is read once."""
    monkeypatch.setattr(planning, "CHUNK", 3)
    monkeypatch.setattr(planning, "SPAN", 3)
    rows = [{"template_id": (TEMPLATE, OTHER)[n % 2], "prompt": str(n // 10), "key": f"k{n % 25}"} for n in range(30)]

    plans = [
        await client.batch(out=tmp_path / "out").plan(await given(rows, form, tmp_path))
        for form in (".csv", ".jsonl", "stream")
    ]

    assert [counts(plan) for plan in plans] == [{"total": 30, "new": 6, "duplicate": 19, "invalid": 5}] * 3
    assert [record.route for record in sandbox.requests].count("GET /templates/{id}") == 6


async def test_variants_cost_what_their_templates_cost(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """The template of a variant is found in the lists of variants; an unknown variant has no price."""
    variant = await client.variants.create(OTHER, "mine")
    async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url) as other:
        batch = other.batch(out=tmp_path)
        plan = await batch.plan([{"variant_id": variant.id, "prompt": "x", "resolution": "4k"}])
        unknown = await batch.plan([*make_rows(1), {"variant_id": "var_none", "prompt": "x"}])

    assert plan.costs == [
        PlannedCost(template_id=OTHER, variant_id=variant.id, resolution="4k", jobs=1, credits_each=6, credits=6)
    ]
    assert [cost.credits for cost in unknown.costs] == [None, 2]
    assert (unknown.credits, unknown.balance_after) == (None, None)


async def test_a_test_key_spends_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """The price is shown, and the balance stays."""
    async with AsyncBluma(sandbox.test_key, base_url=sandbox.base_url) as client:
        plan = await client.batch(tmp_path / "journal").plan(make_rows(3))

    assert (plan.credits, plan.balance, plan.balance_after) == (6, 500, 500)
    assert (plan.requests, plan.bytes_needed, plan.bytes_free) == (6, 0, None)


async def test_what_the_key_may_not_read_is_unknown(tmp_path: Path) -> None:
    """Without scopes for templates and credits there are counts, and no prices."""
    refused = {"error": {"type": "permission_denied", "title": "X", "status": 403, "detail": "no"}}
    client = AsyncBluma("bluma_live_key", transport=FakeTransport(answer(403, refused)), clock=FakeClock())

    plan = await client.batch(tmp_path / "journal").plan([*make_rows(2), {"variant_id": "v", "prompt": "x"}])

    assert (plan.new, plan.credits, plan.balance, plan.hours) == (3, None, None, None)


async def test_the_hours_follow_from_the_hourly_limit(tmp_path: Path) -> None:
    """Requests that the present budget does not cover wait for the next hours."""
    headers = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "50"}
    reply = answer(200, {"id": TEMPLATE, "credits_per_video": 2, "credits": 5}, headers)
    client = AsyncBluma("bluma_live_key", transport=FakeTransport(reply), clock=FakeClock())

    plan = await client.batch(tmp_path / "journal").plan(make_rows(150))

    assert (plan.requests, plan.requests_left, plan.hours, plan.balance_after) == (300, 50, 2.5, -295)


async def test_a_plan_fails_if_the_api_cannot_be_reached(tmp_path: Path) -> None:
    """A plan without prices would be misleading."""
    down = FakeTransport(errors.NetworkError("down"))
    client = AsyncBluma("bluma_live_key", transport=down, clock=FakeClock(), max_retries=0)

    with pytest.raises(errors.NetworkError):
        await client.batch(tmp_path / "journal").plan(make_rows(1))


async def test_a_plan_of_any_store(quick: Sandbox, client: AsyncBluma) -> None:
    """The store is asked, whatever it is; without a journal there is nothing to plan."""
    batch = batch_in_memory(client, MemoryJobStore())
    await run_all(batch, make_rows(2))

    assert counts(await batch.plan(make_rows(3))) == {"total": 3, "new": 1, "done": 2}
    with pytest.raises(errors.InvalidArgumentError, match="There is no journal"):
        await client.batch("nowhere.sqlite").plan()


@pytest.mark.parametrize("text", ["", "prompt\nx", "template_id,prompt\nt,\xff"])
async def test_a_file_that_cannot_be_parsed_is_an_error(client: AsyncBluma, tmp_path: Path, text: str) -> None:
    """A header without rows is an empty plan; without a header, a necessary column, or UTF-8, there is none."""
    file = tmp_path / "jobs.csv"
    file.write_bytes(text.encode("latin-1"))

    with pytest.raises(errors.InvalidArgumentError, match=r"row 1|UTF-8"):
        await client.batch(out=tmp_path / "out").plan(file)
    file.write_text("template_id,prompt\n", encoding="utf-8")
    assert (await client.batch(out=tmp_path / "out").plan(file)).total == 0


async def test_names_of_several_types_are_text(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """JSON has only text as names, so the same content is recognised, and a run takes what a plan takes."""
    rows = [
        {"template_id": TEMPLATE, "context": {"prompt": "x", "custom_data": data}, "key": key}
        for key, data in (("a", {1: "y", "z": 2}), ("b", {"z": 2, "1": "y"}))
    ]
    batch = client.batch(out=tmp_path, poll_interval=0.01)

    plan = await batch.plan(rows)
    results = await run_all(batch, rows)

    assert (plan.new, plan.duplicate, plan.problems) == (1, 1, [])
    assert [result.is_done for result in results] == [True, True]
