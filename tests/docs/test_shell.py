"""The shell blocks of README.md and of the documents: their commands are run against a sandbox, or at least parsed."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Dict, Iterator, List

import click
import pytest

from bluma import Bluma, Luma
from bluma_async.sandbox import Sandbox
from tests.cli.commands import ROOT, Block, find_blocks, find_name, parse
from tests.cli.test_cli import run
from tests.docs.conftest import keep_local
from tests.live import Live

BLOCKS = find_blocks("README.md", "docs/*.md")
OWN = [block for block in BLOCKS if block.own_commands]
PARSED = {  # the reason why it is not run
    "batch migrate": "needs a database of the name; tests/fleet runs it",
    "listen": "never ends; tests/cli/test_listen.py runs it",
    "open": "starts a browser",
    "sandbox": "never ends; tests/cli/test_cli.py runs it",
    "worker": "never ends; tests/fleet runs it",
}
OTHERS = {"pip", "python", "python3", "export", "jq", "head", "ffprobe", "eval"}  # of the system, or of Python
JOBS = "template_id,prompt\nugc-text-overlay,Why is the sky blue?\nugc-text-overlay,Why do cats purr?\n"


class Hook(BaseHTTPRequestHandler):
    """The program of a reader, which accepts every event."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def hook() -> Iterator[str]:
    """Give the URL of a program that receives events."""
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()
        thread.join()


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """Give a sandbox that finishes videos at once, and the environment and the files of a reader."""
    live = Live(at_once=True)
    with live as sandbox:
        live.run(keep_local(sandbox))
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BLUMA_CONFIG_DIR", str(tmp_path / "config"))
        for name in ("kie", "umami", "vapi"):
            monkeypatch.setenv(f"{name.upper()}_API_KEY", sandbox.live_key)
            monkeypatch.setenv(f"{name.upper()}_BASE_URL", sandbox.luma_url(name))
        monkeypatch.chdir(tmp_path)
        Path("jobs.csv").write_text(JOBS, encoding="utf-8")
        Path("context.json").write_text(json.dumps({"prompt": "Hello"}), encoding="utf-8")
        yield sandbox


def find_own_words(block: Block, sandbox: Sandbox, hook: str) -> Dict[str, str]:
    """Return what a reader has in place of the words of a page."""
    words = {"http://localhost:8000/hook": hook, "https://staging.example.com/api/v1": sandbox.base_url}
    with Bluma() as client:
        for word in sorted(set(re.findall(r"\b(?:batch|webhook)_1\b|\bbatch_2\b", block.text))):
            made: Any = (
                client.videos.create({"prompt": "Hello"}, "ugc-text-overlay")
                if word.startswith("batch")
                else client.webhooks.create("https://app.example.com/hook", ["video.failed"])
            )
            words[word] = made.id
    with Luma("umami") as luma:
        for word in sorted(set(re.findall(r"\bgen_[12]\b", block.text))):
            words[word] = luma.generations.create("Flying jellyfish").id
    return words


def execute(arguments: List[str]) -> int:
    """Run a command, and return its exit code. One whose output is a video gets a process, and an output of its own."""
    if "-" not in arguments:
        return run(arguments)
    done = subprocess.run([sys.executable, "-m", "bluma", *arguments], capture_output=True, check=False)
    assert done.stdout[4:8] == b"ftyp"
    return done.returncode


@pytest.mark.parametrize("block", OWN, ids=str)
def test_the_commands_of_a_block_run(block: Block, live: Sandbox, hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, as a reader types them; the exit code is 0."""
    words = find_own_words(block, live, hook)

    for arguments in block.own_commands:
        typed = [words.get(word, word) for word in arguments]
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{live.live_key}\n"))
        if find_name(typed) in PARSED or any(word.startswith("postgresql:") for word in typed):
            parse(typed)
        else:
            assert (execute(typed), arguments) == (0, arguments)


def test_every_command_is_one_that_is_known() -> None:
    """A block has commands of this project, and a few of others that are not run."""
    words: List[str] = [Path(command[0]).name for block in BLOCKS for command in block.commands]

    assert set(words) <= {"bluma", *OTHERS}
    assert words.count("bluma") > 40


@pytest.mark.parametrize(
    "line",
    ["bluma nonsense", "bluma list --form 2026-01-01", "bluma list --from tomorrow", "bluma batch run", "bluma batch"],
)
def test_a_wrong_command_is_noticed(line: str) -> None:
    """No such command or option, an invalid value, or a missing argument."""
    (arguments,) = Block("page", 0, line).own_commands

    with pytest.raises(click.UsageError):
        parse(arguments)


def test_no_page_installs_the_official_package() -> None:
    """`bluma[...]` without a version is 1.2.0 in a new environment; in the pages and examples it has one."""
    pages = [
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("*.md"),
        *(path for path in ROOT.glob("examples/**/*") if path.is_file()),
    ]
    texts = {path: path.read_text(encoding="utf-8") for path in pages if path.suffix != ".pyc"}
    found = [
        (path.name, name) for path, text in texts.items() for name in re.findall(r'install .*?"(bluma\b.*?)"', text)
    ]

    assert len(found) > 8
    assert [one for one in found if not re.fullmatch(r"bluma\[[a-z,]+\]>=2", one[1])] == []
