"""Print that the hourly budget of the key is spent, once for each pause: the SDK logs it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import Generator

from bluma_async._runtime.log import logger
from bluma_async._session.pauses import PAUSED
from bluma_async.cli.output import say_aside

__all__ = ["printed_pauses"]


class _Printer(logging.Handler):
    """Prints the records of pauses to stderr, and no others."""

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "event", "") == PAUSED:
            say_aside(record.getMessage())


@contextmanager
def printed_pauses() -> Generator[None, None, None]:
    """Print the pauses that begin until the end of the block."""
    printer = _Printer()
    logger.addHandler(printer)
    try:
        yield
    finally:
        logger.removeHandler(printer)
