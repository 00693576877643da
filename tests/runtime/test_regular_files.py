"""Files of ours: links, pipes, devices and folders in their place are neither followed nor waited for."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from bluma_async._runtime.regular_files import create_file, describe_kind, find_facts, is_ours, is_same_file, open_ours
from tests.hostile.places import SPECIAL

posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes and devices in folders")


def put(path: Path, kind: str) -> None:
    """Put something in the place of a file."""
    victim = path.parent / "victim"
    victim.write_text("precious")
    if kind == "link":
        path.symlink_to(victim)
    elif kind == "dangling link":
        path.symlink_to(path.parent / "missing")
    elif kind == "hard link":
        os.link(victim, path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        SPECIAL["a socket"](path)


KINDS = {
    "link": "a symbolic link",
    "dangling link": "a symbolic link",
    "hard link": None,
    "folder": "a folder",
    "pipe": "a pipe",
    "socket": "a socket",
}


@posix
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_no_file_of_ours_is_neither_opened_nor_changed(tmp_path: Path, kind: str) -> None:
    """It is described without being opened; creating and opening fail at once, and its content stays."""
    path = tmp_path / "x"
    put(path, kind)

    facts = find_facts(path)
    assert facts is not None
    assert (describe_kind(facts), is_ours(facts)) == (KINDS[kind], False)
    with pytest.raises(FileExistsError):
        create_file(path)
    with pytest.raises(PermissionError, match="not a regular file"):
        open_ours(path)

    assert (tmp_path / "victim").read_text() == "precious"
    assert not (tmp_path / "missing").exists()


@posix
def test_a_device_is_described_and_not_opened() -> None:
    """The null device is a device."""
    facts = find_facts(Path(os.devnull))

    assert facts is not None
    assert describe_kind(facts) == "a device"
    with pytest.raises(PermissionError):
        open_ours(Path(os.devnull))


def test_a_file_of_ours_is_created_and_opened_again(tmp_path: Path) -> None:
    """A new file is empty; an existing one keeps its bytes."""
    path = tmp_path / "x"
    with create_file(path) as file:
        file.write(b"1234")
        assert is_same_file(path, file)

    with open_ours(path) as file:
        assert file.read() == b"1234"
        path.unlink() if sys.platform != "win32" else None
        assert is_same_file(path, file) is (sys.platform == "win32")
    with pytest.raises(FileNotFoundError):
        open_ours(tmp_path / "missing")
    assert find_facts(tmp_path / "missing") is None


@posix
def test_a_file_of_another_user_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of another user is not opened, although root may open it."""
    path = tmp_path / "x"
    path.write_bytes(b"theirs")
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)

    with pytest.raises(PermissionError, match="not a regular file"):
        open_ours(path)


@posix
def test_a_path_that_is_exchanged_during_the_opening_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that was opened is compared with the path afterwards."""
    path, other = tmp_path / "x", tmp_path / "other"
    path.write_bytes(b"ours")
    other.write_bytes(b"another")
    really_open = os.open

    def exchange(name: Any, *args: Any, **options: Any) -> int:
        opened = really_open(name, *args, **options)
        path.unlink()
        other.rename(path)
        return opened

    monkeypatch.setattr(os, "open", exchange)

    with pytest.raises(PermissionError, match="not a regular file"):
        open_ours(path)
