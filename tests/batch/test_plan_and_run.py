"""A plan and the run after it agree: on new, done, repeated and refused rows, and on the credits."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Set

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluma_async import AsyncBluma, errors
from bluma_async._wire.checks import require_link
from bluma_async.batch.parsing import parse_job
from bluma_async.batch.row_keys import compile_key
from bluma_async.batch.row_sorter import PLAIN_LINK
from bluma_async.sandbox import Sandbox
from tests.batch.helpers import TEMPLATE, run_all

Row = Dict[str, str]


def make_row(prompt: str, key: str = "") -> Row:
    """Return a row, without a key of its own if it is empty."""
    return {"template_id": TEMPLATE, "prompt": prompt, "key": key}


def as_jobs(rows: List[Row], form: str, folder: Path) -> Any:
    """Return rows as a list, or as the path of a new CSV file."""
    if form == "list":
        return rows
    file = Path(tempfile.mkdtemp(dir=str(folder))) / "jobs.csv"
    lines = [",".join(rows[0] if rows else make_row("")), *(",".join(row.values()) for row in rows)]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def find_numbers(problems: List[str]) -> List[int]:
    """Return the numbers of the rows that problems name."""
    return [int(number) for problem in problems for number in re.findall(r"(?:row|job) (\d+), key", problem)]


async def find_refused(jobs: Any, batch: Any) -> List[int]:
    """Run jobs, and return the numbers of the rows for which the run was refused."""
    try:
        await run_all(batch, jobs)
    except errors.InvalidArgumentError as refused:
        return find_numbers([entry["message"] for entry in refused.validation_errors])
    return []


HASHED = parse_job(make_row("x"), "job").key  # the key that this row has if it is given none
ROWS = st.lists(st.builds(make_row, st.sampled_from("xy"), st.sampled_from(["", "", "a", "A", HASHED])), max_size=4)


@pytest.mark.parametrize("form", ["csv", "list"])
@settings(max_examples=25)
@given(earlier=st.none() | ROWS, rows=ROWS)
async def test_a_plan_and_a_run_agree(
    form: str, quick: Sandbox, client: AsyncBluma, tmp_path: Path, earlier: List[Row] | None, rows: List[Row]
) -> None:
    """Whatever keys the rows have, and whatever an earlier run has bought: both compare the same keys."""
    batch, jobs = (
        client.batch(out=tempfile.mkdtemp(dir=str(tmp_path)), poll_interval=0.01),
        as_jobs(rows, form, tmp_path),
    )
    if earlier is not None:
        await find_refused(as_jobs(earlier, form, tmp_path), batch)
    before = quick.state()["billed"]

    plan = await batch.plan(jobs)
    refused = await find_refused(jobs, batch)
    bought = quick.state()["billed"] - before

    assert find_numbers(plan.problems) == refused
    assert plan.total == len(rows) == plan.new + plan.done + plan.duplicate + plan.invalid
    if not refused:
        assert (plan.new + plan.duplicate, plan.invalid, plan.credits) == (bought, 0, 2 * bought)


async def test_a_row_without_a_key_may_repeat_one_with_a_key(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The run buys both, so the plan counts the second one as a duplicate, and its credits."""
    jobs = as_jobs([make_row("Z", "x1"), make_row("Z")], "csv", tmp_path)

    plan = await client.batch(out=tmp_path / "out").plan(jobs)
    await run_all(client.batch(out=tmp_path / "out", poll_interval=0.01), jobs)

    assert (plan.new, plan.duplicate, plan.credits, plan.is_valid) == (1, 1, 4, True)
    assert quick.state()["billed"] == 2


async def test_rows_without_keys_differ_by_their_callbacks(client: AsyncBluma, tmp_path: Path) -> None:
    """The URL is part of a job's content, and so of its key; the video is the same."""
    rows = [{**make_row("x"), "webhook_url": f"https://example.com/{name}"} for name in "aba"]

    plan = await client.batch(out=tmp_path).plan(rows)

    assert (plan.new, plan.duplicate, plan.credits, find_numbers(plan.problems)) == (1, 2, 4, [3])


