"""Data frames of pandas and polars as jobs, and their results as a data frame."""

from __future__ import annotations

import datetime as dt
import importlib
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch
from bluma_async.sandbox import Sandbox
from tests.batch.helpers import TEMPLATE as T
from tests.batch.helpers import make_rows, run_all, run_refused
from tests.live import Live

NAN = float("nan")
LIBRARIES = ["pandas", "polars"]


def make_frame(library: str, columns: Dict[str, List[Any]], **options: Any) -> Any:
    """Return a data frame of a library; skip the test where the library is not installed."""
    reason = f"{library} has no release for this Python, or the extra `test` is not installed"
    pytest.importorskip("narwhals", reason="narwhals is in the extra `frames`")
    return pytest.importorskip(library, reason=reason).DataFrame(columns, **options)


def read_bodies(folder: Path) -> List[str]:
    """Return the contents of the jobs in a journal."""
    with closing(sqlite3.connect(folder / "journal.sqlite")) as journal:
        return [row[0] for row in journal.execute("SELECT body FROM jobs ORDER BY place")]


@pytest.mark.parametrize("library", LIBRARIES)
async def test_a_frame_is_run_and_comes_back_with_its_results(
    library: str, quick: Sandbox, batch: Batch, tmp_path: Path
) -> None:
    """Blank cells are left out as in a CSV file; results stand beside their rows, in a frame of the same library."""
    frame = make_frame(
        library,
        {
            "template_id": [T, T, T],
            "prompt": ["one", "two", "three"],
            "key": ["a", None, "c"],
            "resolution": [None, "1080p", None],
            "watermark": [True, None, None],
            "context.custom_data": [{"n": 1}, None, None],
        },
    )

    await run_all(batch, frame)
    done = await batch.to_frame()

    assert type(done) is type(frame)
    assert list(done.columns)[:6] == list(frame.columns)
    rows = [dict(zip(done.columns, row)) for row in zip(*(list(done[name]) for name in done.columns))]
    assert [row["state"] for row in rows] == ["saved"] * 3
    assert [row["prompt"] for row in rows] == ["one", "two", "three"]
    assert [(row["key"], len(row["key"])) for row in rows][::2] == [("a", 1), ("c", 1)]
    assert [Path(row["path"]).stem for row in rows] == [row["key"] for row in rows]
    assert [(row["credits_charged"], row["reused"]) for row in rows] == [(2, False), (3, False), (2, False)]
    assert read_bodies(tmp_path)[0] == (
        '{"context":{"custom_data":{"n":1},"prompt":"one"},"options":{"watermark":true},'
        f'"template_id":"{T}","variant_id":null,"webhook_url":null}}'
    )
    assert '"options":{"resolution":"1080p"}' in read_bodies(tmp_path)[1]
    assert quick.state()["billed"] == 3


