"""Batches that save to object stores: the same promises as with a folder."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Iterator

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async.batch.batch import Batch
from bluma_async.sandbox import Sandbox
from bluma_async.transfer.object_stores import open_store
from tests.batch.helpers import make_rows, run_all, run_refused
from tests.s3 import S3, serve_s3

pytest.importorskip("obstore", reason="obstore has no release for Python 3.8")
NUMBERS = itertools.count()


@pytest.fixture
def out() -> str:
    """Give the URL of an empty folder in the memory of the process."""
    return f"memory://batch{next(NUMBERS)}/some/videos"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    """Give an S3 server."""
    made, running = serve_s3()
    yield made
    running.stop()  # type: ignore[attr-defined]  # a server of moto


def batch_to(client: AsyncBluma, out: str, folder: Path, **options: Any) -> Batch:
    """Return a batch that saves to a URL."""
    return client.batch(folder / "jobs.sqlite", out=out, poll_interval=0.01, **options)


async def test_a_batch_saves_to_a_store(quick: Sandbox, client: AsyncBluma, out: str, tmp_path: Path) -> None:
    """The URL of each object is recorded as its path; a second run finds everything done."""
    results = await run_all(batch_to(client, out, tmp_path), make_rows(3))
    again = await run_all(batch_to(client, out, tmp_path), make_rows(3))
    plan = await batch_to(client, out, tmp_path).plan(make_rows(4))

    store, prefix = open_store("out", out)
    assert {result.path for result in results} == {f"{out}/k{number}.mp4" for number in range(3)}
    assert {result.state for result in results} == {"saved"}
    assert set(store.list_sizes(prefix)) == {f"some/videos/k{number}.mp4" for number in range(3)}
    assert (again, quick.state()["billed"]) == ([], 3)
    assert (plan.done, plan.new, plan.bytes_free) == (3, 1, None)
    assert {path.name for path in tmp_path.iterdir()} == {"jobs.sqlite", "jobs.sqlite.lock"}


async def test_every_key_is_found_in_every_store(quick: Sandbox, client: AsyncBluma, out: str, tmp_path: Path) -> None:
    """The URL of a result is one that can be saved to, and leads a run with another `out` to the object."""
    keys = ["plain", "a#b", "a%b", "a%41b", "a@b", "sky one", "\u00fc\u00a0"]
    rows = [{**row, "key": key} for row, key in zip(make_rows(len(keys)), keys)]

    first = await run_all(batch_to(client, out, tmp_path), rows)
    elsewhere = await run_all(batch_to(client, f"{out}/elsewhere#".replace("#", "%23"), tmp_path), rows)
    sizes = [await client.videos.save(row.video_id or "", row.path or "", overwrite=True) for row in first]

    store, prefix = open_store("out", out)
    assert {result.state for result in first} == {"saved"}
    assert elsewhere == []
    assert store.list_sizes(prefix) == {f"{prefix}/{row.key}.mp4": size for row, size in zip(first, sizes)}


@pytest.mark.parametrize("damage", ["deleted", "cut"])
async def test_a_lost_object_is_saved_again(
    damage: str, quick: Sandbox, client: AsyncBluma, out: str, tmp_path: Path
) -> None:
    """An object that is gone, or has another size, is downloaded again, and never billed again."""
    await run_all(batch_to(client, out, tmp_path), make_rows(2))
    store, key = open_store("out", f"{out}/k1.mp4")
    size = store.find_size(key)
    store.delete(key)
    if damage == "cut":
        store.put(key, iter([b"x"]))

    results = await run_all(batch_to(client, out, tmp_path))

    assert [(result.key, result.state) for result in results] == [("k1", "saved")]
    assert (store.find_size(key), quick.state()["billed"]) == (size, 2)


async def test_an_object_that_was_saved_before_a_crash_is_only_recorded(
    quick: Sandbox, client: AsyncBluma, out: str, tmp_path: Path
) -> None:
    """A crash between the object and its record: the next run downloads nothing."""
    await run_all(batch_to(client, out, tmp_path), make_rows(1))
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite")) as journal, journal:
        journal.execute("UPDATE jobs SET state = 'rendered', path = NULL")
    before = [record.route for record in quick.requests].count("GET /videos/{id}/download")

    results = await run_all(batch_to(client, out, tmp_path))

    after = [record.route for record in quick.requests].count("GET /videos/{id}/download")
    assert ([result.path for result in results], after) == ([f"{out}/k0.mp4"], before)


async def test_an_object_of_somebody_else_is_not_replaced(
    sandbox: Sandbox, client: AsyncBluma, out: str, tmp_path: Path
) -> None:
    """A new job whose object is there already is refused before anything is created."""
    store, key = open_store("out", f"{out}/k1.mp4")
    store.put(key, iter([b"precious"]))

    error = await run_refused(client, make_rows(2), journal=tmp_path / "jobs.sqlite", out=out)

    assert "there is a file for 'k1' that this journal did not save" in str(error)
    assert (store.find_size(key), sandbox.state()["jobs"]["live"]) == (8, 0)


async def test_a_store_is_tried_before_anything_is_sent(
    s3: S3, sandbox: Sandbox, client: AsyncBluma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket that does not exist is refused, by `run`, `submit` and `plan`, and nothing was sent."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    batch = batch_to(client, "s3://elsewhere/videos", tmp_path)

    for call in (run_all(batch, make_rows(1)), batch.submit(make_rows(1)), batch.plan(make_rows(1))):
        with pytest.raises(
            errors.InvalidArgumentError, match=r"Nothing can be written to 's3://elsewhere/videos'.*NoSuch"
        ):
            await call

    assert sandbox.state()["requests"] == 0


async def test_many_jobs_are_saved_to_s3_at_once(
    s3: S3, quick: Sandbox, client: AsyncBluma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight jobs at a time, each in an upload of its own; nothing else is in the bucket afterwards."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)

    results = await run_all(batch_to(client, "s3://videos/many", tmp_path, concurrency=8), make_rows(12))

    assert [result.state for result in results] == ["saved"] * 12
    ours = [key for key in s3.list_keys() if key.startswith("many/")]  # other tests share the server's memory
    assert sorted(ours) == sorted(f"many/k{number}.mp4" for number in range(12))
    assert s3.list_uploads() == []


async def test_a_store_that_refuses_stops_the_batch(
    quick: Sandbox, client: AsyncBluma, out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No further video is bought when none could be kept. The paid one stays rendered, and the next run saves it."""
    obstore = pytest.importorskip("obstore")
    put = obstore.put

    def refuse(store: Any, key: str, pieces: Any, **options: Any) -> Any:
        if key.endswith(".mp4"):
            next(pieces)
            raise OSError("quota exceeded")
        return put(store, key, pieces, **options)

    monkeypatch.setattr(obstore, "put", refuse)
    batch = batch_to(client, out, tmp_path, concurrency=1)

    [result] = await run_all(batch, make_rows(5))
    monkeypatch.undo()
    saved = await run_all(batch_to(client, out, tmp_path), make_rows(5))

    assert (result.state, "quota exceeded" in str(result.error)) == ("rendered", True)
    assert "quota exceeded" in str(batch.stopped)
    assert ({entry.state for entry in saved}, quick.state()["billed"]) == ({"saved"}, 5)


