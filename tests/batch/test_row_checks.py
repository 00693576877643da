"""Rows are checked against their templates before the first create; all mistakes are reported together."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, Dict

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._runtime.notices import BlumaWarning
from bluma_async.batch.parsing import parse_job
from bluma_async.sandbox import Sandbox, catalog
from tests.batch.helpers import TEMPLATE, run_all, run_refused
from tests.fakes import FakeClock, FakeTransport, answer

SCHEMA = {
    "type": "object",
    "required": ["prompt"],
    "properties": {
        "prompt": {"type": "string", "minLength": 10},
        "voice": {"type": "string", "enum": ["female-casual", "energetic-male"]},
        "count": {"type": "integer"},
    },
}
MISTAKES = """8 rows are invalid. Nothing was created.
  job 2, context.voice: it must be one of female-casual, energetic-male; did you mean 'energetic-male'? (rule enum).
  job 3, options.resoluton: There is no option 'resoluton'; did you mean 'resolution'?
  job 4, resolution: ugc-text-overlay has 720p, 1080p, 4k, and no '8k'.
  job 5, context.count: it must be integer, not number (rule type).
  job 6, key: it is the same as job 1; give each a key of its own.
  job 7, template_id: there is no template 'ugc-text-overlai'; did you mean 'ugc-text-overlay'?
  job 8, promt: there is no such column; did you mean 'prompt'?
  job 9, context.at: The arguments must be plain JSON values: context.at is of the type bytes; pass text, or upload \
the file as an asset."""


@pytest.fixture(autouse=True)
def schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the sandbox's templates this schema."""
    monkeypatch.setattr(catalog, "CONTEXT_SCHEMA", SCHEMA)


def row(**more: Any) -> Dict[str, Any]:
    """Return a job whose prompt is long enough."""
    return {"template_id": TEMPLATE, "prompt": "Explain why the sky is blue", **more}


