"""The `bluma` logger, and what must never be written to it."""

from __future__ import annotations

import logging
import os
import re

from bluma_async.errors import InvalidArgumentError

__all__ = ["enable_logging", "logger", "mask"]

logger = logging.getLogger("bluma")
logger.addHandler(logging.NullHandler())

SECRETS = re.compile(r"\b(bluma_(?:test|live)_|whsec_)[A-Za-z0-9_\-]+")
LEVELS = ("debug", "info", "warning", "error")


def mask(text: str, *secrets: str | None) -> str:
    """Return the text without the given secrets, and without anything that looks like a key of Bluma's."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return SECRETS.sub(r"\1***", text)


def enable_logging() -> None:
    """
    Write the log to stderr if BLUMA_LOG names a level.

    Raises:
        InvalidArgumentError: It names something else.
    """
    level = os.environ.get("BLUMA_LOG", "").strip().lower()
    if not level:
        return
    if level not in LEVELS:
        raise InvalidArgumentError(f"BLUMA_LOG must be one of {', '.join(LEVELS)}, not {level!r}.")
    logger.setLevel(level.upper())
    if not any(isinstance(handler, _StderrHandler) for handler in logger.handlers):
        logger.addHandler(_StderrHandler())


class _StderrHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic in the stubs only
    def __init__(self) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]  # as above
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
