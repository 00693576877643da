"""
The tests of a program with a client at module level. Run them with `python -m pytest examples/shop`.

The setting `bluma_environment` in pytest.ini gives the program a key and a URL before its modules are imported.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from app import make_advert

from bluma.testing import Sandbox


def test_an_advert_has_a_link(bluma_sandbox: Sandbox, assert_billed: Any) -> None:
    """The wait of minutes takes no time."""
    url = asyncio.run(make_advert("a kettle"))

    assert url.startswith(bluma_sandbox.origin)
    assert_billed(1, credits=2)


def test_a_failed_render_is_refunded(bluma_sandbox: Sandbox, assert_billed: Any) -> None:
    """A prompt with [fail] fails in the sandbox."""
    with pytest.raises(ValueError, match=r"no advert for \[fail\]"):
        asyncio.run(make_advert("[fail]"))

    assert_billed(1)
    assert bluma_sandbox.ledger.balance == 500


@pytest.mark.bluma_fault("POST /videos", "drop_before")
def test_a_refused_connection_is_retried(bluma_sandbox: Sandbox, assert_billed: Any) -> None:
    """The create is sent again after 30 s, which take no time, because then it certainly was not accepted."""
    asyncio.run(make_advert("a kettle"))

    assert_billed(1)