@pytest.mark.parametrize("library", LIBRARIES)
async def test_results_of_finished_jobs_are_found_again(
    library: str, quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """A second run finds finished jobs only, and yields nothing; `to_frame` has their results nevertheless."""
    rows = make_rows(2)
    frame = make_frame(library, {name: [row[name] for row in rows] for name in rows[0]})
    await run_all(client.batch(out=tmp_path, poll_interval=0.01), frame)
    again = client.batch(out=tmp_path, poll_interval=0.01)

    results = await run_all(again, frame)
    joined, given = await again.to_frame(), await client.batch(out=tmp_path).to_frame(frame)
    journal = await client.batch(out=tmp_path).to_frame(library=library)

    assert (results, quick.state()["billed"]) == ([], 2)
    assert list(joined["state"]) == list(given["state"]) == list(journal["state"]) == ["saved", "saved"]
    assert list(journal["key"]) == ["k0", "k1"]
    assert next(iter(journal.columns)) == "key"
    assert type(journal) is type(frame)


@pytest.mark.parametrize("library", LIBRARIES)
async def test_a_row_never_gets_the_result_of_another_job(library: str, quick: Sandbox, batch: Batch) -> None:
    """A row whose content is not that of the job with its key has no result, and an error; a new row has neither."""
    first = make_frame(library, {"template_id": [T], "prompt": ["one"], "key": ["a"]})
    changed = make_frame(library, {"template_id": [T, T], "prompt": ["other", "new"], "key": ["a", "b"]})
    await run_all(batch, first)

    found = await batch.to_frame(changed)

    assert [value == "saved" for value in found["state"]] == [False, False]
    assert found["error"][0] == "the journal has another job with this key"
    assert list(found["credits_charged"]) == [0, 0]


@pytest.mark.parametrize("library", LIBRARIES)
async def test_an_index_and_blank_numbers_change_no_job(
    library: str, quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """Pandas turns 5 into 5.0 beside a blank cell, and may have any index: the jobs are the same ones."""
    alone = make_frame(library, {"template_id": [T], "prompt": ["x"], "context.seconds": [5]})
    beside: Any = {"template_id": [T, T], "prompt": ["x", "y"], "context.seconds": [5, None]}
    both = make_frame(library, beside, index=[7, 3]) if library == "pandas" else make_frame(library, beside)
    batch = client.with_options(validate="never").batch(out=tmp_path, poll_interval=0.01)

    await run_all(batch, alone)
    await run_all(batch, both)

    assert quick.state()["billed"] == 2
    assert list((await batch.to_frame())["state"]) == ["saved", "saved"]
    assert [body.count('"seconds":5}') for body in read_bodies(tmp_path)] == [1, 0]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"prompt": ["x"]}, "frame, template_id: this column is missing; variant_id can be used"),
        ({"template_id": [T]}, "frame, prompt: this column is missing"),
        ({"template_id": [T], "prompt": ["x"], "promt": ["y"]}, "frame, promt: there is no such column; did you mean"),
        ({"template_id": [T], "prompt": ["x"], "note": ["y"]}, "frame, note: there is no such column"),
        ({"template_id": [T, T], "prompt": ["x", "y"], "key": ["a", "a"]}, "row 1, key: the key 'a' is also that of"),
        ({"template_id": [T, T], "prompt": ["x", "x"]}, "row 1, key: it is the same as frame, row 0"),
        (
            {"template_id": [T, T], "prompt": ["x", None]},
            "row 1, prompt: it must be a text that is not empty",
        ),
        ({"template_id": [T, T], "prompt": ["x", ""]}, "row 1, prompt: it must be a text"),
        ({"template_id": [T], "prompt": [b"x"]}, "row 0, prompt: it must be a text that is not empty, not b'x'"),
        ({"template_id": [T], "prompt": [3]}, "row 0, prompt: it must be a text that is not empty, not 3"),
        ({"template_id": [T], "prompt": ["x"], "key": [1.5]}, "row 0, key: it names a file"),
        ({"template_id": [T], "prompt": ["x"], "context.a": [b"y"]}, "row 0, context.a: The arguments must be plain"),
        ({"template_id": [T], "prompt": ["x"], "context.a": [[1.0, NAN]]}, "context.a[1] is nan, which JSON does not"),
        (
            {"template_id": [T], "prompt": ["x"], "context.day": [dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)]},
            "context.day is of the type",
        ),
        ({"template_id": [T], "prompt": ["x"], "context": ["y"]}, "row 0, context: it must be an object"),
        ({"template_id": ["nowhere"], "prompt": ["x"]}, "row 0, template_id: there is no template 'nowhere'"),
    ],
)
async def test_an_invalid_frame_is_refused(
    library: str, columns: Dict[str, List[Any]], expected: str, sandbox: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """The error names the row, from 0, and the column. Nothing is created, and no job is in the journal."""
    error = await run_refused(client, make_frame(library, columns), out=tmp_path)

    assert isinstance(error, errors.InvalidArgumentError)
    assert expected in str(error)
    assert error.validation_errors[0]["row"].startswith("frame")
    assert sandbox.state()["jobs"] == {"test": 0, "live": 0}
    assert (await client.batch(out=tmp_path).status()).total == 0


async def test_mixed_types_and_columns_of_pandas_are_refused(client: AsyncBluma, tmp_path: Path) -> None:
    """What only pandas allows: texts and numbers in one column, a name twice, and a name that is not text."""
    mixed = make_frame("pandas", {"template_id": [T, T], "prompt": ["x", 3]})
    twice = make_frame("pandas", {"template_id": [T], "prompt": ["x"]})
    twice.columns = ["prompt", "prompt"]
    numbered = make_frame("pandas", {0: [T], "prompt": ["x"]})  # type: ignore[dict-item]  # that is the test

    assert "frame, row 1, prompt: it must be a text" in str(await run_refused(client, mixed, out=tmp_path))
    assert "frame, prompt: there are two columns" in str(await run_refused(client, twice, out=tmp_path))
    assert "frame, 0: there is no such column" in str(await run_refused(client, numbered, out=tmp_path))


@pytest.mark.parametrize("library", LIBRARIES)
async def test_keys_may_be_numbers(library: str, quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """A number is the key that its text would be in a CSV file, also if blank cells make floats of a whole column."""
    frame = make_frame(library, {"template_id": [T] * 3, "prompt": ["x", "y", "z"], "key": [1, 20, None]})

    await run_all(batch, frame)
    results = list((await batch.to_frame())["key"])
    again = await batch.plan([{"template_id": T, "prompt": "x", "key": "1"}])

    assert results[:2] == ["1", "20"]
    assert (tmp_path / "20.mp4").exists()
    assert (again.done, again.problems) == (1, [])


async def test_a_query_is_no_frame(client: AsyncBluma, tmp_path: Path) -> None:
    """A lazy frame is refused, with what to pass."""
    query = make_frame("polars", {"template_id": [T], "prompt": ["x"]}).lazy()

    error = await run_refused(client, query, out=tmp_path)

    assert "not a query: pass frame.collect()" in str(error)


async def test_nullable_types_of_pandas_are_blank_too(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """NA and NaT are blank, and numbers of numpy are numbers."""
    columns: Dict[str, List[Any]] = {"template_id": [T, T], "prompt": ["x", "y"], "context.n": [1, None]}
    frame = make_frame("pandas", columns).convert_dtypes()
    frame["context.day"] = importlib.import_module("pandas").to_datetime([None, None])
    frame["context.list"] = [importlib.import_module("numpy").array([1, 2]), None]

    await run_all(client.with_options(validate="never").batch(out=tmp_path, poll_interval=0.01), frame)

    assert [body.split(',"options"')[0] for body in read_bodies(tmp_path)] == [
        '{"context":{"list":[1,2],"n":1,"prompt":"x"}',
        '{"context":{"prompt":"y"}',
    ]


DAY = ("2020-01-01T00:00:00", "ns")  # as nanoseconds, it would be a number in Python


@pytest.mark.parametrize(
    ("make", "path", "kind"),
    [
        (lambda np: np.datetime64(*DAY), "context.x", "datetime64; pass text, such as str(value)"),
        (lambda np: np.timedelta64(5, "ns"), "context.x", "timedelta64; pass a number or text, such as str(value)"),
        (lambda np: {"day": np.datetime64(*DAY)}, "context.x.day", "datetime64; pass text"),
        (lambda np: [np.datetime64(*DAY)], "context.x[0]", "datetime64; pass text"),
        (lambda np: np.array([DAY[0]], dtype="datetime64[ns]"), "context.x[0]", "datetime64; pass text"),
        (lambda np: np.array([np.datetime64(*DAY)], dtype=object), "context.x[0]", "datetime64; pass text"),
        (lambda np: np.complex128(1j), "context.x", "complex128"),
        (lambda np: np.bytes_(b"x"), "context.x", "bytes_"),
        (lambda np: np.array([b"x"]), "context.x[0]", "bytes_"),
        (lambda np: np.array([(1, 2)], dtype=[("a", int), ("b", int)])[0], "context.x", "void"),
        (lambda np: np.add, "context.x", "ufunc"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("is_whole", [False, True])
async def test_values_of_numpy_that_are_no_json_are_refused(
    client: AsyncBluma, tmp_path: Path, make: Any, path: str, kind: str, is_whole: bool
) -> None:
    """Dates would become nanoseconds, which would be sent and billed: in cells, in objects, and in arrays."""
    value, pandas = make(pytest.importorskip("numpy")), pytest.importorskip("pandas")
    cell = pandas.Series([{"prompt": "x", "x": value} if is_whole else value], dtype=object)
    cells = {"context": cell} if is_whole else {"prompt": ["x"], "context.x": cell}
    frame = make_frame("pandas", {"template_id": [T], **cells})

    error = await run_refused(client, frame, out=tmp_path)

    assert f"frame, row 0, {path}: The arguments must be plain JSON values: {path} is of the type {kind}" in str(error)


async def test_values_of_numpy_that_are_json_are_sent(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Booleans, numbers, texts, arrays of them, and a date that is blank."""
    np = pytest.importorskip("numpy")
    values = {
        "a": np.bool_(True), "b": np.int8(1), "c": np.float32(0.5), "d": np.str_("x"), "e": np.array([[1.0, 2.5]]),
        "f": np.datetime64("NaT", "ns"), "g": np.array(["y", 3, np.int64(4)], dtype=object), "h": np.float64("nan"),
    }  # fmt: skip
    frame = make_frame("pandas", {"template_id": [T], "context": [{"prompt": "x", **values}]})

    await run_all(client.with_options(validate="never").batch(out=tmp_path, poll_interval=0.01), frame)

    assert [body.split(',"options"')[0] for body in read_bodies(tmp_path)] == [
        '{"context":{"a":true,"b":1,"c":0.5,"d":"x","e":[[1,2.5]],"g":["y",3,4],"prompt":"x"}'
    ]


@pytest.mark.parametrize("library", LIBRARIES)
async def test_blank_names_of_an_object_are_left_out(
    library: str, quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """Polars gives all objects of a column the same names; those that a row does not have are not sent as null."""
    contexts = [{"prompt": "x", "system_prompt": "be brief"}, {"prompt": "y"}]
    frame = make_frame(library, {"template_id": [T, T], "context": contexts})

    await run_all(client.batch(out=tmp_path, poll_interval=0.01), frame)

    assert [body.split(',"options"')[0] for body in read_bodies(tmp_path)] == [
        '{"context":{"prompt":"x","system_prompt":"be brief"}',
        '{"context":{"prompt":"y"}',
    ]


@pytest.mark.parametrize("library", LIBRARIES)
async def test_a_frame_is_planned_and_submitted(library: str, quick: Sandbox, batch: Batch) -> None:
    """`plan` says what a frame costs, `submit` plans its jobs, and `to_frame` shows them as planned."""
    rows = make_rows(3)
    frame = make_frame(library, {name: [row[name] for row in rows] for name in rows[0]})

    plan = await batch.plan(frame)
    added = await batch.submit(frame)
    planned = await batch.to_frame()

    assert (plan.new, plan.invalid, added) == (3, 0, 3)
    assert list(planned["state"]) == ["planned"] * 3
    assert quick.state()["billed"] == 0


@pytest.mark.parametrize("library", LIBRARIES)
async def test_without_narwhals_the_error_names_the_extra(
    library: str, sandbox: Sandbox, client: AsyncBluma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame without the extra is refused before anything is sent."""
    frame = make_frame(library, {"template_id": [T], "prompt": ["x"]})
    monkeypatch.setitem(sys.modules, "narwhals.stable.v1", None)
    monkeypatch.setitem(sys.modules, "narwhals", None)

    error = await run_refused(client, frame, out=tmp_path)
    with pytest.raises(errors.InvalidArgumentError, match=r"bluma\[frames\]"):
        await client.batch(out=tmp_path).plan(frame)

    assert isinstance(error, errors.InvalidArgumentError)
    assert 'pip install "bluma[frames]". Nothing was sent.' in str(error)
    assert sandbox.state()["requests"] == 0


async def test_an_unknown_library_is_refused(quick: Sandbox, batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The results of a journal need a library that is known and installed."""
    pytest.importorskip("narwhals", reason="narwhals is in the extra `frames`")
    await run_all(batch, make_rows(1))
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "polars", None)

    for library, reason in (("excel", "must be 'pandas' or 'polars'"), ("pandas", "needs pandas"), (None, "pandas or")):
        with pytest.raises(errors.InvalidArgumentError, match=reason):
            await batch.to_frame(library=library)  # type: ignore[arg-type]  # that is the test


def test_the_blocking_twin_takes_frames(tmp_path: Path) -> None:
    """The same calls, blocking."""
    from bluma import Bluma

    rows = make_rows(2)
    frame = make_frame("pandas", {name: [row[name] for row in rows] for name in rows[0]})
    with Live(at_once=True) as sandbox, Bluma(sandbox.live_key, base_url=sandbox.base_url) as client:
        batch = client.batch(out=tmp_path, poll_interval=0.01)

        results = list(batch.run(frame))

        assert {result.state for result in results} == {"saved"}
        assert list(batch.to_frame()["state"]) == ["saved", "saved"]
