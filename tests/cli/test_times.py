"""The options that take a time: `--from` and `--to` of `bluma list` and `bluma usage`."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import List

import pytest

from bluma_async.cli.main import bluma
from bluma_async.cli.times import parse_begin, parse_end
from bluma_async.sandbox import Sandbox
from tests.cli.reference import list_commands
from tests.cli.test_account_commands import create, read_json
from tests.cli.test_cli import run

Capture = pytest.CaptureFixture[str]
INVALID = ["2026-13-01", "2026-02-30", "yesterday", "", "2026-01-31T25:00Z", "20260131", "0001-01-01T00:00+01:00"]


def shift(created_at: str, days: int) -> str:
    """Return the date of a time, some days later."""
    return (datetime.fromisoformat(created_at[:10]) + timedelta(days=days)).date().isoformat()


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026-01-31", "2026-01-31T00:00:00", "2026-02-01T00:00:00"),
        ("2026-01-31T09:30", "2026-01-31T09:30:00", None),
        ("2026-01-31 09:30:15", "2026-01-31T09:30:15", None),
        ("2026-01-31T09:30Z", "2026-01-31T09:30:00", None),
        ("2026-01-31T00:30:00+02:00", "2026-01-30T22:30:00", None),
        ("2026-01-31T22:30:00.5-0330", "2026-02-01T02:00:00.500000", None),
    ],
)
def test_a_time_is_in_utc(text: str, begin: str, end: str | None) -> None:
    """A date begins at its midnight, and ends at the next one; other times are the same for both."""
    found = [parse_begin(text), parse_end(text)]

    assert [time.isoformat() for time in found] == [f"{begin}+00:00", f"{end or begin}+00:00"]
    assert all(time.tzinfo is timezone.utc for time in found)


def test_videos_are_listed_by_their_date(live: Sandbox, capsys: Capture) -> None:
    """A date for --to includes the videos of that day."""
    made = create(capsys)
    before, day, after = (shift(made["created_at"], days) for days in (-1, 0, 1))

    spans = {"from before": ["--from", before], "to day": ["--to", day], "both": ["--from", before, "--to", day]}
    empty = {"from after": ["--from", after], "to before": ["--to", before]}
    exact = ["--from", before, "--to", made["created_at"]]

    assert {name: len(read_json(capsys, "list", *span)) for name, span in spans.items()} == dict.fromkeys(spans, 1)
    assert {name: len(read_json(capsys, "list", "--all", *span)) for name, span in empty.items()} == dict.fromkeys(
        empty, 0
    )
    assert read_json(capsys, "list", *exact) == []  # created before this second


def test_the_usage_of_two_dates(live: Sandbox, capsys: Capture) -> None:
    """The period begins with the first day, and ends with the last one."""
    day = create(capsys)["created_at"][:10]

    (usage,) = read_json(capsys, "usage", "--from", day, "--to", day)

    assert usage["credits_consumed"] == 2
    assert usage["period"] == {"start": f"{day}T00:00:00Z", "end": f"{shift(day, 1)}T00:00:00Z"}


@pytest.mark.parametrize("command", ["list", "usage"])
@pytest.mark.parametrize("option", ["--from", "--to"])
def test_an_invalid_time_is_refused(live: Sandbox, capsys: Capture, command: str, option: str) -> None:
    """Exit code 2 and a sentence with examples; nothing was sent."""
    texts: List[str] = [*INVALID, "9999-12-31"] if option == "--to" else INVALID

    assert [run([command, option, text]) for text in texts] == [2] * len(texts)

    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == len(texts)
    assert all("is not a time such as 2026-01-31," in line and "Nothing was sent." in line for line in errors)
    assert live.state()["requests"] == 0


def test_every_option_for_a_time_is_parsed() -> None:
    """An option that is named like a time is one of those above."""
    names = {"--from", "--to", "--since", "--until", "--before", "--after"}
    found = [(words[1:], names & set(one.opts)) for words, command in list_commands(bluma) for one in command.params]

    assert [(words, option) for words, option in found if option] == [
        (("list",), {"--from"}), (("list",), {"--to"}), (("usage",), {"--from"}), (("usage",), {"--to"}),
    ]  # fmt: skip
