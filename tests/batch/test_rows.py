"""Rows of CSV and JSONL files: invalid ones are reported by row and column before the first create."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Dict, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.sandbox import Sandbox
from tests.batch.helpers import TEMPLATE as T
from tests.batch.helpers import run_refused

CSV: Dict[str, str] = {
    "template_id,key\nt,a": "row 1, prompt: this column is missing",
    "prompt,key\nx,a": "row 1, template_id: this column is missing",
    "template_id,prompt,colour\nt,x,red": "row 1, colour: there is no such column",
    "template_id,prompt,prompt\nt,x,y": "row 1, prompt: there are two columns",
    f"template_id,prompt\n{T},x\n{T},": "row 3, prompt: it must be a text",
    f"template_id,prompt\n{T},x\n,y": "row 3, template_id: Either template_id or variant_id",
    f"template_id,prompt\n{T},x,y,z": "row 2, row: it has 4 cells",
    f'template_id,prompt\n{T},"x': "row: this is not valid CSV",
    f"template_id,prompt,key\n{T},x,a\n\n{T},y,a": "row 4, key: the key 'a' is also that of jobs.csv, row 2",
    f"template_id,prompt,key\n{T},x,a\n{T},y,A": "row 3, key: the key 'A' is also that of",
    f"template_id,prompt\n{T},x\n{T},x": "row 3, key: it is the same as jobs.csv, row 2",
    f"template_id,prompt,key\n{T},x,../up": "row 2, key: it names a file",
    f"template_id,prompt,watermark\n{T},x,perhaps": "row 2, watermark: it must be true or false",
    f"template_id,prompt,context.prompt\n{T},x,y": "row 2, context.prompt: it is given twice",
    f"template_id,prompt\n{T},x\nno-such-template,y": "row 3, template_id: there is no template 'no-such-template'",
    f"template_id,prompt,resolution\n{T},x,8k": "row 2, resolution: ugc-text-overlay has 720p, 1080p, 4k",
    f"template_id,variant_id,prompt\n{T},var_1,x": "row 2, variant_id: Cannot provide both",
}
JSONL: Dict[str, str] = {
    "{": "row 1, row: this is not valid JSON",
    "[]": "row 1, row: a job must be a mapping",
    f'{{"template_id": "{T}", "context": "x"}}': "row 1, context: it must be an object",
    f'{{"template_id": "{T}", "prompt": "x", "options": 3}}': "row 1, options: it must be an object",
    f'{{"template_id": "{T}", "prompt": "x", "webhook_url": 3}}': "row 1, webhook_url: ",
    f'{{"template_id": "{T}", "prompt": 3}}': "row 1, prompt: it must be a text",
    f'{{"template_id": "{T}", "prompt": "x", "context": {{"prompt": "y"}}}}': "row 1, context.prompt: it is given",
    f'{{"template_id": "{T}", "prompt": "x", "key": 3.0}}': "row 1, key: it names a file",
    f'{{"template_id": "{T}", "prompt": "x", "key": true}}': "row 1, key: it names a file",
}


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


MALFORMED: Dict[str, str] = {
    "jobs.csv": f'template_id,prompt\n{T},\n{T},x,y\n,z\n{T},x\n{T},"x',
    "jobs.jsonl": "\n".join(
        [
            '{"prompt": "x"}',
            '{"template_id": }',
            '{"template_id": "t"}',
            '{"prompt"',
            f'{{"template_id": "{T}", "prompt": "x"}}',
        ]
    ),
}
MISTAKES: Dict[str, List[str]] = {
    "jobs.csv": [
        "jobs.csv, row 2, prompt: it must be a text that is not empty, not None.",
        "jobs.csv, row 3, row: it has 3 cells, and the header has 2.",
        "jobs.csv, row 4, template_id: Either template_id or variant_id must be provided.",
        "jobs.csv, row 6, row: this is not valid CSV: unexpected end of data; the rows behind it were not read.",
    ],
    "jobs.jsonl": [
        "jobs.jsonl, row 1, template_id: Either template_id or variant_id must be provided.",
        "jobs.jsonl, row 2, row: this is not valid JSON: Expecting value at column 17.",
        "jobs.jsonl, row 3, prompt: it must be a text that is not empty, not None.",
        "jobs.jsonl, row 4, row: this is not valid JSON: Expecting ':' delimiter at column 10.",
    ],
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_row_hides_no_other_mistake(client: AsyncBluma, tmp_path: Path, name: str) -> None:
    """A row that cannot be parsed is reported among the others, by a run, a submission and a plan."""
    file = tmp_path / name
    file.write_text(MALFORMED[name], encoding="utf-8")
    mistakes = MISTAKES[name]

    ran = await run_refused(client, file, out=tmp_path / "ran")
    with pytest.raises(errors.InvalidArgumentError) as submitted:
        await client.batch(out=tmp_path / "submitted").submit(file)
    plan = await client.batch(out=tmp_path / "planned").plan(file)

    expected = "\n".join(
        [f"{len(mistakes)} rows are invalid. Nothing was created.", *(f"  {text}" for text in mistakes)]
    )
    assert str(ran) == str(submitted.value) == expected
    assert (plan.problems, plan.invalid, plan.new) == (mistakes, len(mistakes), 1)


async def test_a_header_is_reported_as_a_whole(client: AsyncBluma, tmp_path: Path) -> None:
    """Each column that is unknown, repeated or missing is named, twenty at most."""
    file, wide = tmp_path / "jobs.csv", tmp_path / "wide.csv"
    file.write_text("colour,key,key,,\nred,a,b,,\n", encoding="utf-8")
    wide.write_text(",".join(f"c{number}" for number in range(1000)) + "\n", encoding="utf-8")

    error = await run_refused(client, file, out=tmp_path / "out")
    long = await run_refused(client, wide, out=tmp_path / "out")

    assert isinstance(error, errors.InvalidArgumentError)
    named = ["colour", "key", "(no name)", "template_id", "prompt"]
    assert [entry["field"] for entry in error.validation_errors] == named
    assert str(long).count("there is no such column") == 20


async def test_an_error_reports_how_many_rows_it_names(client: AsyncBluma, tmp_path: Path) -> None:
    """Twenty rows are named at most; the error does not claim that there are no more."""
    file = tmp_path / "jobs.csv"
    file.write_text("template_id,prompt\n" + f"{T},\n" * 30, encoding="utf-8")

    error = await run_refused(client, file, out=tmp_path / "out")

    assert str(error).startswith("At least 20 rows are invalid. Nothing was created.")
    assert len(str(error).splitlines()) == 21


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


async def test_a_file_that_is_no_utf_8(client: AsyncBluma, tmp_path: Path) -> None:
    """The error says that the file is not UTF-8."""
    (tmp_path / "jobs.csv").write_bytes(b"template_id,prompt\nt,\xff\xfe\n")

    assert "not UTF-8" in str(await run_refused(client, tmp_path / "jobs.csv", out=tmp_path))


@pytest.mark.parametrize("column", ["template_id", "variant_id", "prompt", "key", "resolution", "watermark"])
@pytest.mark.parametrize("kind", ["NA", "array"])
async def test_a_row_with_a_foreign_value_is_named(client: AsyncBluma, tmp_path: Path, column: str, kind: str) -> None:
    """NA of pandas and arrays of numpy cannot be compared with texts; the error names the row and the column."""
    value = pytest.importorskip("pandas").NA if kind == "NA" else pytest.importorskip("numpy").array(["x", "y"])
    row = {"template_id": T, "prompt": "x", **({"template_id": None} if column == "variant_id" else {}), column: value}

    error = await run_refused(client, [row], out=tmp_path)
    plan = await client.batch(out=tmp_path).plan([row])

    assert isinstance(error, errors.InvalidArgumentError)
    assert f"job 1, {'options.' if column == 'resolution' else ''}{column}: " in str(error)
    assert (plan.invalid, len(plan.problems)) == (1, 1)


@pytest.mark.parametrize("column", ["context.x", "webhook_url", "context", "options"])
async def test_a_foreign_value_in_any_other_column_is_refused(client: AsyncBluma, tmp_path: Path, column: str) -> None:
    """By its path, with what to pass instead."""
    row = {"template_id": T, "prompt": "x", column: pytest.importorskip("pandas").NA}

    error = await run_refused(client, [row], out=tmp_path)

    assert f"job 1, {column}: " in str(error)


async def test_numbers_of_rows_are_keys(client: AsyncBluma, tmp_path: Path) -> None:
    """An integer is the same key as its text; one of hundreds of digits is not a number of a row."""
    rows = [{"template_id": T, "prompt": str(key), "key": key} for key in (1, "1", 10**100)]

    plan = await client.batch(out=tmp_path).plan(rows)

    assert [problem.split(";")[0] for problem in plan.problems] == [
        "job 2, key: the key is also that of job 1",
        f"job 3, key: it names a file, so it must be letters, digits or the like, not {10**100}.",
    ]
