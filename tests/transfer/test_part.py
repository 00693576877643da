"""An unfinished download on disk: what is continued, what is deleted, and what is never touched."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, List

import pytest

from bluma_async.transfer.heads import Held
from bluma_async.transfer.part import MAX_PIECES, Part

TAG = '"1"'


def make(folder: Path, source: str = "a") -> Part:
    """Return the part of a file, with what an earlier program has left."""
    part = Part(folder / "x", source)
    part.find()
    return part


def find(folder: Path) -> Held:
    """Return the bytes that an earlier program has left."""
    part = make(folder)
    part.close(keep=True)
    return part.held


def names(folder: Path) -> List[str]:
    """Return the names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_bytes_are_continued_by_the_next_program(tmp_path: Path) -> None:
    """The bytes, their version and the size of the whole file are found again."""
    first = make(tmp_path)
    first.begin(0, TAG, 9)
    first.write([b"123", b"456"])
    first.close(keep=False)

    second = make(tmp_path)
    assert second.held == Held(6, TAG, 9)
    second.begin(6, TAG, 9)
    second.write([b"789"])
    second.flush()
    assert second.read(4, 100) == b"56789"
    second.keep()
    second.close(keep=False)

    assert (names(tmp_path), (tmp_path / "x").read_bytes()) == (["x"], b"123456789")


@pytest.mark.parametrize("tag", ["", TAG])
def test_bytes_that_cannot_be_continued_are_deleted(tmp_path: Path, tag: str) -> None:
    """Without an ETag, or without a byte, unless they are wanted."""
    for keep in (False, True):
        part = make(tmp_path)
        part.begin(0, tag, None)
        if not tag:
            part.write([b"1"])
        part.close(keep=keep)

        assert names(tmp_path) == (["x.part", "x.part.json"] if keep else [])


def test_files_of_somebody_else_stay_if_nothing_arrives(tmp_path: Path) -> None:
    """A program that fetched nothing deletes nothing, also if it could not use the bytes."""
    (tmp_path / "x.part").write_bytes(b"of a browser")

    part = make(tmp_path)
    part.close(keep=False)

    assert part.held == Held()
    assert names(tmp_path) == ["x.part"]


def test_a_new_version_starts_over(tmp_path: Path) -> None:
    """The old bytes are deleted before the first new one."""
    part = make(tmp_path)
    part.begin(0, TAG, 3)
    part.write([b"old"])
    part.begin(0, '"2"', None)
    part.write([b"n"])
    part.close(keep=False)

    assert find(tmp_path) == Held(1, '"2"', None)
    assert (tmp_path / "x.part").read_bytes() == b"n"


@pytest.mark.parametrize(
    "version",
    [
        {"source": "b", "etag": TAG, "size": 3},
        {"source": "a", "etag": "", "size": 3},
        {"source": "a", "etag": "x\r\nX-Injected: 1", "size": 3},
        {"source": "a", "etag": "é", "size": 3},
        {"source": "a", "etag": 1, "size": 3},
        {"source": "a", "etag": TAG},
        [],
    ],
)
def test_bytes_of_another_or_an_invalid_version_are_not_continued(tmp_path: Path, version: Any) -> None:
    """Of another video, without a tag, or with one that is not a header."""
    (tmp_path / "x.part").write_bytes(b"123")
    (tmp_path / "x.part.json").write_text(json.dumps(version))

    assert find(tmp_path) == Held()


def test_a_crash_between_the_version_and_the_bytes_is_a_new_download(tmp_path: Path) -> None:
    """The version is written first; without bytes there is nothing to continue."""
    (tmp_path / "x.part.json").write_text(json.dumps({"source": "a", "etag": TAG, "size": True}))
    assert find(tmp_path) == Held()

    (tmp_path / "x.part").write_bytes(b"")
    assert find(tmp_path) == Held(0, TAG, None)


def write_whole(folder: Path, body: bytes, source: str = "a") -> Part:
    """Return a part with all bytes of a file, which were in memory at once."""
    part = make(folder, source)
    part.begin(0, TAG, len(body), is_whole=True)
    part.write([body])
    return part


