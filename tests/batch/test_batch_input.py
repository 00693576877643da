"""Invalid rows, options and files are reported before the first create, with row and column."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any, Dict

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox

T = "ugc-text-overlay"
CSV: Dict[str, str] = {
    "template_id,key\nt,a": "row 1, prompt: this column is missing",
    "prompt,key\nx,a": "row 1, template_id: this column is missing",
    "template_id,prompt,colour\nt,x,red": "row 1, colour: there is no such column",
    "template_id,prompt,prompt\nt,x,y": "row 1, prompt: there are two columns",
    f"template_id,prompt\n{T},x\n{T},": "row 3, prompt: it must be a text",
    f"template_id,prompt\n{T},x\n,y": "row 3, template_id: Either template_id or variant_id",
    f"template_id,prompt\n{T},x,y,z": "row 2, row: it has 4 cells",
    f'template_id,prompt\n{T},"x': "row: it is no CSV",
    f"template_id,prompt,key\n{T},x,a\n\n{T},y,a": "row 4, key: the key 'a' is also that of jobs.csv, row 2",
    f"template_id,prompt,key\n{T},x,a\n{T},y,A": "row 3, key: the key 'A' is also that of",
    f"template_id,prompt\n{T},x\n{T},x": "row 3, key: it is the same as jobs.csv, row 2",
    f"template_id,prompt,key\n{T},x,../up": "row 2, key: it names a file",
    f"template_id,prompt,watermark\n{T},x,perhaps": "row 2, watermark: it must be true or false",
    f"template_id,prompt,context.prompt\n{T},x,y": "row 2, context.prompt: it is given twice",
    f"template_id,prompt\n{T},x\nno-such-template,y": "row 3, template_id: there is no template 'no-such-template'",
    f"template_id,prompt,resolution\n{T},x,8k": "row 2, resolution: ugc-text-overlay has 720p, 1080p, 4k",
    f"template_id,variant_id,prompt\n{T},var_1,x": "row 2, variant_id: template_id and variant_id cannot both",
}
JSONL: Dict[str, str] = {
    "{": "row 1, row: it is no JSON",
    "[]": "row 1, row: a job must be a mapping",
    f'{{"template_id": "{T}", "context": "x"}}': "row 1, context: it must be an object",
    f'{{"template_id": "{T}", "prompt": "x", "options": 3}}': "row 1, options: it must be an object",
    f'{{"template_id": "{T}", "prompt": "x", "webhook_url": 3}}': "row 1, webhook_url: ",
    f'{{"template_id": "{T}", "prompt": 3}}': "row 1, prompt: it must be a text",
    f'{{"template_id": "{T}", "prompt": "x", "context": {{"prompt": "y"}}}}': "row 1, context.prompt: it is given",
    f'{{"template_id": "{T}", "prompt": "x", "key": 3}}': "row 1, key: it names a file",
}


async def run_refused(client: AsyncBluma, jobs: Any, **options: Any) -> errors.BlumaError:
    """Run a batch that is refused, and return the error."""
    with pytest.raises(errors.BlumaError) as raised:
        async for _ in client.batch(**options).run(jobs):
            pass
    return raised.value


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        *(("jobs.csv", text, expected) for text, expected in CSV.items()),
        *(("jobs.jsonl", text, expected) for text, expected in JSONL.items()),
    ],
)
async def test_an_invalid_file_is_refused(
    sandbox: Sandbox, client: AsyncBluma, tmp_path: Path, name: str, text: str, expected: str
) -> None:
    """The message names file, row and column; nothing was created, and no job is in the journal."""
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")

    error = await run_refused(client, file, out=tmp_path / "out")

    assert isinstance(error, errors.InvalidArgumentError)
    assert expected in str(error)
    assert error.validation_errors[0]["row"].startswith(name)
    assert sandbox.state()["jobs"] == {"test": 0, "live": 0}
    assert (await client.batch(out=tmp_path / "out").status()).total == 0


async def test_all_invalid_rows_are_reported_together(client: AsyncBluma, tmp_path: Path) -> None:
    """Up to twenty of them."""
    error = await run_refused(client, [{"prompt": "x"}] * 30, out=tmp_path)

    assert str(error).count("\n") == 20
    assert len(error.validation_errors) == 20  # type: ignore[attr-defined]  # an InvalidArgumentError


async def test_rows_in_all_their_forms(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A CSV with a BOM, quoted line breaks and columns for the context; a JSONL with a whole context."""
    sandbox.watch(lambda record: sandbox.advance(105) if record.route == "POST /videos" else None)
    table = tmp_path / "jobs.csv"
    table.write_text(
        "\ufefftemplate_id, prompt ,key,context.system_prompt,watermark,resolution\n"
        f'{T},"two\nlines",a,be brief,no,1080p\n',
        encoding="utf-8",
    )
    lines = tmp_path / "jobs.ndjson"
    lines.write_text(
        f'{{"template_id": "{T}", "key": "b", "watermark": true, '
        '"context": {"prompt": "x", "custom_data": {"n": 1}}}\n\n',
        encoding="utf-8",
    )

    for file in (table, lines):
        assert [result.state async for result in client.batch(out=tmp_path / "out", poll_interval=0.01).run(file)]

    with contextlib.closing(sqlite3.connect(tmp_path / "out" / "journal.sqlite")) as journal:
        bodies = [row[0] for row in journal.execute("SELECT body FROM jobs ORDER BY place")]
    assert '"context":{"prompt":"two\\nlines","system_prompt":"be brief"}' in bodies[0]
    assert '"options":{"resolution":"1080p","watermark":false}' in bodies[0]
    assert '"context":{"custom_data":{"n":1},"prompt":"x"}' in bodies[1]
    assert '"options":{"watermark":true}' in bodies[1]


