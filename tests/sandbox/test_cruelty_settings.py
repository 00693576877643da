"""Cruelty: validation, the profile, the control surface and the command line."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
from typing import Any, Dict

import pytest
from click.testing import CliRunner

from bluma_async.cli.sandbox import sandbox as command
from bluma_async.sandbox import Cruelty, Sandbox, draw_cruelty
from bluma_async.sandbox.cruelty import parse_settings
from tests.sandbox.conftest import Plain

WRONG: Any = [
    {"list_lag": -1},
    {"commit_delay": "4"},
    {"read_lag": float("nan")},
    {"date_ahead": 10**9},
    {"created_at": "never"},
    {"no_credits_charged": 1},
    {"retry_after_zero": "yes"},
    {"unordered_lists": None},
    {"list_failures": 1.1},
    {"list_failure_kinds": []},
    {"lost_creates": -0.1},
    {"lost_create_kinds": ["explode"]},
    {"page_cap": 0},
    {"idle_close": 0},
    {"strangers": -1},
    {"stranger_templates": ["nothing"]},
    {"seed": 1.5},
    {"vapi_quirks": ["gibberish"]},
    {"vapi_quirks": "text_plain"},
    {"hurry": True},
]


@pytest.mark.parametrize("values", WRONG)
async def test_invalid_cruelty_is_rejected(plain: Plain, values: Dict[str, Any]) -> None:
    """The error names the setting, in Python and over HTTP, and nothing changes."""
    with pytest.raises(ValueError, match=next(iter(values))):
        Cruelty().change(**values)
    is_json = {"Content-Type": "application/json"}
    status, answer, _ = await plain("POST", "/_sandbox/cruelty", data=_dump(values), headers=is_json)

    assert (status, plain.sandbox.cruelty) == (400, Cruelty())
    assert "NaN" in _dump(values) or next(iter(values)) in answer["error"]["detail"]


def _dump(values: Any) -> str:
    import json

    return json.dumps(values)


async def test_the_control_surface_changes_cruelty(sandbox: Sandbox, plain: Plain) -> None:
    """A subset changes, the rest stays; a profile draws all; DELETE resets."""
    await plain("POST", "/_sandbox/cruelty", {"list_lag": 3, "lost_create_kinds": ["silent"]})
    _, changed, _ = await plain("POST", "/_sandbox/cruelty", {"date_ahead": None})
    in_python = sandbox.cruelty
    _, drawn, _ = await plain("POST", "/_sandbox/cruelty", {"profile": "cruel", "seed": 3, "read_lag": 1})
    _, reset, _ = await plain("DELETE", "/_sandbox/cruelty")
    _, shown, _ = await plain("GET", "/_sandbox/cruelty")

    assert in_python == Cruelty(list_lag=3, lost_create_kinds=("silent",), date_ahead=None)
    assert (changed["list_lag"], changed["date_ahead"]) == (3, None)
    assert Cruelty().change(**drawn) == draw_cruelty(3, read_lag=1)
    assert Cruelty().change(**reset) == Cruelty().change(**shown) == sandbox.cruelty == Cruelty()


async def test_wrong_profiles_are_rejected(plain: Plain) -> None:
    """A profile that does not exist, and a seed that is not a whole number."""
    codes = [
        (await plain("POST", "/_sandbox/cruelty", body))[0]
        for body in ({"profile": "mild"}, {"profile": "cruel", "seed": "x"}, {"profile": "cruel", "fixed": 1})
    ]

    assert codes == [400, 400, 400]
    with pytest.raises(ValueError, match="profile"):
        Sandbox(profile="mild")
    with pytest.raises(ValueError, match="seed"):
        Sandbox(profile="cruel", seed=1.5)
    with pytest.raises(ValueError, match="together"):
        Sandbox(profile="cruel", cruelty=Cruelty())


def test_a_profile_stays_within_its_bounds() -> None:
    """Thousand seeds: each bound holds, each setting is drawn and left out, and the global generator is untouched."""
    before = random.getstate()
    drawn = [draw_cruelty(seed) for seed in range(1000)]

    assert random.getstate() == before
    assert max(cruelty.commit_delay + cruelty.list_lag for cruelty in drawn) <= 0.95 * 30
    assert max(cruelty.commit_delay + cruelty.list_lag for cruelty in drawn) > 25
    assert max(abs(cruelty.date_ahead or 0) for cruelty in drawn) <= 55
    assert 0 < max(cruelty.read_lag for cruelty in drawn) < 60
    for name in set(Cruelty().to_dict()) - {"seed", "stranger_templates", "list_failure_kinds", "lost_create_kinds"}:
        default = getattr(Cruelty(), name)
        assert {getattr(cruelty, name) == default for cruelty in drawn} == {True, False}, name
    assert any(cruelty.date_ahead is None for cruelty in drawn)


def test_a_profile_is_reproducible() -> None:
    """One seed draws one set of values; a setting that is fixed leaves the others as they were."""
    plain, fixed = draw_cruelty(5), draw_cruelty(5, strangers=60)

    assert draw_cruelty(5) == plain != draw_cruelty(6)
    assert fixed == plain.change(strangers=60)


async def test_a_cruel_sandbox_logs_its_values(caplog: pytest.LogCaptureFixture) -> None:
    """The values of a profile are logged at WARNING, so that a failing test shows them."""
    with caplog.at_level(logging.WARNING, logger="bluma.sandbox"):
        async with Sandbox(clock="manual", render=False, profile="cruel", seed=7) as sandbox:
            cruelty = sandbox.cruelty

    assert cruelty == draw_cruelty(7)
    assert f"The sandbox is cruel: {cruelty}." in caplog.text
    assert "seed=7" in str(cruelty)
    assert str(Cruelty()) == "none"


def test_settings_are_parsed_from_text() -> None:
    """Numbers, flags, words, lists, none; a name may have dashes."""
    texts = ["list-lag=3", "date_ahead=none", "created_at=arrival", "unordered_lists=true", "page_cap=2",
             "lost_create_kinds=silent,cut_after", "vapi_quirks=text_plain"]  # fmt: skip

    assert parse_settings(texts) == {
        "list_lag": 3, "date_ahead": None, "created_at": "arrival", "unordered_lists": True, "page_cap": 2,
        "lost_create_kinds": ["silent", "cut_after"], "vapi_quirks": ["text_plain"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cruelty", "hurry=1"], "There is no cruelty hurry; there are list_lag"),
        (["--cruelty", "list_lag"], "NAME=VALUE"),
        (["--cruel", "--cruelty", "list_lag=-1"], "list_lag must be a number"),
    ],
)
def test_the_command_rejects_wrong_cruelty(arguments: Any, message: str) -> None:
    """The error names the option, and nothing is served."""
    outcome = CliRunner().invoke(command, ["--port", "0", *arguments])

    assert outcome.exit_code == 2
    assert message in outcome.output


def test_the_command_starts_a_cruel_sandbox() -> None:
    """It prints the drawn values, with those that were given in place of drawn ones."""
    program = [sys.executable, "-m", "bluma", "sandbox", "--port", "0", "--no-render", "--cruel", "--seed", "9"]
    process = subprocess.Popen(
        [*program, "--cruelty", "list_lag=3"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    process.terminate()
    process.communicate()

    assert line == f"Cruelty: {draw_cruelty(9, list_lag=3)}.\n"
