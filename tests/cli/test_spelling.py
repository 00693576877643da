"""Errors in the words of the command line: options, and not arguments of functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from bluma_async.cli.spelling import SPELLINGS, spell_for_commands
from bluma_async.sandbox import Sandbox
from tests.cli.test_cli import run

ROOM = Path(__file__).parents[2] / "bluma_async"


def test_a_missing_key_names_the_ways_to_give_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A newcomer reads about the variable, the profiles and the sandbox; exit code 4."""
    monkeypatch.delenv("BLUMA_API_KEY", raising=False)

    assert run(["balance"]) == 4

    err = capsys.readouterr().err
    assert "set BLUMA_API_KEY, keep it with `bluma config set`, or try --sandbox." in err
    assert "api_key=" not in err


def test_an_unknown_template_names_the_command_that_lists_them(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The API's answer alone says only that it is none; the value and the id that is closest to it are named too."""
    assert run(["generate", "x", "-t", "ugc-text-overla", "-o", str(tmp_path / "x.mp4")]) == 3

    err = capsys.readouterr().err
    assert "The template 'ugc-text-overla' was refused: " in err
    assert "Did you mean 'ugc-text-overlay'? `bluma templates` lists the templates." in err
    assert live.state()["billed"] == 0


def test_a_batch_with_a_url_names_the_option_of_its_journal(
    live: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`journal=` is not an option."""
    pytest.importorskip("obstore", reason="obstore has no release for this Python")
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("template_id,prompt\nugc-text-overlay,x\n", encoding="utf-8")

    assert run(["batch", "run", str(jobs), "--out", "s3://bucket/videos"]) == 2
    assert "needs a journal, such as --journal jobs.sqlite" in capsys.readouterr().err
    assert live.requests == []


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            """Video b is not lost; continue with client.videos.save('b', "s3://it's/x.mp4").""",
            "Video b is not lost.",
        ),
        ("Generation g is not lost; continue with save('g', 'x.mp4').", "Generation g is not lost."),
    ],
)
def test_a_call_that_saves_is_left_out(message: str, expected: str) -> None:
    """A user of the command line has no client; the command prints how to continue in a line of its own."""
    assert spell_for_commands(message) == expected


@pytest.mark.parametrize("provider", ["bluma", "vapi"])
def test_a_failed_save_names_the_command(
    live: Sandbox, tmp_path: Path, provider: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message of the download names a call; the command line prints one command that continues."""
    monkeypatch.setenv("VAPI_BASE_URL", live.luma_url("vapi"))
    monkeypatch.setenv("VAPI_API_KEY", live.live_key)
    live.faults.add("GET /cdn/{place}", "status", status=200, body="html", times=None)
    target = ["-o", str(tmp_path / "x.mp4"), "--poll-interval", "0.01"]
    luma = ["luma", "generate", "x", "--provider", "vapi"]

    code = run([*(luma if provider == "vapi" else ["generate", "x", "-t", "ugc-text-overlay"]), *target])

    err = capsys.readouterr().err
    assert (code, "save('" in err) == (1, False)
    assert err.count(" save ") == 1


@pytest.mark.parametrize("argument", SPELLINGS)
def test_the_sdk_has_each_spelling(argument: str) -> None:
    """A message that has changed is noticed."""
    sources = "".join(
        path.read_text(encoding="utf-8") for path in ROOM.rglob("*.py") if path.name != "spelling.py"
    ).replace("{environment['api_key']}", "BLUMA_API_KEY")

    assert argument in sources
    assert spell_for_commands(argument) != argument
