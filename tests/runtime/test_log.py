"""The log: its level comes from BLUMA_LOG, and its lines show no secrets."""

from __future__ import annotations

import logging

import pytest

from bluma_async import AsyncBluma, errors
from tests.fakes import VIDEO, answer, client_with

KEY = "bluma_test_secret"


async def test_the_log_can_be_turned_on(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """`BLUMA_LOG=debug` logs each answer and each retry, without secrets."""
    monkeypatch.setenv("BLUMA_LOG", "debug")
    error = answer(500, {"error": "key bluma_live_abcdef whsec_0123"})
    client, _, _ = client_with(error, answer(200, VIDEO))
    AsyncBluma(KEY)

    with caplog.at_level(logging.DEBUG, logger="bluma"):
        await client.videos.get("batch_1")

    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(":")[0] for line in lines] == ["GET https"] * 3
    assert ["500" in lines[0], "attempt 0 failed" in lines[1], "200" in lines[2]] == [True] * 3
    assert "abcdef" not in "".join(lines)
    assert "0123" not in "".join(lines)
    assert (
        len([handler for handler in logging.getLogger("bluma").handlers if type(handler).__name__ == "_StderrHandler"])
        == 1
    )


def test_an_invalid_log_level_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for a typo in BLUMA_LOG lists the valid levels."""
    monkeypatch.setenv("BLUMA_LOG", "loud")

    with pytest.raises(errors.InvalidArgumentError, match="debug, info, warning, error"):
        AsyncBluma(KEY)