@pytest.mark.parametrize("jobs", ["missing.csv", "jobs.xlsx", {"template_id": T, "prompt": "x"}])
async def test_arguments_that_are_no_jobs(client: AsyncBluma, tmp_path: Path, jobs: Any) -> None:
    """No such file, a file of another kind, a single job."""
    assert isinstance(await run_refused(client, jobs, out=tmp_path), errors.InvalidArgumentError)


async def test_a_file_that_is_no_utf_8(client: AsyncBluma, tmp_path: Path) -> None:
    """The error says that the file is not UTF-8."""
    (tmp_path / "jobs.csv").write_bytes(b"template_id,prompt\nt,\xff\xfe\n")

    assert "not UTF-8" in str(await run_refused(client, tmp_path / "jobs.csv", out=tmp_path))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"journal": "j", "concurrency": 0},
        {"journal": "j", "max_credits": -1},
        {"journal": "j", "on_error": "ignore"},
    ],
)
def test_invalid_options_are_refused(options: Dict[str, Any]) -> None:
    """The error is raised when the batch is set up."""
    with pytest.raises(errors.InvalidArgumentError):
        AsyncBluma("bluma_test_key").batch(**options)


async def test_a_folder_that_cannot_be_written(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A file has its name. Nothing was created."""
    (tmp_path / "out").write_text("mine", encoding="utf-8")

    error = await run_refused(client, [{"template_id": T, "prompt": "x"}], out=tmp_path / "out", journal=tmp_path / "j")

    assert "Nothing can be written to" in str(error)
    assert sandbox.state()["jobs"] == {"test": 0, "live": 0}


async def test_a_file_of_the_users_is_not_replaced(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A file that the journal did not save is kept, and the job is refused."""
    (tmp_path / "a.mp4").write_bytes(b"mine")

    error = await run_refused(client, [{"template_id": T, "prompt": "x", "key": "a"}], out=tmp_path)

    assert "did not save" in str(error)
    assert (tmp_path / "a.mp4").read_bytes() == b"mine"


async def test_journals_that_cannot_be_used(client: AsyncBluma, tmp_path: Path) -> None:
    """A newer version, another database, no database, a missing file, and a missing folder."""
    newer, other, none = tmp_path / "newer", tmp_path / "other", tmp_path / "none"
    _ = [row async for row in client.batch(newer).run([])]
    with contextlib.closing(sqlite3.connect(newer)) as journal:
        journal.execute("PRAGMA user_version = 99")
    with contextlib.closing(sqlite3.connect(other)) as journal:
        journal.execute("CREATE TABLE mine (x)")
    none.write_text("x" * 5000, encoding="utf-8")

    assert "newer version" in str(await run_refused(client, [], journal=newer))
    assert "no journal" in str(await run_refused(client, [], journal=other))
    assert "no journal" in str(await run_refused(client, [], journal=none))
    assert "could not be used" in str(await run_refused(client, [], journal=tmp_path / "no" / "folder"))
    with pytest.raises(errors.InvalidArgumentError, match="no journal at"):
        await client.batch(tmp_path / "missing").status()


async def test_a_row_without_a_bill_can_be_corrected(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A key can get another content if nothing was billed for it; otherwise the row is refused."""
    sandbox.watch(lambda record: sandbox.advance(105) if record.route == "POST /videos" else None)
    batch = client.batch(out=tmp_path, poll_interval=0.01)
    wrong, right = {"variant_id": "no", "prompt": "x", "key": "a"}, {"template_id": T, "prompt": "x", "key": "a"}

    first = [result.state async for result in batch.run([wrong])]
    second = [result.state async for result in batch.run([right])]

    assert (first, second) == (["failed"], ["saved"])
    assert "was another job" in str(await run_refused(client, [{**right, "prompt": "y"}], out=tmp_path))


async def test_a_full_disk_stops_submitting(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A video that cannot be saved stays rendered, and nothing more is created; the next run saves it."""
    sandbox.watch(lambda record: sandbox.advance(105) if record.route == "POST /videos" else None)
    jobs = [{"template_id": T, "prompt": f"{n}", "key": f"k{n}"} for n in range(3)]
    batch = client.batch(out=tmp_path, concurrency=1, poll_interval=0.01)
    (tmp_path / "k0.mp4.part").mkdir()  # a folder has the name of the partial file

    [result] = [result async for result in batch.run(jobs)]
    (tmp_path / "k0.mp4.part").rmdir()
    again = [result.state async for result in batch.run(jobs)]

    assert (result.state, "could not be written" in str(result.error)) == ("rendered", True)
    assert (again, sandbox.state()["billed"]) == (["saved"] * 3, 3)
