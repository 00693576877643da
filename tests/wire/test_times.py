"""Times of the API are parsed in every form that the documents show."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from bluma_async._wire.times import read_datetime

NOON = datetime(2025, 11, 3, 10, 30, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-11-03T10:30:00Z", NOON),
        ("2025-11-03t10:30:00z", NOON),
        ("2025-11-03 10:30", NOON),
        ("2025-11-03T10:30:00", NOON),
        ("2025-11-03T12:30:00+02:00", NOON),
        ("2025-11-03T08:00:00-0230", NOON),
        ("2025-11-03T12:30:00+02", NOON),
        ("2025-11-03T10:30:00.123456789Z", NOON.replace(microsecond=123456)),
        ("2025-11-03T10:30:00,5Z", NOON.replace(microsecond=500000)),
    ],
)
def test_times_are_read_in_every_usual_form(text: str, moment: datetime) -> None:
    """Item 1: also the forms that Python 3.8 cannot parse; a time without an offset is in UTC."""
    assert read_datetime(text) == moment
    assert read_datetime(text).tzinfo is timezone.utc


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2025-11-03", "2025-13-03T10:30:00Z", "0001-01-01T00:00:00+23:00", 5, None]
)
def test_an_invalid_time_is_refused(text: object) -> None:
    """An invalid time raises one of the errors that callers handle."""
    with pytest.raises((ValueError, OverflowError)):
        read_datetime(text)
