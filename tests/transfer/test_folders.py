"""Folders that files can be written to: how long a trial holds."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any, List

import pytest

from bluma_async.transfer.folders import LITTLE_ROOM, TriedFolders
from bluma_async.transfer.places import Place
from tests.fakes import FakeMonotonicClock
from tests.transfer.disks import make_disk

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="without statvfs, every trial is made")


def make_tried(folder: Path, clock: FakeMonotonicClock) -> TriedFolders:
    """Return folders of which this one was tried just now."""
    tried = TriedFolders(clock.now)
    found = tried.find(folder)
    assert found is not None
    assert not found.is_tried
    tried.add(found)
    return tried


def is_tried(tried: TriedFolders, folder: Path) -> bool:
    """Return whether the trial of a folder still holds."""
    found = tried.find(folder)
    assert found is not None
    return found.is_tried


def test_a_trial_holds_for_a_second(tmp_path: Path) -> None:
    """For this spelling of the path alone; another one is tried by itself."""
    clock = FakeMonotonicClock()
    tried = make_tried(tmp_path, clock)
    (tmp_path / "sub").mkdir()

    assert is_tried(tried, tmp_path)
    assert not is_tried(tried, tmp_path / "sub")
    clock.time += 0.9
    assert is_tried(tried, tmp_path)
    clock.time += 0.1
    assert not is_tried(tried, tmp_path)


def test_a_folder_in_the_place_of_another_one_is_tried(tmp_path: Path) -> None:
    """Its path is the same, and its file system may be another one."""
    folder = tmp_path / "out"
    folder.mkdir()
    tried = make_tried(folder, FakeMonotonicClock())
    folder.rename(tmp_path / "old")
    folder.mkdir()

    assert not is_tried(tried, folder)


def test_a_folder_whose_permissions_change_is_tried(tmp_path: Path) -> None:
    """A folder with changed permissions is tried again, because it may be read-only now."""
    folder = tmp_path / "out"
    folder.mkdir()
    tried = make_tried(folder, FakeMonotonicClock())
    folder.chmod(0o555)

    assert not is_tried(tried, folder)


def test_a_process_that_changes_its_user_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service may give up its rights after its start."""
    tried = make_tried(tmp_path, FakeMonotonicClock())
    monkeypatch.setattr(os, "geteuid", lambda: -7)

    assert not is_tried(tried, tmp_path)


@pytest.mark.parametrize(
    ("disk", "holds"),
    [
        ({}, True),
        ({"room": LITTLE_ROOM - 4096}, False),
        ({"free_files": 0}, False),
        ({"files": 0, "free_files": 0}, True),
        ({"flag": getattr(os, "ST_RDONLY", 0)}, False),
    ],
    ids=["free", "full", "without room for a file", "files are not counted", "read-only"],
)
def test_a_folder_on_a_disk_that_becomes_full_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Any, holds: bool
) -> None:
    """The trial of a moment ago does not hold for it, so that no job is billed whose file has no room."""
    monkeypatch.setattr(os, "statvfs", lambda _: make_disk())
    tried = make_tried(tmp_path, FakeMonotonicClock())

    monkeypatch.setattr(os, "statvfs", lambda _: make_disk(**disk))

    assert is_tried(tried, tmp_path) is holds


def test_what_is_no_folder_is_not_found(tmp_path: Path) -> None:
    """Neither a file, nor a path below one, nor one that is missing or invalid."""
    (tmp_path / "x").write_bytes(b"")

    for path in ("x", "x/y", "none", "a\0b"):
        assert TriedFolders().find(tmp_path / path) is None


def test_few_folders_are_remembered(tmp_path: Path) -> None:
    """A program that saves to a million folders does not grow."""
    tried = TriedFolders()
    for number in range(250):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = tried.find(folder)
        assert found is not None
        tried.add(found)

    assert len(tried._tried) <= 100


def test_a_folder_is_not_tried_for_each_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second file costs no file that is created and deleted, neither a lock nor a trial."""
    created: List[str] = []
    real = os.open

    def note(path: Any, *args: Any, **options: Any) -> int:
        created.append(Path(path).name)
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", note)
    monkeypatch.setattr(os, "statvfs", lambda _: make_disk())
    elapsed = 1.0
    while elapsed >= 1.0:  # a machine may be so busy that a trial does not hold for the next file
        began = time.monotonic()
        for name in ("a", "b"):
            created.clear()
            place = Place(tmp_path / name, overwrite=True)
            place.reserve()
            place.give_up()
        elapsed = time.monotonic() - began

    assert created == []
