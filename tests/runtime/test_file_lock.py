"""Locks between processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from bluma_async import errors
from bluma_async._runtime.file_lock import FileLock

TRY = """
import sys
from pathlib import Path
from bluma_async._runtime.file_lock import FileLock
print("free" if FileLock.acquire(Path(sys.argv[1])) else "held")
"""


def tried_elsewhere(path: Path) -> str:
    """Return whether another process finds the lock free or held."""
    command = [sys.executable, "-c", TRY, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=15).stdout.strip()


def test_one_process_holds_it(tmp_path: Path) -> None:
    """Another process cannot acquire a held lock, and can after it was released."""
    path = tmp_path / "x.lock"
    lock = FileLock.acquire(path)
    assert lock is not None

    assert tried_elsewhere(path) == "held"
    lock.release()
    lock.release()
    assert tried_elsewhere(path) == "free"


def test_a_second_holder_in_the_same_process_is_refused(tmp_path: Path) -> None:
    """The lock is not re-entrant: two batches of one process are two holders."""
    first = FileLock.acquire(tmp_path / "x.lock")

    assert first is not None
    assert FileLock.acquire(tmp_path / "x.lock") is None
    first.release()


def test_it_survives_that_the_file_is_copied(tmp_path: Path) -> None:
    """Opening and closing the file in the same process, as a backup does, does not release the lock."""
    path = tmp_path / "journal" / "x.lock"
    path.parent.mkdir()
    lock = FileLock.acquire(path)
    assert lock is not None

    shutil.copytree(path.parent, tmp_path / "backup")
    with path.open("rb") as file:
        file.read()

    assert tried_elsewhere(path) == "held"
    lock.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_neither_holds_nor_releases_it(tmp_path: Path) -> None:
    """A child that ends releases nothing of its parent's; one that lives on holds nothing after its release."""
    path = tmp_path / "x.lock"
    lock = FileLock.acquire(path)
    assert lock is not None
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        lock.release()  # what the child's garbage collection or exit would do
        os.read(reader, 1)  # until the parent is done
        os._exit(0)
    os.close(reader)

    try:
        assert tried_elsewhere(path) == "held"
        lock.release()
        assert tried_elsewhere(path) == "free"
    finally:
        os.close(writer)
        os.waitpid(child, 0)


@pytest.mark.parametrize("kind", ["link", "dangling", "folder"])
def test_a_link_or_folder_is_refused(tmp_path: Path, kind: str) -> None:
    """A link in place of the lock file could make the SDK open, and lock, any file."""
    path, victim = tmp_path / "x.lock", tmp_path / "victim"
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(victim)
        if kind == "link":
            victim.write_text("precious")

    with pytest.raises(errors.InvalidArgumentError, match="not a regular file"):
        FileLock.acquire(path)
    assert not victim.exists() or victim.read_text() == "precious"


def test_a_system_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock file that merely exists would outlive its process."""
    monkeypatch.setattr(filelock, "FileLock", filelock.SoftFileLock)

    with pytest.raises(errors.BlumaError, match="no locks"):
        FileLock.acquire(tmp_path / "x.lock")


def test_the_file_can_be_removed_with_the_lock(tmp_path: Path) -> None:
    """Nothing stays in the folder, and the next holder makes the file again."""
    path = tmp_path / "x.lock"
    for _ in range(2):
        lock = FileLock.acquire(path)
        assert lock is not None
        assert tried_elsewhere(path) == "held"

        lock.release(remove=True)
        lock.release(remove=True)

        assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be deleted there")
def test_a_file_that_is_deleted_while_it_is_acquired_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A holder that ends deletes the file; whoever opened it before then would hold a lock that excludes nobody."""
    path = tmp_path / "x.lock"
    deleted = []

    class Late(filelock.FileLock):  # type: ignore[misc,valid-type]  # the library chooses the class for the system
        def acquire(self, *args: object, **options: object) -> object:
            held = super().acquire(*args, **options)
            if not deleted:
                deleted.append(path.unlink())
            return held

    monkeypatch.setattr(filelock, "FileLock", Late)
    lock = FileLock.acquire(path)

    assert lock is not None
    assert (len(deleted), tried_elsewhere(path)) == (1, "held")
    lock.release(remove=True)


def test_a_file_with_a_second_name_is_refused(tmp_path: Path) -> None:
    """The library may empty the file that it opens: it could be a hard link to another file of the user's."""
    (tmp_path / "victim").write_text("precious")
    os.link(tmp_path / "victim", tmp_path / "x.lock")

    with pytest.raises(errors.InvalidArgumentError, match="hard link"):
        FileLock.acquire(tmp_path / "x.lock")

    assert (tmp_path / "victim").read_text() == "precious"
