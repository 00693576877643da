"""The options of a batch are checked when it is set up."""

from __future__ import annotations

from typing import Any, Dict

import pytest

from bluma_async import AsyncBluma, errors


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"journal": "j", "concurrency": 0},
        {"journal": "j", "max_credits": -1},
        {"journal": "j", "on_error": "ignore"},
        {"journal": "j", "poll_interval": 0},
        {"journal": "j", "timeout": -1},
        {"journal": "j", "timeout": float("nan")},
        {"journal": "j", "on_change": "print"},
        {"journal": "j", "final_statuses": [""]},
    ],
)
def test_invalid_options_are_refused(options: Dict[str, Any]) -> None:
    """The error is raised when the batch is set up."""
    with pytest.raises(errors.InvalidArgumentError):
        AsyncBluma("bluma_test_key").batch(**options)
