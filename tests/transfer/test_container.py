"""The container of an MP4: what is whole passes, and each cut or joint is found."""

from __future__ import annotations

from typing import Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluma_async.transfer.container import MOST_BOXES, find_defect
from tests.transfer.boxes import box, large_box, make_mp4

FTYP, MOOV = box(b"ftyp", b"isom"), box(b"moov", box(b"mvhd", b"\0" * 8))
WHOLE = make_mp4()


def check(data: bytes) -> Optional[str]:
    """Return the defect of a file that has these bytes."""
    return find_defect(lambda place, count: data[place : place + count], len(data))


@pytest.mark.parametrize(
    "data",
    [
        WHOLE,
        FTYP + box(b"mdat", b"x") + MOOV,
        FTYP + MOOV + large_box(b"mdat", b"x" * 20),
        FTYP + MOOV + b"\0\0\0\0mdat" + b"to the end",
        FTYP + box(b"free") + MOOV + box(b"moof") + box(b"mdat") + box(b"moof") + box(b"mdat"),
        FTYP + MOOV + box(b"\xa9xyz", b"x") + box(b"mdat"),
    ],
    ids=["usual", "index at the end", "64-bit size", "size 0", "fragments", "Latin-1 type"],
)
def test_a_whole_file_has_no_defect(data: bytes) -> None:
    """All forms that the standard allows."""
    assert check(data) is None


@pytest.mark.parametrize(
    ("data", "defect"),
    [
        (b"", "does not begin like an MP4"),
        (MOOV + FTYP + box(b"mdat"), "does not begin like an MP4"),
        (FTYP + box(b"mdat"), "no moov box"),
        (FTYP + MOOV, "no mdat box"),
        (WHOLE + b"\0" * 8, "box at byte"),
        (WHOLE + b"more", "cut off"),
        (FTYP + box(b"moov", b"\0\0\1\0mvhd") + box(b"mdat"), "cut off"),
        (FTYP + b"\0\0\0\4moov" + box(b"mdat"), "no box at byte 12"),
        (FTYP + b"\0\0\0\1moov\0\0\0\0\0\0\0\0" + box(b"mdat"), "no box at byte 12"),
        (b"<html>" + b"x" * 1000, "cut off"),
        (box(b"free") * (MOST_BOXES + 1), "more than"),
    ],
)
def test_a_defect_is_named(data: bytes, defect: str) -> None:
    """Missing, misplaced, invalid and too many boxes."""
    assert defect in (check(data) or "")


def test_every_cut_is_found() -> None:
    """A file that ends early has a defect, wherever the cut is."""
    assert [at for at in range(len(WHOLE)) if check(WHOLE[:at]) is None] == []


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_any_bytes_are_measured_without_an_exception(data: bytes) -> None:
    """Hostile bytes have a defect, and nothing else happens."""
    assert check(data) is not None
    assert check(data + WHOLE) is not None or not data
    assert check(FTYP + MOOV + data) is not None or b"mdat" in data
