"""Write the log to the standard error, as the variables BLUMA_LOG and BLUMA_LOG_FORMAT say."""

from __future__ import annotations

import logging
import os
import sys
from typing import Sequence

from bluma_async._runtime.log import logger
from bluma_async.errors import InvalidArgumentError

__all__ = ["enable_logging"]

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")


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
    if not any(map(_writes_to_stderr, logger.handlers)):
        logger.addHandler(_StderrHandler(is_json=form == "json"))


def _writes_to_stderr(handler: logging.Handler) -> bool:
    """Return whether a handler, perhaps the program's own, prints each line already."""
    return isinstance(handler, _StderrHandler) or getattr(handler, "stream", None) is sys.stderr


def _read(variable: str, choices: Sequence[str]) -> str:
    value = os.environ.get(variable, "").strip().lower()
    if value and value not in choices:
        raise InvalidArgumentError(f"{variable} must be one of {', '.join(choices)}, not {value!r}.")
    return value


class _StderrHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic in the stubs only
    def __init__(self, *, is_json: bool) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]  # generic in the stubs only
        if not is_json:
            self.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
            return
        from bluma_async._runtime.json_log import JsonFormatter  # noqa: PLC0415 - few programs need it

        self.setFormatter(JsonFormatter())