def test_a_url_needs_a_journal(client: AsyncBluma) -> None:
    """The journal is a file of this machine, so it has no default beside objects."""
    with pytest.raises(errors.InvalidArgumentError, match=r"memory://b/x needs a journal"):
        client.batch(out="memory://b/x")
    with pytest.raises(errors.InvalidArgumentError, match="out must be a path, or a URL that begins with s3://"):
        client.batch("jobs.sqlite", out="ftp://b/x")


async def test_a_journal_moves_from_a_folder_to_a_store(
    quick: Sandbox, client: AsyncBluma, out: str, tmp_path: Path
) -> None:
    """Files that an earlier run saved to a folder are found where they are; new ones go to the store."""
    await run_all(client.batch(tmp_path / "jobs.sqlite", out=tmp_path / "files", poll_interval=0.01), make_rows(1))

    results = await run_all(batch_to(client, out, tmp_path), make_rows(2))

    assert [result.path for result in results] == [f"{out}/k1.mp4"]
    assert quick.state()["billed"] == 2


async def test_a_batch_saves_to_a_file_url(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """It is the folder: its default journal is in it, keys are names of files, and paths are recorded."""
    rows = [{**row, "key": f"{row['key']}[1] ä#%"} for row in make_rows(2)]
    for _ in range(2):
        results = await run_all(client.batch(out=f"file://{tmp_path}/new", poll_interval=0.01), rows)

    assert results == []
    assert {path.name for path in (tmp_path / "new").glob("*.mp4")} == {f"k{n}[1] ä#%.mp4" for n in range(2)}
    assert quick.state()["billed"] == 2
