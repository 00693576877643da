"""Check a path before anything is paid for: the async check, and the one for callers without an event loop."""

from __future__ import annotations

from pathlib import Path

import pytest

from bluma_async import errors
from bluma_async.transfer.places import check_place, require_place

REFUSED = [("none/x.mp4", "no folder"), (".", "is a folder"), ("x", "already there")]


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
