"""
The times in options: a date, or a date and a time, in UTC unless it names its offset.

Rule: a date means the whole day. A span begins with its first moment, and ends with its last one.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import click

from bluma_async.types._times import read_datetime

__all__ = ["parse_begin", "parse_end"]

DATE = re.compile(r"\d{4}-\d\d-\d\d")
EXAMPLES = "2026-01-31, 2026-01-31T09:00Z or 2026-01-31T09:00+02:00"


def parse_begin(text: str) -> datetime:
    """
    Return the time at which a span begins.

    Raises:
        BadParameter: It is not a time. The exit code is 2.
    """
    return _parse(text, timedelta(0))


def parse_end(text: str) -> datetime:
    """
    Return the time at which a span ends; for a date, the midnight after that day.

    Raises:
        BadParameter: It is not a time. The exit code is 2.
    """
    return _parse(text, timedelta(days=1))


def _parse(text: str, after_midnight: timedelta) -> datetime:
    try:
        if DATE.fullmatch(text) is None:
            return read_datetime(text)
        return read_datetime(f"{text}T00:00:00Z") + after_midnight
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{text!r} is not a time such as {EXAMPLES}. Nothing was sent.") from None
