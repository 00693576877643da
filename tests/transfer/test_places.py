"""Own a path before anything is paid for: checks with and without an event loop, trials, and one owner at a time."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from bluma_async import errors
from bluma_async._runtime.file_lock import FileLock
from bluma_async.transfer.places import Place, check_place, require_place
from tests.blocking.processes import ROOT
from tests.fakes import answer, client_with

REFUSED = [
    ("none/x.mp4", "no folder"),
    (".", "is a folder"),
    ("x", "already there"),
    ("x/y", "no folder"),
    ("x" * 300, "cannot be written"),
]


@pytest.mark.parametrize(("place", "message"), REFUSED)
async def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, place: str, message: str) -> None:
    """A missing folder, a folder and an existing file are refused, without blocking the event loop."""
    (tmp_path / "x").write_bytes(b"mine")

    with pytest.raises(errors.InvalidArgumentError, match=message) as caught:
        await require_place(tmp_path / place, overwrite=False)

    assert caught.value.field == "path"


@pytest.mark.parametrize(("place", "message"), REFUSED)
def test_the_check_without_an_event_loop_refuses_the_same(tmp_path: Path, place: str, message: str) -> None:
    """A path may be text, too."""
    (tmp_path / "x").write_bytes(b"mine")

    with pytest.raises(errors.InvalidArgumentError, match=message) as caught:
        check_place(str(tmp_path / place), overwrite=False)

    assert caught.value.field == "path"


async def test_a_path_that_can_be_written_passes(tmp_path: Path) -> None:
    """A new file in an existing folder passes, and an existing one that may be replaced; nothing is changed."""
    (tmp_path / "x").write_bytes(b"mine")

    await require_place(tmp_path / "new", overwrite=False)
    await require_place(tmp_path / "x", overwrite=True)

    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"mine"


def test_the_error_names_the_callers_option(tmp_path: Path) -> None:
    """The command line spells the permission to replace a file in its own way."""
    (tmp_path / "x").write_bytes(b"mine")

    with pytest.raises(errors.InvalidArgumentError, match="pass --overwrite to replace it"):
        check_place(tmp_path / "x", overwrite=False, option="--overwrite")


FULL = """
import resource, sys
from bluma_async.errors import InvalidArgumentError
from bluma_async.transfer.places import check_place
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    check_place(sys.argv[1], overwrite=False)
except InvalidArgumentError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_a_disk_without_room_is_refused(tmp_path: Path) -> None:
    """A file can be created there, and nothing written to it; nothing stays behind."""
    command = [sys.executable, "-c", FULL, str(tmp_path / "x.mp4")]

    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )

    assert "cannot be written: File too large. Make that possible, or choose another path. Nothing was" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "file"])
async def test_a_file_url_is_a_path(tmp_path: Path, kind: str) -> None:
    """What a path must not replace is refused under its URL too, before a create is sent; obstore is not asked."""
    target = tmp_path / "sky[1].mp4"
    make: Dict[str, Callable[[], Any]] = {
        "folder": target.mkdir,
        "pipe": lambda: os.mkfifo(target),
        "link": lambda: target.symlink_to(tmp_path / "other"),
        "file": target.touch,
    }
    make[kind]()
    client, transport, _ = client_with(answer(202, {"id": "batch_1", "status": "queued"}))

    found: List[str] = []
    for place in (target, f"file://{target}", f"FILE://{target}"):
        with pytest.raises(errors.InvalidArgumentError) as refused:
            await client.videos.generate({"prompt": "x"}, "t", save_to=place)
        found.append(str(refused.value))

    assert "Nothing was sent" in found[0]
    assert found == [found[0]] * 3
    assert transport.requests == []
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    "url",
    [
        "file://",
        "file://host/x",
        "file:///a%20b",
        "file:///x?sig=secret",
        "file:///x#1",
        "file:///a/../x",
        "file:///a//x",
    ],
)
async def test_a_file_url_with_two_readings_is_refused(url: str) -> None:
    """A host, a query or an escape would be part of the path for one reader, and not for another."""
    with pytest.raises(errors.InvalidArgumentError, match="path must be file:///PATH") as refused:
        await require_place(url, overwrite=False)

    assert "secret" not in str(refused.value)


def test_a_path_has_one_owner(tmp_path: Path) -> None:
    """Also under another spelling; whoever gives it up lets the next one have it."""
    first, second = Place(tmp_path / "x", overwrite=True), Place(f"{tmp_path}/./x", overwrite=True)
    first.reserve()
    with pytest.raises(errors.InvalidArgumentError, match="saved by another call of this program"):
        second.reserve()
    second.give_up()
    with pytest.raises(errors.InvalidArgumentError, match="saved by another call of this program"):
        second.reserve()

    first.give_up()
    second.reserve()
    second.give_up()

    assert list(tmp_path.iterdir()) == []


def test_another_program_owns_a_path_with_a_lock(tmp_path: Path) -> None:
    """The lock of another program refuses the reservation, and later the lock; the path can be had afterwards."""
    reserved, late = Place(tmp_path / "x", overwrite=False), Place(tmp_path / "x", overwrite=False)
    reserved.reserve()
    lock = FileLock.acquire(tmp_path / "x.part.lock")
    assert lock is not None

    with pytest.raises(errors.BlumaError, match=r"saved by another program.*it is not lost") as caught:
        reserved.lock()
    assert not isinstance(caught.value, errors.InvalidArgumentError)
    reserved.unlock()
    reserved.give_up()
    with pytest.raises(errors.InvalidArgumentError, match="saved by another program"):
        late.reserve()

    late.give_up()
    lock.release(remove=True)
    late.reserve()
    late.give_up()
    assert list(tmp_path.iterdir()) == []


def test_a_save_reserves_a_path_that_was_only_required(tmp_path: Path) -> None:
    """As it locks the path: nobody else may have it then, and afterwards everybody."""
    place, other = (Place(tmp_path / "x", overwrite=True) for _ in range(2))
    place.lock()
    with pytest.raises(errors.InvalidArgumentError, match="saved by another call of this program"):
        other.reserve()
    with pytest.raises(errors.BlumaError, match=r"saved by another call of this program.*it is not lost"):
        other.lock()
    place.unlock()
    place.give_up()

    other.reserve()
    other.give_up()

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_when_a_save_reserves_its_path(tmp_path: Path) -> None:
    """The save is refused, and the folder is not created."""
    with pytest.raises(errors.BlumaError, match=r"There is no folder .*it is not lost"):
        Place(tmp_path / "none" / "x", overwrite=True).lock()

    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_taken_after_it_was_reserved(tmp_path: Path) -> None:
    """The video is paid by then, so the error does not say that nothing was sent."""
    place = Place(tmp_path / "x", overwrite=True)
    place.reserve()
    (tmp_path / "x").mkdir()

    with pytest.raises(errors.BlumaError, match="is a folder") as caught:
        place.lock()
    place.unlock()
    place.give_up()

    assert "Nothing was sent" not in str(caught.value)


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Without locks nobody can own a path; the error says what to do."""
    import filelock

    def fail(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(filelock.FileLock, "acquire", fail)

    with pytest.raises(errors.BlumaError, match="its file system has no locks"):
        check_place(tmp_path / "x", overwrite=False)
