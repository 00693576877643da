"""Print the two log records that a user of commands must see: a spent budget, and a paid video that is not recorded."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import Generator

from bluma_async._runtime.log import UNRECORDED, logger
from bluma_async._session.pauses import PAUSED
from bluma_async.cli.output import say_aside

__all__ = ["printed_log"]

PRINTED = (PAUSED, UNRECORDED)


class _Printer(logging.Handler):
    """Prints these records to stderr, and no others."""

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "event", "") in PRINTED:
            say_aside(record.getMessage())


@contextmanager
def printed_log() -> Generator[None, None, None]:
    """Print these records until the end of the block."""
    printer = _Printer()
    logger.addHandler(printer)
    try:
        yield
    finally:
        logger.removeHandler(printer)
