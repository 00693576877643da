"""
The `bluma` logger, and the mask for secrets in log lines and errors.

The prefixes of API keys and webhook secrets are known here, although this room knows nothing else of the API: a mask
that is applied to every text is the last line of defence, also where no caller knows the secret.
"""

from __future__ import annotations

import logging
import os
import re

from bluma_async.errors import InvalidArgumentError

__all__ = ["enable_logging", "logger", "mask"]

logger = logging.getLogger("bluma")
logger.addHandler(logging.NullHandler())

SECRETS = r"\b(bluma_(?:test|live)_|whsec_)[A-Za-z0-9_\-]+"  # compiled when it is first used
LEVELS = ("debug", "info", "warning", "error")


def mask(text: str, *secrets: str | None) -> str:
    """Return the text with the given secrets masked, and everything that looks like an API key or webhook secret."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return re.sub(SECRETS, r"\1***", text)


def enable_logging() -> None:
    """
    Write the log to stderr if the variable BLUMA_LOG names a level: debug, info, warning or error.

    Raises:
        InvalidArgumentError: BLUMA_LOG has another value.
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
        super().__init__()  # pyright: ignore[reportUnknownMemberType]  # generic in the stubs only
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
