"""
Write the log of a worker to stderr: warnings as text, or all of it as JSON for programs that collect logs.

Rule: a database that is gone is reported once, by the lease of the process. Procrastinate logs each attempt to
connect, and asyncio each task of Procrastinate that such an attempt ends; these records are left out.
"""

from __future__ import annotations

import logging

from bluma_async._runtime.json_log import JsonFormatter
from bluma_async._runtime.log import logger, mask
from bluma_async._runtime.log_output import TEXT, StderrHandler
from bluma_async.errors import BlumaError

__all__ = ["is_news", "log_worker"]

OTHERS = ("procrastinate", "asyncio")  # loggers, which have loggers below them


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))


def log_worker(*, is_json: bool) -> None:
    """
    Write the records of the SDK, and those of its libraries that report more than a lost database, to stderr.

    Args:
        is_json: Whether they are written as JSON, from INFO on. Text begins at WARNING, or at the level of BLUMA_LOG.
    """
    handler = StderrHandler(JsonFormatter() if is_json else _TextFormatter(TEXT))
    handler.addFilter(is_news)
    if is_json:
        logger.setLevel(logging.INFO)
    elif logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)
    logger.handlers = [handler]
    for name in OTHERS:
        other = logging.getLogger(name)
        other.handlers, other.propagate = [handler], False
        other.setLevel(logging.WARNING)


def is_news(record: logging.LogRecord) -> bool:
    """Return whether a record says more than that the database cannot be used."""
    problem = record.exc_info[1] if record.exc_info else None
    is_of_database = type(problem).__module__.startswith("psycopg") or type(problem).__name__ == "ConnectorException"
    if record.name == "asyncio":
        return not is_of_database
    return not (record.name.startswith("procrastinate") and (is_of_database or isinstance(problem, BlumaError)))
