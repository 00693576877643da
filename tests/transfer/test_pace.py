"""The rules of the least progress and the least speed."""

from __future__ import annotations

from typing import Optional

import pytest

from bluma_async.transfer.pace import ENOUGH, SLOWEST, Growth, Speed


@pytest.mark.parametrize(("total", "enough"), [(None, ENOUGH), (10**9, ENOUGH), (10_000, 100), (50, 1), (0, 1)])
def test_an_attempt_needs_enough_bytes(total: Optional[int], enough: int) -> None:
    """64 KiB, or one percent of a smaller file."""
    assert not Growth(500).is_progress(500 + enough - 1, total)
    assert Growth(500).is_progress(500 + enough, total)


def test_small_steps_add_up_but_old_ground_does_not_count() -> None:
    """The size at the last progress is the measure: beginning anew from 0 brings nothing."""
    growth = Growth(0)

    steps = [growth.is_progress(size, 10_000) for size in (60, 120, 180, 219, 220, 0, 100, 220, 319, 320)]

    assert steps == [False, True, False, False, True, False, False, False, False, True]


def test_the_speed_is_measured_over_a_window_of_waiting() -> None:
    """Less than 1 KiB per second is too slow, but only after the whole window; a fast window begins a new one."""
    speed = Speed(10.0)

    assert not speed.is_too_slow(9.9, 1)
    assert speed.is_too_slow(0.1, 1)
    assert speed.is_slow

    fast = Speed(10.0)
    assert [fast.is_too_slow(5.0, SLOWEST * 5) for _ in range(4)] == [False] * 4
    assert not fast.is_too_slow(9.0, 0)
    assert fast.is_too_slow(1.0, 0)


def test_a_disk_that_is_slow_is_not_the_servers_fault() -> None:
    """Only the time in which bytes are waited for counts, so a body that is always there is never too slow."""
    speed = Speed(10.0)

    assert not any(speed.is_too_slow(0.0, 1) for _ in range(1000))
