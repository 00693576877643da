"""Keys of jobs are names of files on every system, or are refused before the first create."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Dict, List

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch
from bluma_async.batch.keys import build_file_name, find_key_problem
from bluma_async.sandbox import Sandbox
from tests.batch.helpers import TEMPLATE, change_journal, run_all

CJK = "\u6f22"  # three bytes in UTF-8
REFUSED: Dict[str, str] = {
    "a" * 220: "at most 219 bytes in UTF-8, and 'aaaaaaaaaaaaaaaaaaaa'... has 220",
    CJK * 82: "has 246",
    "CON": "'CON' is a device on Windows",
    "nul.txt": "'nul' is a device",
    "aux .x": "'aux' is a device",
    "Com7.tar.gz": "'Com7' is a device",
    "lpt\u00b9": "is a device",
    "x\ud800": "letters, digits or the like",
    "a/b": "letters, digits or the like",
    "end.": "letters, digits or the like",
}
VALID = ["a" * 219, CJK * 73, "console", "com0", "com10", "my con", "x.con", "\u00c9t\u00e9"]


def make_row(key: str, prompt: str = "x") -> Dict[str, Any]:
    """Return a job with this key."""
    return {"template_id": TEMPLATE, "prompt": prompt, "key": key}


@pytest.mark.parametrize("key", list(REFUSED), ids=ascii)
async def test_a_key_that_is_no_file_name_is_refused(sandbox: Sandbox, batch: Batch, key: str) -> None:
    """The error names the row and the reason; nothing was created."""
    with pytest.raises(errors.InvalidArgumentError) as raised:
        await run_all(batch, [make_row("fine"), make_row(key)])

    assert "job 2, key: " in str(raised.value)
    assert REFUSED[key] in str(raised.value)
    assert sandbox.state()["jobs"] == {"test": 0, "live": 0}


@pytest.mark.parametrize("key", VALID, ids=ascii)
async def test_a_key_that_is_a_file_name_is_saved(batch: Batch, tmp_path: Path, key: str) -> None:
    """Also the longest ones, with the partial file and its version beside them."""
    [result] = await run_all(batch, [make_row(key)])

    assert (result.state, (tmp_path / f"{key}.mp4").is_file()) == ("saved", True)


@pytest.mark.parametrize("pair", [("\u00c9", "\u00e9"), ("\u00e9", "e\u0301"), ("Stra\u00dfe", "STRASSE"), ("a", "A")])
async def test_keys_that_name_one_file_are_refused(sandbox: Sandbox, batch: Batch, pair: List[str]) -> None:
    """They differ only by case or Unicode normal form: one video would replace the other."""
    with pytest.raises(errors.InvalidArgumentError, match=r"job 2, key: .*is also that of job 1"):
        await run_all(batch, [make_row(pair[0]), make_row(pair[1], "y")])

    assert sandbox.state()["billed"] == 0


@pytest.mark.parametrize("key", ["CON", CJK * 82, "nul.x"], ids=ascii)
async def test_a_key_that_a_journal_has_stays_valid(
    quick: Sandbox, client: AsyncBluma, batch: Batch, tmp_path: Path, key: str
) -> None:
    """An earlier release has billed it: the same rows continue, and the file is saved, by a name that fits."""
    late = client.batch(out=tmp_path, poll_interval=0.01, timeout=0.01)
    quick.faults.add("GET /videos/{id}", "status", status=500, times=None)
    await run_all(late, [make_row("old"), make_row("new")])
    quick.faults.clear()
    change_journal(tmp_path, "UPDATE jobs SET key = ?, folded = ? WHERE key = 'old'", key, key.casefold())

    results = {result.key: result for result in await run_all(batch, [make_row(key), make_row("new")])}

    assert {str(result.state) for result in results.values()} == {"saved"}
    assert Path(results[key].path or "").name == build_file_name(key)
    assert (await batch.status()).total == 2
    assert quick.state()["billed"] == 2


def test_long_names_are_cut_and_differ() -> None:
    """The hash tells keys apart that begin alike; the name has room for the files beside it."""
    names = {build_file_name(CJK * 81 + end) for end in ("a", "b")}

    assert len(names) == 2
    assert all(len(name.encode()) <= 255 - 32 for name in names)
    assert find_key_problem("short") == ""


async def test_a_journal_of_version_1_is_migrated(quick: Sandbox, batch: Batch, tmp_path: Path) -> None:
    """It has no folded keys: it is read as it is, and a run adds them; keys that collide only now stay two jobs."""
    await run_all(batch, [make_row("one"), make_row("two")])
    columns = (
        "place INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE COLLATE NOCASE, body TEXT NOT NULL, template_id TEXT, "
        "resolution TEXT, origin TEXT NOT NULL, run INTEGER NOT NULL, state TEXT NOT NULL, request_key TEXT, "
        "started_at TEXT, video_id TEXT, path TEXT, size INTEGER, error TEXT, candidates TEXT NOT NULL DEFAULT '[]'"
    )
    names = [part.split()[0] for part in columns.split(", ")]
    change_journal(tmp_path, f"CREATE TABLE earlier ({columns})")
    change_journal(tmp_path, f"INSERT INTO earlier SELECT {', '.join(names)} FROM jobs")
    change_journal(tmp_path, "DROP TABLE jobs")
    change_journal(tmp_path, "ALTER TABLE earlier RENAME TO jobs")
    change_journal(tmp_path, "PRAGMA user_version = 1")
    change_journal(tmp_path, "UPDATE jobs SET key = '\u00e9' WHERE key = 'one'")
    change_journal(tmp_path, "UPDATE jobs SET key = '\u00c9' WHERE key = 'two'")

    before = [result.key async for result in batch.results()]
    again = await run_all(batch, [make_row("\u00c9"), make_row("\u00e9")])
    after = [result.key async for result in batch.results()]
    with pytest.raises(errors.InvalidArgumentError, match="'e\u0301' was another job"):
        await run_all(batch, [make_row("e\u0301", "y")])

    assert (before, after, again) == (["\u00e9", "\u00c9"], ["\u00e9", "\u00c9"], [])
    with sqlite3.connect(str(tmp_path / "journal.sqlite")) as journal:
        assert journal.execute("PRAGMA user_version").fetchone() == (2,)
    journal.close()
    assert quick.state()["billed"] == 2
