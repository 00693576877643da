"""The commands that are printed for later have each option that the user gave, so that they find what was paid for."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Iterator, List

import click
import pytest

from bluma_async.cli.continuing import find_given, spell_command
from bluma_async.sandbox import Sandbox
from tests.cli.commands import KNOWN, find_name, parse, running
from tests.cli.test_cli import run
from tests.live import Live

VALUES = {"url": "https://example.com", "output": "a b.mp4", "out": "o", "journal": "j.sqlite", "pairs": "a=b"}
ACCOUNT = ("in_sandbox", "profile")
CONTINUED = [("generate", "save"), ("create", "save"), ("batch run", "batch retry"), ("batch run", "batch adopt")]
CONTINUED += [("luma generate", "luma save"), ("luma modify", "luma save"), ("luma extend", "luma save")]
SELF = ["save", "batch run", "batch retry", "luma save", "luma wait"]


def give_everything(name: str) -> List[str]:
    """Return the arguments of a command with a value for each of its parameters."""
    words = name.split()
    for param in KNOWN[("bluma", *words)].params:
        if isinstance(param, click.Argument):
            words.append("x.csv")
        elif param.type is click.BOOL or getattr(param, "is_flag", False):
            words.append(param.opts[0])
        elif isinstance(param.type, click.Choice):
            words += [param.opts[0], str(list(param.type.choices)[-1])]
        else:
            words += [param.opts[0], VALUES.get(str(param.name), "7")]
    return words


@pytest.mark.parametrize(("name", "further"), [*CONTINUED, *((name, name) for name in SELF)])
def test_no_option_is_forgotten(name: str, further: str) -> None:
    """The further command has each option of the user that it knows, with its value, and can be parsed."""
    with running(*give_everything(name)) as context:
        spelled = shlex.split(spell_command(further.rsplit(maxsplit=1)[-1]))
        given = {each: context.params[each] for each in find_given(context)}

    with running(*spelled[1:]) as continued:
        common = {param: given[param] for param in given if param in continued.params}
        assert set(ACCOUNT) & set(continued.params) <= set(common)
        assert {param: continued.params[param] for param in common} == common
    assert find_name(spelled[1:]) == further
    parse(spelled[1:])


def test_only_given_options_are_printed() -> None:
    """Defaults are not printed, a password of a database is masked, and text with blanks is quoted."""
    with running("batch", "run", "jobs.csv", "--out", "o"):
        plain = spell_command()
    with running("batch", "run", "a b.csv", "--journal", "postgresql://user:secret@db/app", "--timeout", "0.5"):
        full = spell_command()

    assert plain == "bluma batch run jobs.csv --out o"
    assert full == "bluma batch run 'a b.csv' --journal 'postgresql://user:***@db/app' --timeout 0.5"


def test_what_a_command_needs_and_nobody_gave_is_in_capitals() -> None:
    """`create` has no -o, which `save` needs; None leaves an option out."""
    with running("create", "hi", "-t", "t", "--profile", "staging"):
        assert spell_command("save", video_id="batch_1") == "bluma save batch_1 -o FILE --profile staging"
    with running("batch", "retry", "--in-doubt", "resubmit", "--out", "o"):
        assert spell_command(in_doubt=None) == "bluma batch retry --out o"
        assert spell_command("adopt", video_id="VIDEO_ID") == "bluma batch adopt KEY VIDEO_ID --out o"


@pytest.fixture
def staging(monkeypatch: pytest.MonkeyPatch, config_folder: Path) -> Iterator[Sandbox]:
    """Give the account of a profile; the default profile is another account, which knows none of its videos."""
    monkeypatch.delenv("BLUMA_API_KEY", raising=False)
    monkeypatch.delenv("BLUMA_BASE_URL", raising=False)
    with Live(clock="real", speed=5000) as account, Live() as other:
        sections = (("default", other), ("staging", account))
        lines = [f"[{name}]\napi_key = {each.live_key}\nbase_url = {each.base_url}\n" for name, each in sections]
        config_folder.mkdir()
        (config_folder / "profiles.ini").write_text("".join(lines), encoding="utf-8")
        yield account


def test_the_printed_command_saves_the_video_of_a_profile(
    staging: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the profile the paid video would seem not to exist, and would be bought again."""
    target = tmp_path / "x.mp4"
    target.write_text("old", encoding="utf-8")
    options = ["--profile", "staging", "-o", str(target), "--overwrite", "--timeout", "0"]

    assert run(["generate", "hi", "-t", "ugc-text-overlay", *options]) == 6
    (command,) = re.findall(r"Continue with: bluma (.*)", capsys.readouterr().err)

    assert run([*shlex.split(command), "--timeout", "60", "--poll-interval", "0.01"]) == 0
    assert target.read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize(("words", "file"), [(["create"], "FILE"), (["generate", "-o", "x.mp4"], "x.mp4")])
def test_a_candidate_is_saved_from_the_account_of_its_create(
    staging: Sandbox, words: List[str], file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lost create names its candidates, and the command that saves one has the profile; exit code 5."""
    staging.faults.add("POST /videos", "drop_after")

    assert run([*words, "hi", "-t", "ugc-text-overlay", "--profile", "staging", "--settle-time", "0"]) == 5
    command = f"save it with: bluma save VIDEO_ID -o {file} --profile staging\n"
    assert capsys.readouterr().err.endswith(f"If one of them is yours, {command}")
