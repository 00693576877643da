"""Completion in a shell: commands, template ids, batch keys, profiles; no request is sent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import List

import click
import pytest

from bluma_async.cli.main import CATALOGUE, bluma
from bluma_async.sandbox import Sandbox
from tests.cli.test_cli import run

START = "import sys\nfrom bluma_command import main\nsys.exit(main())\n"


def complete(*words: str) -> List[str]:
    """Return what bash would be offered after these words."""
    line = " ".join(["bluma", *words])
    variables = {"_BLUMA_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    done = subprocess.run(
        [sys.executable, "-c", START],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return [entry.partition(",")[2] for entry in done.stdout.splitlines() if entry]


def test_commands_and_options_are_completed() -> None:
    """The names of commands, of commands in groups, and of options."""
    assert complete("te") == ["templates"]
    assert complete("webhooks", "de") == ["delete", "deliveries"]
    assert "--context-file" in complete("generate", "--con")


def test_template_ids_are_completed(live: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the documents, and those that `bluma templates` has listed."""
    before = complete("generate", "-t", "ugc")
    sent = len(live.requests)
    state = Path(os.environ["BLUMA_STATE_DIR"])
    state.mkdir(parents=True, exist_ok=True)
    run(["templates"])
    remembered = (state / "templates.txt").read_text(encoding="utf-8").splitlines()
    (state / "templates.txt").write_text("ugc-of-our-own\n", encoding="utf-8")

    assert (before, sent) == (["ugc-text-overlay"], 0)
    assert "ugc-text-overlay" in remembered
    assert complete("templates", "show", "ugc") == ["ugc-of-our-own", "ugc-text-overlay"]


def test_batch_keys_are_completed(live: Sandbox, tmp_path: Path) -> None:
    """The keys of the journal that the line names; none without a journal."""
    jobs, where = tmp_path / "jobs.csv", ["--out", str(tmp_path / "v")]
    jobs.write_text("template_id,prompt,key\nugc-text-overlay,x,sky\nugc-text-overlay,y,sea\n", encoding="utf-8")
    run(["batch", "run", str(jobs), *where, "--poll-interval", "0.01"])

    assert complete("batch", "adopt", *where, "s") == ["sky", "sea"]
    assert complete("batch", "adopt", "--out", str(tmp_path / "none"), "s") == []


def test_what_is_read_from_a_journal_needs_no_url(
    live: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`batch status` and the keys of a batch send nothing, so that an invalid BLUMA_BASE_URL does not matter."""
    where = ["--out", str(tmp_path / "videos")]
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("template_id,prompt,key\nugc-text-overlay,x,sky\n", encoding="utf-8")
    run(["batch", "run", str(jobs), *where, "--poll-interval", "0.01"])
    monkeypatch.setenv("BLUMA_BASE_URL", "foo")
    monkeypatch.setenv("BLUMA_API_KEY", "two words")
    capsys.readouterr()

    assert run(["batch", "status", *where]) == 0
    assert capsys.readouterr().out.startswith("1 jobs: 1 saved\n")
    assert complete("batch", "adopt", *where, "s") == ["sky"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The script calls this command."""
    if shell == "bash" and sys.platform == "win32":
        pytest.skip("there is no bash")

    assert run(["completion", shell]) == 0
    assert "_BLUMA_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_catalogue_is_true(name: str) -> None:
    """Each command of `--help` is in its module, and has a docstring and help for each option."""
    command = bluma.get_command(click.Context(bluma), name)

    assert command is not None
    assert command.name == name
    assert command.help
    commands = command.commands.values() if isinstance(command, click.Group) else [command]
    for each in commands:
        assert each.help
        assert [option.name for option in each.params if isinstance(option, click.Option) and not option.help] == []
