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


@pytest.mark.parametrize("hosts", [["http://x"], ["a b"], [""], "a/b", 5, ["x:99999999"], ["x:0"], ["*"], [None, ""]])
@pytest.mark.parametrize("name", ["allowed_hosts", "webhook_hosts"])
def test_a_list_of_hosts_has_names_only(name: str, hosts: Any) -> None:
    """A URL, a wildcard, an empty name or an invalid port is rejected; the error names the setting."""
    with pytest.raises(ValueError, match=f"{name} must list hosts"):
        Sandbox(**{name: hosts})


def test_hosts_are_text_or_lists() -> None:
    """A list with commas, as on a command line, is the same as a list; case does not matter."""
    assert Sandbox(allowed_hosts="A.test, [::1]:80").settings.allowed_hosts == ("a.test", "[::1]:80")
    assert Sandbox(allowed_hosts=["a.test"]).settings.allowed_hosts == ("a.test",)