def test_a_file_that_is_in_memory_as_a_whole_needs_no_version(tmp_path: Path) -> None:
    """Nothing of it is continued: after a crash its bytes are not bytes of a known version."""
    part = write_whole(tmp_path, b"123")
    assert (names(tmp_path), find(tmp_path)) == (["x.part"], Held())

    part.flush()
    part.keep()
    part.close(keep=False)

    assert (names(tmp_path), (tmp_path / "x").read_bytes()) == (["x"], b"123")


@pytest.mark.parametrize("keep", [False, True])
def test_the_version_of_a_whole_file_is_written_if_its_bytes_stay(tmp_path: Path, keep: bool) -> None:
    """The next save finds all bytes, and does not fetch them again."""
    write_whole(tmp_path, b"123").close(keep=keep)

    assert find(tmp_path) == Held(3, TAG, 3)


@pytest.mark.parametrize("left", [("x.part", "x.part.json"), ("x.part",), ("x.part.json",)], ids=str)
def test_a_whole_file_takes_no_version_from_an_earlier_one(tmp_path: Path, left: Any) -> None:
    """What an earlier program has left is deleted before the first byte is written."""
    for name in left:
        (tmp_path / name).write_text(json.dumps({"source": "a", "etag": '"old"', "size": 9}))

    part = write_whole(tmp_path, b"123")

    assert (names(tmp_path), (tmp_path / "x.part").read_bytes()) == (["x.part"], b"123")
    part.close(keep=True)


@pytest.mark.parametrize("keep", [False, True])
def test_bytes_whose_version_cannot_be_written(tmp_path: Path, keep: bool) -> None:
    """Nothing could continue them, so they stay only if the caller wants them; the disk is not a new error."""
    part = write_whole(tmp_path, b"123")
    (tmp_path / "x.part.json").write_bytes(b"of another program")  # it refuses our version, as a full disk would

    part.close(keep=keep)

    assert (names(tmp_path), find(tmp_path)) == (["x.part", "x.part.json"] if keep else [], Held())


def test_many_pieces_are_written_in_their_order(tmp_path: Path) -> None:
    """More than the system takes in one call."""
    pieces = [b"%d," % number for number in range(MAX_PIECES + 1)]
    part = make(tmp_path)
    part.begin(0, TAG, None)

    part.write(pieces)
    part.close(keep=True)

    assert (tmp_path / "x.part").read_bytes() == b"".join(pieces)
    assert part.held.size == len(b"".join(pieces))


def test_a_file_that_another_program_changes_is_noticed(tmp_path: Path) -> None:
    """Its size is not that of the bytes that were written."""
    part = make(tmp_path)
    part.begin(0, TAG, None)
    part.write([b"123"])
    with (tmp_path / "x.part").open("ab") as other:
        other.write(b"4")

    with pytest.raises(OSError, match="another program has changed it"):
        part.flush()
    part.close(keep=True)


def test_a_part_that_is_not_open_has_no_bytes(tmp_path: Path) -> None:
    """Using it is an error of the disk, which names the path."""
    with pytest.raises(OSError, match="not open") as caught:
        make(tmp_path).flush()
    assert caught.value.filename == str(tmp_path / "x.part")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such call")
def test_nothing_is_written_for_an_empty_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some systems refuse a call without pieces."""
    part, calls = make(tmp_path), []
    part.begin(0, TAG, 0)
    monkeypatch.setattr(os, "writev", lambda *given: calls.append(given))

    part.write([])
    part.write([b""])
    part.close(keep=False)

    assert calls == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such call")
def test_a_write_that_fails_half_way_counts_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that becomes full takes some bytes; the next attempt continues behind them."""
    part = make(tmp_path)
    part.begin(0, TAG, None)
    real = os.writev

    def write_some(descriptor: int, pieces: Any) -> int:
        real(descriptor, [pieces[0]])
        raise OSError("full")

    monkeypatch.setattr(os, "writev", write_some)
    with pytest.raises(OSError, match="full"):
        part.write([b"12", b"345"])
    part.close(keep=False)

    assert find(tmp_path).size == 2
