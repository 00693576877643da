"""Settings that a sandbox rejects."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async.sandbox import Sandbox


@pytest.mark.parametrize(
    "settings",
    [
        {"port": -1},
        {"port": "x"},
        {"speed": 0},
        {"clock": "sundial"},
        {"tier": "basic"},
        {"credits": -1},
        {"test_key": "x"},
        {"live_key": "bluma_live_"},
        {"rate_limit": 1.5},
        {"webhook_secret": ""},
        {"speeed": 1},
    ],
)
async def test_invalid_settings_are_rejected(settings: Any) -> None:
    """The error names the setting."""
    with pytest.raises(ValueError, match=next(iter(settings))):
        Sandbox(**settings)
