"""A user without a home folder: a container's, whose number has no entry in the list of users."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from bluma_async import AsyncBluma
from bluma_async.errors import BlumaError
from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.rendering.font_files import list_fonts

PLACES = ("BLUMA_STATE_DIR", "XDG_STATE_HOME", "LOCALAPPDATA")


@pytest.fixture(params=[RuntimeError("Could not determine home directory."), KeyError("getpwuid(): uid not found")])
def no_home(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no home folder, as newer Pythons report it, and as Python 3.8 does."""

    def fail() -> Path:
        raise request.param

    for name in PLACES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", fail)


@pytest.mark.parametrize("options", [{"exclusive": True}, {"reuse": "content"}])
async def test_options_that_need_a_home_name_the_variable(no_home: None, options: Dict[str, Any]) -> None:
    """The error is the SDK's own, names BLUMA_STATE_DIR, and nothing is billed."""
    async with Sandbox(render=False, clock="manual") as sandbox:
        async with AsyncBluma(sandbox.live_key, base_url=sandbox.base_url, **options) as client:
            with pytest.raises(BlumaError, match="set HOME, or name a folder in BLUMA_STATE_DIR"):
                await client.videos.create({"prompt": "A calm sea"}, "ugc-text-overlay")

        assert sandbox.state()["billed"] == 0


def test_fonts_are_found_without_a_home(no_home: None) -> None:
    """Those of the machine are listed, and those of a home are left out."""
    list_fonts.cache_clear()

    fonts = list_fonts()

    list_fonts.cache_clear()
    assert isinstance(fonts, tuple)
