"""Write the log to the standard error, as the variables BLUMA_LOG and BLUMA_LOG_FORMAT say."""

from __future__ import annotations

import logging
import os
from typing import Sequence

from bluma_async._runtime.log import logger
from bluma_async.errors import InvalidArgumentError

__all__ = ["TEXT", "StderrHandler", "enable_logging"]

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")
TEXT = "%(asctime)s %(name)s %(levelname)s %(message)s"


def enable_logging() -> None:
    """
    Write the log to stderr if the variable BLUMA_LOG names a level: debug, info, warning or error.

    With BLUMA_LOG_FORMAT=json, each record is a line of JSON.

    Raises:
        InvalidArgumentError: One of the variables has another value.
    """
    level, form = _read("BLUMA_LOG", LEVELS), _read("BLUMA_LOG_FORMAT", FORMATS)
    if not level:
        return
    logger.setLevel(level.upper())
    if not any(isinstance(handler, StderrHandler) for handler in logger.handlers):
        logger.addHandler(StderrHandler(_build_formatter(is_json=form == "json")))


def _read(variable: str, choices: Sequence[str]) -> str:
    value = os.environ.get(variable, "").strip().lower()
    if value and value not in choices:
        raise InvalidArgumentError(f"{variable} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def _build_formatter(*, is_json: bool) -> logging.Formatter:
    if not is_json:
        return logging.Formatter(TEXT)
    from bluma_async._runtime.json_log import JsonFormatter  # noqa: PLC0415 - few programs need it

    return JsonFormatter()


class StderrHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic in the stubs only
    """The SDK's own handler. The logger gets one at most, whatever other handlers the program has."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]  # generic in the stubs only
        self.setFormatter(formatter)
