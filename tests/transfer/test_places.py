"""Check a path before anything is paid for: the async check, and the one for callers without an event loop."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bluma_async import errors
from bluma_async.transfer.places import check_place, require_place


@pytest.mark.parametrize(
    ("place", "message"), [("none/x.mp4", "no folder"), (".", "is a folder"), ("x", "already there")]
)
def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, place: str, message: str) -> None:
    """A missing folder, a folder and an existing file; both checks say the same."""
    (tmp_path / "x").write_bytes(b"mine")

    with pytest.raises(errors.InvalidArgumentError, match=message) as caught:
        asyncio.run(require_place(tmp_path / place, overwrite=False))
    with pytest.raises(errors.InvalidArgumentError) as at_once:
        check_place(str(tmp_path / place), overwrite=False)

    assert (str(caught.value), caught.value.field) == (str(at_once.value), "path")


def test_a_path_that_can_be_written_passes(tmp_path: Path) -> None:
    """A new file in an existing folder, and an existing one that may be replaced."""
    (tmp_path / "x").write_bytes(b"mine")

    asyncio.run(require_place(tmp_path / "new", overwrite=False))
    asyncio.run(require_place(tmp_path / "x", overwrite=True))
    check_place(tmp_path / "new", overwrite=False)

    assert (tmp_path / "x").read_bytes() == b"mine"


def test_the_error_names_the_callers_option(tmp_path: Path) -> None:
    """The command line spells the permission to replace a file in its own way."""
    (tmp_path / "x").write_bytes(b"mine")

    with pytest.raises(errors.InvalidArgumentError, match="pass --overwrite to replace it"):
        check_place(tmp_path / "x", overwrite=False, option="--overwrite")