async def test_every_row_is_checked_before_the_first_create(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """Mistakes of every kind are reported in the order of the rows, each with row, path, rule and nearest name."""
    rows = [
        row(key="a"),
        row(key="b", **{"context.voice": "energetic_male"}),
        row(key="c", options={"resoluton": "4k"}),
        row(key="d", resolution="8k"),
        row(key="e", context={"count": 1.5}),
        row(key="a"),
        {**row(key="f"), "template_id": "ugc-text-overlai"},
        row(key="g", promt="x"),
        row(key="h", context={"at": b"x"}),
    ]

    error = await run_refused(client, rows, out=tmp_path)

    assert str(error) == MISTAKES
    assert isinstance(error, errors.InvalidArgumentError)
    assert error.validation_errors[0]["rule"] == "enum"
    assert sandbox.state()["billed"] == 0
    assert (await client.batch(out=tmp_path).status()).total == 0


async def test_a_file_is_checked_in_the_same_way(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A misspelt name of the context is reported with the row of the file."""
    file = tmp_path / "jobs.jsonl"
    lines = [row(key="a"), row(key="b", context={"vioce": "female-casual"})]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    error = await run_refused(client, file, out=tmp_path / "out")

    assert "jobs.jsonl, row 2, context.vioce: there is no such name; did you mean 'voice'?" in str(error)
    assert sandbox.state()["billed"] == 0


@pytest.mark.parametrize("validate", ["warn", "never"])
async def test_the_option_validate_lets_rows_through(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, validate: Any
) -> None:
    """`warn` names each row once with each mistake, and creates the videos; `never` is silent."""
    rows = [row(key=f"k{n}", options={"fps": n}, **{"context.voice": "deep"}) for n in range(3)]
    batch = client.with_options(validate=validate).batch(out=tmp_path, poll_interval=0.01)

    if validate == "warn":
        with pytest.warns(BlumaWarning) as caught:
            await run_all(batch, rows)
        assert [str(entry.message)[:30] for entry in caught] == [
            f"job {number}: The {rest}"
            for number in (1, 2, 3)
            for rest in ("option 'fps' is not", "context for the tem")
        ]
        assert all(str(entry.message).endswith(". A create sends it as it is.") for entry in caught)
    else:
        await run_all(batch, rows)

    assert quick.state()["billed"] == 3


@pytest.mark.parametrize("validate", ["error", "warn", "never"])
@pytest.mark.parametrize(
    ("change", "column"),
    [({"resolution": 4}, "resolution"), ({"watermark": 1.5}, "watermark"), ({"template_id": "none"}, "template_id")],
)
async def test_what_cannot_succeed_is_refused_in_every_mode(
    client: AsyncBluma, tmp_path: Path, validate: Any, change: Any, column: str
) -> None:
    """A documented option with a value of another type, and a template that does not exist."""
    error = await run_refused(client.with_options(validate=validate), [{**row(), **change}], out=tmp_path)

    assert column in str(error)
    assert isinstance(error, errors.InvalidArgumentError)


async def test_a_prompt_that_only_the_schema_finds_too_short_is_created(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """Trap T-7: the documents create a video from "Test"."""
    with pytest.warns(BlumaWarning, match="it must have at least 10 characters"):
        await run_all(client.batch(out=tmp_path, poll_interval=0.01), [row(prompt="Test")])

    assert quick.state()["billed"] == 1


async def test_a_warning_names_the_first_rows_that_have_it(client: AsyncBluma, tmp_path: Path) -> None:
    """Ten thousand rows with one mistake need no ten thousand lines. A row that is refused has an error only."""
    rows = [row(prompt=f"Test {n}", **({"context.count": "x"} if n == 3 else {})) for n in range(25)]

    with pytest.warns(BlumaWarning) as caught:
        plan = await client.batch(out=tmp_path).plan(rows)

    named = [str(entry.message).partition(":")[0] for entry in caught]
    assert named == [f"job {number}" for number in range(1, 22) if number != 4]
    assert str(caught[-1].message).endswith("No more rows are named for this. A create sends it as it is.")
    assert (plan.new, plan.invalid) == (24, 1)


async def test_submitted_rows_are_warned_of_once(client: AsyncBluma, tmp_path: Path) -> None:
    """They are read twice: for their templates, and to be planned."""
    with pytest.warns(BlumaWarning) as caught:
        await client.batch(out=tmp_path).submit([row(prompt="Test")])

    assert len(caught) == 1


@pytest.mark.parametrize(
    ("context", "rule", "message"),
    [
        (
            {"promt": "b"},
            "properties",
            "context.promt: there is no such name; did you mean 'prompt'? (rule properties).",
        ),
        ({"text": "b"}, "required", "prompt: it must be a text that is not empty, not None."),
        ({"prompt": " ", "promt": "b"}, "minLength", "prompt: it must be a text that is not empty, not ' '."),
        ({"prompt": 5}, "type", "prompt: it must be a text that is not empty, not 5."),
    ],
)
def test_a_row_without_a_prompt_names_the_rule_and_the_misspelt_name(context: Any, rule: str, message: str) -> None:
    """As the check of a single create does, although a row needs a prompt whatever its template is."""
    with pytest.raises(errors.InvalidArgumentError) as caught:
        parse_job({"template_id": TEMPLATE, "context": context}, "job 1")

    assert str(caught.value) == f"job 1, {message}"
    assert caught.value.validation_errors[0]["rule"] == rule


def test_an_option_that_is_none_is_left_out() -> None:
    """As a column without a value: the job has the same content and key. Options of the server's own are kept."""
    nothing = row(options={"resolution": None, "watermark": None})

    assert parse_job(nothing, "job 1") == parse_job(row(), "job 1")
    assert parse_job(row(options={"fps": None}), "job 1") != parse_job(row(), "job 1")


async def test_the_rows_of_a_stream_are_checked_one_by_one(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A mistake ends the run before its own create. The error says that earlier jobs may have been created."""
    with pytest.raises(errors.InvalidArgumentError, match=r"job 2, context\.voice.*The jobs before it are planned"):
        await run_all(
            client.batch(out=tmp_path, poll_interval=0.01),
            iter([row(key="a"), row(key="b", **{"context.voice": "deep"})]),
        )

    assert quick.state()["billed"] == 1


async def test_mistakes_in_rows_are_reported_also_without_the_api(tmp_path: Path) -> None:
    """Templates that cannot be read check nothing; the rows' own mistakes come first."""
    transport = FakeTransport(errors.NetworkError("down"))
    client = AsyncBluma("bluma_test_key", transport=transport, clock=FakeClock(), max_retries=0)

    error = await run_refused(client, [{"prompt": "x"}, row(key="a")], out=tmp_path)

    assert "job 1, template_id: Either template_id or variant_id" in str(error)
    assert "down" in str(await run_refused(client, [row(key="a")], out=tmp_path))


async def test_a_key_that_may_not_read_templates_checks_no_contexts(tmp_path: Path) -> None:
    """The scope `templates:read` can be missing; the server then judges."""
    refused = {"error": {"type": "permission_denied", "title": "X", "status": 403, "detail": "no"}}
    created = answer(202, {"id": "batch_1", "status": "completed", "template_id": TEMPLATE, "credits_charged": 2})

    def serve(request: Any) -> Any:
        if request.method == "POST":
            return created
        return (
            answer(403, refused)
            if "/templates/" in request.url
            else answer(200, {"id": "batch_1", "status": "completed"})
        )

    client = AsyncBluma("bluma_test_key", transport=FakeTransport(serve), clock=FakeClock())
    (result,) = await run_all(client.batch(tmp_path / "journal"), [row(key="a", **{"context.voice": "deep"})])

    assert result.state == "rendered"


async def test_submitted_rows_are_checked_too(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """They would be billed by a run in another process. None is planned."""
    batch = client.batch(out=tmp_path)

    for jobs in ([row(), row(voice="x")], iter([row(**{"context.voice": "deep"})])):
        with pytest.raises(errors.InvalidArgumentError, match=r"job \d, (voice|context\.voice): "):
            await batch.submit(jobs)

    assert (await batch.status()).total == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
async def test_the_rows_of_a_pipe_are_checked_and_run(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A pipe can be read once, and rows are read twice: first for their templates, then to be checked."""
    pipe = tmp_path / "jobs.jsonl"
    os.mkfifo(pipe)
    lines = "\n".join(json.dumps(row(key=key)) for key in "ab")
    writing = asyncio.get_running_loop().run_in_executor(None, pipe.write_text, lines)

    results = await run_all(client.batch(out=tmp_path / "out", poll_interval=0.01), pipe)
    await writing

    assert sorted(result.key for result in results if result.is_done) == ["a", "b"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
@pytest.mark.parametrize("name", ["jobs.jsonl", "jobs.csv"])
@pytest.mark.parametrize("call", ["run", "submit", "plan"])
async def test_a_pipe_without_a_writer_can_be_left(client: AsyncBluma, tmp_path: Path, call: str, name: str) -> None:
    """Ctrl-C ends the wait for its writer, which may never come: the thread that opens the pipe is left alone."""
    pipe = tmp_path / name
    os.mkfifo(pipe)
    batch = client.batch(out=tmp_path / "out")
    waiting = asyncio.ensure_future(run_all(batch, pipe) if call == "run" else getattr(batch, call)(pipe))
    while not any(is_opening(thread) for thread in threading.enumerate()):
        await asyncio.sleep(0.01)

    waiting.cancel()
    await asyncio.wait({waiting}, timeout=5)

    has_ended = waiting.cancelled()
    os.close(os.open(pipe, os.O_RDWR))  # ends the wait of the thread
    assert has_ended


def is_opening(thread: threading.Thread) -> bool:
    """Return whether a thread is about to open the rows of a file."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None and frame.f_code.co_name != "read_rows":
        frame = frame.f_back
    return frame is not None


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
@pytest.mark.parametrize("name", ["jobs.jsonl", "jobs.csv"])
async def test_the_rows_of_a_pipe_are_planned(client: AsyncBluma, tmp_path: Path, name: str) -> None:
    """A plan reads a pipe once, as a run does."""
    pipe = tmp_path / name
    os.mkfifo(pipe)
    row = json.dumps({"template_id": TEMPLATE, "prompt": "A long enough prompt"})
    lines = f"{row}\n" if name.endswith("jsonl") else f"template_id,prompt\n{TEMPLATE},A long enough prompt\n"
    writing = asyncio.get_running_loop().run_in_executor(None, pipe.write_text, lines)

    plan = await client.batch(out=tmp_path / "out").plan(pipe)

    await writing
    assert plan.new == 1
