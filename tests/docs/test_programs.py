"""
The curl, Node and `requests` programs of the quickstart, UmamiAI and V-API run against the sandbox, word for word.

Only what a reader replaces is replaced: the address, the key, and the ids that stand for the reader's own. FIXES lists
the three programs that cannot run as they are printed (UmamiAI trap 3).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Tuple

import pytest

from bluma_async.sandbox import Sandbox
from tests.docs.sample_code import GENERATIONS, PRINTS, SAMPLES

PROGRAMS = SAMPLES / "programs"
PRELOAD = Path(__file__).parent / "node_preload.js"
NO_BACKSLASH = ("API_KEY'\n", "API_KEY' \\\n")
FIXES: Mapping[str, Tuple[str, str]] = {
    "umami_create.sh": NO_BACKSLASH,
    "umami_read.sh": NO_BACKSLASH,
    "umami_extend.py": ("import requests\n", "import requests\ntrue = True\n"),
}
SECONDS = 15  # for one program, on a loaded machine
UMAMI_FIELDS = {"created_at", "estimate_wait_seconds", "id", "liked", "prompt", "state", "video"}
CREATED_FIELDS = [
    "id", "status", "template_id", "created_at", "estimated_completion", "status_url", "credits_charged",
]  # fmt: skip
COMPLETED_FIELDS = [
    "id", "status", "progress", "template_id", "url", "thumbnail_url", "duration", "size_bytes", "created_at",
    "completed_at",
]  # fmt: skip


def read_program(name: str, sandbox: Sandbox) -> str:
    """Return a program with the address, the key and the ids of the sandbox."""
    text = (PROGRAMS / name).read_text(encoding="utf-8")
    text = text.replace(*FIXES.get(name, ("", "")))
    for theirs, ours in (
        ("https://api.getbluma.com/api/v1", sandbox.base_url),
        ("https://api.umamiai.xyz/v1", sandbox.luma_url("umami")),
        ("https://api.gpt.ge", sandbox.luma_url("vapi")),
        ("ids=text", f"ids={GENERATIONS[0]}"),
        ("{taskId}", GENERATIONS[0]),
    ):
        text = text.replace(theirs, ours)
    return re.sub(r"(?<!\$)YOUR_(UMAMIAI_)?(API_KEY|TOKEN)", sandbox.live_key, text)


def run(command: Any, sandbox: Sandbox, folder: Path) -> str:
    """Run a command, and return its output; it must succeed."""
    environment = {**os.environ, "YOUR_TOKEN": sandbox.live_key, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def node() -> str:
    """Return the path of Node, or skip the test."""
    path = shutil.which("node")
    if path is None or subprocess.run([path, "-e", "fetch"], capture_output=True, check=False).returncode:
        pytest.skip("Node with fetch is not installed: the Node programs of the documents were not run")
    return path


def run_shell(name: str, sandbox: Sandbox, folder: Path) -> Any:
    """Run a curl program, and return the JSON that it prints."""
    if not (shutil.which("curl") and shutil.which("sh")):
        pytest.skip("curl is not installed: the curl programs of the documents were not run")
    return json.loads(run(["sh", "-c", read_program(name, sandbox)], sandbox, folder))


def run_node(name: str, sandbox: Sandbox, folder: Path, node: str) -> str:
    """Run a Node program, and return its output; a program that keeps its answer in `data` has it printed."""
    text = read_program(name, sandbox)
    if "console.log" not in text:
        text += "console.log(data);\n"
    path = folder / (f"{name}.cjs" if "require(" in text else f"{name}.mjs")
    path.write_text(text, encoding="utf-8")
    return run([node, "--require", str(PRELOAD), str(path)], sandbox, folder)


def run_python(name: str, sandbox: Sandbox) -> Any:
    """Run a Python program, and return the JSON of its answer."""
    names: Dict[str, Any] = {"__name__": "__main__"}
    exec(compile(read_program(name, sandbox), name, "exec"), names)
    return names["resp" if "resp" in names else "response"].json()


def check_templates(shown: Any) -> None:
    """Assert that the quickstart's answer is there; each template may have further fields after those shown."""
    expected = json.loads((PROGRAMS / "quickstart_templates.json").read_text(encoding="utf-8"))
    cut = [dict(list(template.items())[:6]) for template in shown["templates"]]
    assert {**shown, "templates": cut} == expected
    assert [list(template) for template in cut] == [list(template) for template in expected["templates"]]