@pytest.mark.parametrize("form", ["list", "csv"])
async def test_a_plan_and_a_run_refuse_a_callback_that_is_no_link(
    client: AsyncBluma, tmp_path: Path, form: str
) -> None:
    """The API refuses such a create, so a plan must not count its price. Rows of one shape are checked one by one."""
    links = ["https://example.com/a", "nope", "http://127.0.0.1:9/x", "https://", "http://x:99999/", "https://x"]
    rows = [{**make_row("x", f"k{number}"), "webhook_url": link} for number, link in enumerate(links)]
    jobs = as_jobs(rows, form, tmp_path)

    plan = await client.batch(out=tmp_path / "out").plan(jobs)
    with pytest.raises(errors.InvalidArgumentError) as refused:
        await run_all(client.batch(out=tmp_path / "out"), jobs)

    assert plan.problems == [entry["message"] for entry in refused.value.validation_errors]
    assert (plan.new, plan.duplicate, plan.invalid, plan.credits) == (1, 2, 3, 6)


@given(link=st.from_regex(PLAIN_LINK, fullmatch=True).filter(bool))
def test_a_link_without_a_closer_look_is_accepted(link: str) -> None:
    """The pattern for the rows of a CSV file accepts no URL that a create refuses."""
    assert require_link("webhook_url", link) == link


COLUMNS = {
    "prompt": ["", "x", "y"],
    "context.prompt": ["", "x"],
    "context.system_prompt": ["", "x"],
    "webhook_url": ["", "https://example.com/a", "https://example.com/b", "nope", "http://[x", " "],
    "watermark": ["", "yes", "true", "no"],
    "variant_id": ["", "x"],
}
CELLS = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in COLUMNS.items()})


@given(names=st.sets(st.sampled_from(sorted(COLUMNS))), rows=st.lists(CELLS, max_size=6))
async def test_a_file_without_keys_and_its_rows_in_a_list_have_one_plan(
    client: AsyncBluma, tmp_path: Path, names: Set[str], rows: List[Row]
) -> None:
    """Whatever columns the file has: two rows are one job if their parsed contents are the same."""
    columns = ["template_id", *sorted(names | {"prompt"})]
    chosen = [{name: {"template_id": TEMPLATE, **row}[name] for name in columns} for row in rows]
    file = Path(tempfile.mkdtemp(dir=str(tmp_path))) / "jobs.csv"
    file.write_text("\n".join([",".join(columns), *(",".join(row.values()) for row in chosen)]), encoding="utf-8")
    batch = client.batch(out=tmp_path / "out")

    of_file, of_list = await batch.plan(file), await batch.plan(chosen)

    assert [number - 1 for number in find_numbers(of_file.problems)] == find_numbers(of_list.problems)
    for name in ("total", "new", "duplicate", "invalid", "credits", "costs"):
        assert getattr(of_file, name) == getattr(of_list, name)


TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1).filter(lambda text: not text.isspace())


@given(first=TEXTS, other=TEXTS, tone=TEXTS, is_marked=st.sampled_from(["", "yes"]))
def test_the_key_of_a_csv_row_is_that_of_its_job(first: str, other: str, tone: str, is_marked: str) -> None:
    """A key that is computed from the shape of another row is the same as that of the parsed row."""
    header = ["template_id", "prompt", "watermark", "context.100%", "webhook_url", "key"]
    cells = [
        [TEMPLATE, prompt, is_marked, text, f"https://x/{text}", ""] for prompt, text in ((first, "x"), (other, tone))
    ]

    find_key = compile_key(header, cells[0], ["template_id", "watermark"])

    assert [find_key(row) for row in cells] == [parse_job(dict(zip(header, row)), "job").key for row in cells]
