"""The log: its level comes from BLUMA_LOG, and its lines show no secrets."""

from __future__ import annotations

import json
import logging

import pytest

from bluma_async import AsyncBluma, errors
from bluma_async._runtime.log import logger
from bluma_async.cli.worker_log import OTHERS, log_worker
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
        len([handler for handler in logging.getLogger("bluma").handlers if type(handler).__name__ == "StderrHandler"])
        == 1
    )


def test_the_log_of_a_program_can_be_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`BLUMA_LOG_FORMAT=json` gives every program the lines of a worker, without secrets."""
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setenv("BLUMA_LOG", "info")
    monkeypatch.setenv("BLUMA_LOG_FORMAT", "json")

    AsyncBluma(KEY)
    logger.info("created with bluma_live_abcdef", extra={"event": "created", "job": "k0", "video": "batch_1"})

    line = json.loads(capsys.readouterr().err)
    assert {name: line[name] for name in ("level", "event", "job", "video", "epoch", "detail")} == {
        "level": "info",
        "event": "created",
        "job": "k0",
        "video": "batch_1",
        "epoch": None,
        "detail": "created with bluma_live_***",
    }


def test_a_line_of_json_has_the_reason_of_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A webhook handler that fails is logged with its traceback, in one line that any encoding can show."""
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setenv("BLUMA_LOG", "info")
    monkeypatch.setenv("BLUMA_LOG_FORMAT", "json")

    def fail() -> None:
        raise ZeroDivisionError("división by bluma_live_abcdef")

    AsyncBluma(KEY)
    try:
        fail()
    except ZeroDivisionError:
        logger.exception("A handler failed.")

    (text,) = capsys.readouterr().err.splitlines()
    detail = json.loads(text)["detail"]
    assert detail.startswith("A handler failed.\nTraceback")
    assert detail.endswith("ZeroDivisionError: división by bluma_live_***")
    assert text.isascii()


def test_a_worker_prints_each_line_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Its client reads `BLUMA_LOG` too. Another handler of a program does not replace the one of `BLUMA_LOG`."""
    for other in (logger, *map(logging.getLogger, OTHERS)):
        monkeypatch.setattr(other, "handlers", [])
        monkeypatch.setattr(other, "propagate", other.propagate)
        monkeypatch.setattr(other, "level", other.level)
    monkeypatch.setenv("BLUMA_LOG", "info")
    errors_alone = logging.StreamHandler()
    errors_alone.setLevel(logging.ERROR)

    log_worker(is_json=False)
    logger.addHandler(errors_alone)
    AsyncBluma(KEY)
    logger.info("once")
    logger.handlers = [errors_alone]
    AsyncBluma(KEY)
    logger.info("again")

    assert [line.split()[-1] for line in capsys.readouterr().err.splitlines()] == ["once", "again"]


@pytest.mark.parametrize(
    ("variable", "value", "choices"),
    [("BLUMA_LOG", "loud", "debug, info, warning, error"), ("BLUMA_LOG_FORMAT", "xml", "text, json")],
)
def test_an_invalid_log_setting_is_refused(
    variable: str, value: str, choices: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error for a typo in a variable of the log lists the valid values."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(errors.InvalidArgumentError, match=f"{variable} must be one of {choices}, not '{value}'"):
        AsyncBluma(KEY)