def check_created(shown: Any) -> None:
    """Assert that an accepted video has every field that the quickstart shows."""
    assert [name for name in shown if name in CREATED_FIELDS] == CREATED_FIELDS
    assert (shown["status"], shown["credits_charged"], shown["id"][:6]) == ("queued", 2, "batch_")


def check_completed(shown: Any) -> None:
    """Assert that a completed video has every field that the quickstart shows."""
    assert set(shown) >= set(COMPLETED_FIELDS)
    assert (shown["status"], shown["progress"]) == ("completed", 100)


def check_link(shown: Any) -> None:
    """Assert that a link has the two fields that the quickstart shows."""
    assert list(shown) == ["download_url", "expires_at"]


def check_started(shown: Any) -> None:
    """Assert that a generation of UmamiAI has exactly the fields that its page shows."""
    assert set(shown) == UMAMI_FIELDS
    assert (shown["state"], shown["video"]) == ("pending", None)
    assert shown["prompt"] in {"Flying jellyfish", "Flying jellyfish with a hat", "A beautiful sunset over the ocean"}


def check_read(shown: Any) -> None:
    """Assert that a read returns a list of one completed generation, as the page of UmamiAI shows it."""
    (generation,) = shown
    assert set(generation) == UMAMI_FIELDS
    assert (generation["id"], generation["state"]) == (GENERATIONS[0], "completed")
    assert set(generation["video"]) == {"height", "width", "thumbnail", "url"}
    assert (generation["video"]["width"], generation["video"]["height"]) == (1280, 720)


def check_vapi(shown: Any) -> None:
    """Assert that a generation of V-API has exactly the fields that its page shows, with their forms."""
    assert list(shown) == ["id", "state", "created_at", "request"]
    assert shown["request"] == {"prompt": "cat dance", "aspect_ratio": "16:9"}
    assert shown["state"] == "pending"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", shown["created_at"])


CHECKS: Mapping[str, Callable[[Any], None]] = {
    "quickstart_templates": check_templates,
    "quickstart_create": check_created,
    "quickstart_status": check_completed,
    "quickstart_download": check_link,
    "umami_create": check_started,
    "umami_extend": check_started,
    "umami_extend_example": check_started,
    "umami_read": check_read,
    "umami_read_example": check_read,
    "vapi_create": check_vapi,
}
OUTPUTS = {"quickstart_polling": PRINTS["quickstart_polling"]}  # programs that print text


def list_programs(suffix: str) -> Any:
    """Return the programs of a language."""
    return sorted(path.name for path in PROGRAMS.glob(f"*.{suffix}"))


@pytest.mark.parametrize("name", list_programs("sh"))
def test_a_curl_program_runs_as_written(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    """Items 122 to 125: the answer is the one that the page shows."""
    CHECKS[name[:-3]](run_shell(name, sandbox, tmp_path))


@pytest.mark.parametrize("name", list_programs("js"))
def test_a_node_program_runs_as_written(sandbox: Sandbox, tmp_path: Path, name: str, node: str) -> None:
    """Item 126: programs with fetch and with axios; the quickstart's loop ends with a link to the video."""
    output = run_node(name, sandbox, tmp_path, node)

    if name[:-3] in OUTPUTS:
        assert re.fullmatch(OUTPUTS[name[:-3]], output), output
    else:
        CHECKS[name[:-3]](json.loads(output))


@pytest.mark.parametrize("name", list_programs("py"))
def test_a_requests_program_runs_as_written(sandbox: Sandbox, name: str) -> None:
    """The programs with `requests` of the pages of UmamiAI and V-API."""
    CHECKS[name[:-3]](run_python(name, sandbox))


def test_no_program_is_left_out() -> None:
    """All 21 programs are run, every check belongs to a program, and every fix to one that needs it."""
    names = [path.name for path in PROGRAMS.iterdir() if path.suffix in {".sh", ".js", ".py"}]

    assert len(names) == 21
    assert {name.rsplit(".", 1)[0] for name in names} == {*CHECKS, *OUTPUTS}
    assert all(old in (PROGRAMS / name).read_text(encoding="utf-8") for name, (old, _) in FIXES.items())
