"""The commands that read and change the account: JSON, tables, tab-separated lines."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import click
import pytest

from bluma_async.cli.creating import CreateRequest, with_create
from bluma_async.cli.printing import Printer
from bluma_async.sandbox import Sandbox
from tests.cli.test_cli import run

Capture = pytest.CaptureFixture[str]


def read_json(capsys: Capture, *arguments: str) -> List[Dict[str, Any]]:
    """Run a command with --json, and return its objects, one a line."""
    capsys.readouterr()
    assert run([*arguments, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def create(capsys: Capture, *arguments: str) -> Dict[str, Any]:
    """Create a video, and return it."""
    return read_json(capsys, "create", "Hello", "-t", "ugc-text-overlay", *arguments)[0]


def test_a_video_step_by_step(live: Sandbox, tmp_path: Path, capsys: Capture) -> None:
    """`create`, `wait`, `get`, `list` and `open` print the same video; it is billed once."""
    made = create(capsys, "--resolution", "1080p", "--no-watermark", "--idempotency-key", "k1")

    waited = read_json(capsys, "wait", made["id"], "--poll-interval", "0.01")
    got = read_json(capsys, "get", made["id"])
    listed = read_json(capsys, "list", "--status", "completed", "-t", "ugc-text-overlay")
    code = run(["open", made["id"], "--print"])

    assert [videos[0]["id"] for videos in (waited, got, listed)] == [made["id"]] * 3
    assert waited[0]["status"] == "completed"
    assert (code, capsys.readouterr().out) == (0, got[0]["url"] + "\n")
    assert live.state()["billed"] == 1


def test_options_before_a_subcommand_are_not_lost(live: Sandbox, config_folder: Path, capsys: Capture) -> None:
    """They would be those of the group: `--sandbox` of a real key was ignored. A group reads no profile for others."""
    config_folder.mkdir()
    (config_folder / "profiles.ini").write_text("broken", encoding="utf-8")

    codes = [
        run(["templates", *options, "show", "ugc-text-overlay"])
        for options in (["--sandbox"], ["--json"], ["--profile", "x"])
    ]
    err = capsys.readouterr().err
    shown = run(["templates", "show", "ugc-text-overlay", "--sandbox"])

    assert (codes, shown) == ([2, 2, 2], 0)
    assert err.count(" behind `bluma templates show`. Nothing was sent.") == 3


def test_a_list_is_tab_separated_without_a_terminal(live: Sandbox, capsys: Capture) -> None:
    """Scripts cut the columns; --limit, --page and --all choose the videos."""
    ids = [create(capsys)["id"] for _ in range(3)][::-1]

    shown = []
    for options in (["--limit", "2"], ["--limit", "2", "--page", "2"], ["--all"], ["--limit", "150"]):
        assert run(["list", *options]) == 0
        shown.append([line.split("\t")[0] for line in capsys.readouterr().out.splitlines()])

    assert shown == [ids[:2], ids[2:], ids, ids]


def test_wait_fails_for_a_failed_video(live: Sandbox, capsys: Capture) -> None:
    """Several videos are awaited together; one that failed is named, and the exit code is 1."""
    good = create(capsys)["id"]
    bad = read_json(capsys, "create", "Hello [fail]", "-t", "ugc-text-overlay")[0]["id"]

    code = run(["wait", good, bad, "--poll-interval", "0.01"])

    out, err = capsys.readouterr()
    assert code == 1
    assert [line.split("\t")[:2] for line in out.splitlines()] == [[good, "completed"], [bad, "failed"]]
    assert f"Video {bad} failed: " in err


def test_the_context_comes_from_options_and_files(tmp_path: Path) -> None:
    """A file, then NAME=VALUE and NAME:=JSON, then the prompt: the later ones win."""
    file, seen = tmp_path / "context.json", []
    file.write_text('{"prompt": "replaced", "system_prompt": "Be brief", "brand_id": "b1"}', encoding="utf-8")

    @click.command()
    @with_create
    def command(request: CreateRequest) -> None:
        seen.append(request)

    pairs = ["--context", "brand_id=b2", "--context", 'custom_data:={"a": 1}', "--context-file", str(file)]
    others = ["--variant", "var_1", "--webhook-url", "https://example.com/hook", "--watermark", "--resolution", "4k"]
    command.main(["Hello", *pairs, *others], standalone_mode=False)

    (request,) = seen
    assert request.context == {
        "prompt": "Hello",
        "system_prompt": "Be brief",
        "brand_id": "b2",
        "custom_data": {"a": 1},
    }
    assert (request.template, request.variant, request.webhook_url) == (None, "var_1", "https://example.com/hook")
    assert request.options == {"resolution": "4k", "watermark": True}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--context", "brand"], "must be NAME=VALUE"),
        (["--context", "data:={"], "the value is not JSON"),
        (["--context-file", "no.json"], "cannot be read"),
        (["--context-file", "FILE"], "must have a JSON object"),
        (["--variant", "var_1"], "either --template or --variant"),
    ],
)
def test_a_context_that_cannot_be_read_is_refused(
    live: Sandbox, tmp_path: Path, capsys: Capture, arguments: List[str], message: str
) -> None:
    """Exit code 2, and nothing was sent."""
    file = tmp_path / "list.json"
    file.write_text("[1]", encoding="utf-8")

    code = run(
        ["create", "Hello", "-t", "ugc-text-overlay", *(str(file) if word == "FILE" else word for word in arguments)]
    )

    err = capsys.readouterr().err
    assert code == 2
    assert message in err
    assert "Nothing was sent." in err
    assert live.state()["billed"] == 0


def test_templates_and_variants(live: Sandbox, tmp_path: Path, capsys: Capture) -> None:
    """`templates` lists prices, `show` the schema; a variant is made from a file of settings, and deleted."""
    settings = tmp_path / "settings.json"
    settings.write_text('{"systemPrompt": "Be brief"}', encoding="utf-8")

    templates = read_json(capsys, "templates")
    (shown,) = read_json(capsys, "templates", "show", "ugc-text-overlay")
    (made,) = read_json(capsys, "variants", "create", "ugc-text-overlay", "Brief", "--settings", str(settings))
    (listed,) = read_json(capsys, "variants", "list", "ugc-text-overlay")
    (found,) = read_json(capsys, "variants", "show", "ugc-text-overlay", made["id"])
    deleted = run(["variants", "delete", "ugc-text-overlay", made["id"]])

    assert len(templates) == 5
    assert shown["context_schema"]["type"] == "object"
    assert listed["id"] == found["id"] == made["id"]
    assert found["payload"]["settings"]["systemPrompt"] == "Be brief"
    assert (deleted, read_json(capsys, "variants", "list", "ugc-text-overlay")) == (0, [])


def test_credits_and_usage(live: Sandbox, capsys: Capture) -> None:
    """`balance` and `usage` print one object, `history` one a line."""
    create(capsys)

    (balance,) = read_json(capsys, "balance")
    history = read_json(capsys, "history", "--limit", "1")
    whole = read_json(capsys, "history", "--all")
    (usage,) = read_json(capsys, "usage", "--period", "7d")

    assert balance["credits"] == 498
    assert [line["amount"] for line in history] == [-2]
    assert [line["amount"] for line in whole] == [-2, 500]
    assert usage["credits_consumed"] == 2


def test_webhooks(live: Sandbox, capsys: Capture) -> None:
    """A webhook is made for all events, shows its secret once, and is deleted."""
    (made,) = read_json(capsys, "webhooks", "create", "https://example.com/hook")
    (listed,) = read_json(capsys, "webhooks", "list")
    deliveries = read_json(capsys, "webhooks", "deliveries", made["id"])
    deleted = run(["webhooks", "delete", made["id"]])

    assert made["secret"].startswith("whsec_")
    assert len(made["events"]) == 7
    assert (listed["id"], listed["secret"], deliveries, deleted) == (made["id"], None, [], 0)
    assert read_json(capsys, "webhooks", "list") == []


def test_assets_and_collections(live: Sandbox, tmp_path: Path, capsys: Capture) -> None:
    """Files are uploaded into a collection, listed there, and the collection is deleted."""
    picture = tmp_path / "logo.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 32)
    (group,) = read_json(capsys, "collections", "create", "Logos", "--description", "ours", "--type", "images")

    (asset,) = read_json(capsys, "assets", "upload", str(picture))
    added = run(["collections", "add", group["id"], asset["id"]])
    members = read_json(capsys, "collections", "assets", group["id"])
    listed = read_json(capsys, "assets", "list", "--type", "image")
    groups = read_json(capsys, "collections", "list")
    deleted = run(["collections", "delete", group["id"]])

    assert asset["name"] == "logo.png"
    assert [entry["id"] for entry in (*members, *listed)] == [asset["id"]] * 2
    assert (added, deleted, groups[0]["asset_count"]) == (0, 0, 1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no xdg-open to stand in for")
def test_open_shows_a_file_in_the_systems_player(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """A path that exists is opened as it is; a system without a player is reported with the path."""
    file, seen = tmp_path / "sky.mp4", tmp_path / "seen"
    file.write_bytes(b"x")
    player = tmp_path / "xdg-open"
    player.write_text(f'#!/bin/sh\nprintf %s "$1" > {seen}\n', encoding="utf-8")
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert run(["open", str(file), "--print"]) == 0
    assert capsys.readouterr().out == f"{file}\n"
    assert run(["open", str(file)]) == 0
    assert seen.read_text(encoding="utf-8") == str(file)
    player.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    assert run(["open", str(file)]) == 1
    assert f"Open it yourself: {file}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["get", "batch_none"], 3, "not found"),
        (["templates", "show", "ugc-text-overlai"], 3, "not found. Did you mean 'ugc-text-overlay'?\n"),
        (["variants", "list", "cat-explainer-v3"], 3, "not found. Did you mean 'cat-explainer-v2'?\n"),
        (["variants", "show", "ugc-text-overlay", "none"], 3, "not found.\n"),
        (["types", "ugc-text-overlay", "no-template"], 3, "not found.\n"),
        (["types", "ugc-text-overlay", "ugc-overlay-text"], 3, "not found.\n"),
        (["types", "ugc-text-overlai"], 3, "not found. Did you mean 'ugc-text-overlay'?\n"),
        (["balance", "--profile", "none"], 2, "There is no profile 'none'"),
        (["lst"], 2, "Did you mean 'list'?"),
        (["templates", "shw"], 2, "Did you mean 'show'?"),
        (["xyzzy"], 2, "The commands are assets, balance"),
        (["list", "--statsu", "failed"], 2, "--status"),
        (["balance", "--sandbox", "--profile", "x"], 2, "either --profile or --sandbox"),
    ],
)
def test_mistakes_have_exit_codes_and_suggestions(
    live: Sandbox, capsys: Capture, arguments: List[str], code: int, message: str
) -> None:
    """What the API refuses exits with 3, what is wrong on the command line with 2; the nearest name is suggested."""
    assert run(arguments) == code
    out, err = capsys.readouterr()
    assert (out, message in err) == ("", True)


def test_one_object_in_a_pipe_has_tabs(live: Sandbox, capsys: Capture) -> None:
    """Without a terminal, each line is a name, a tab and a value, as the lines of lists have tabs."""
    assert run(["balance"]) == 0

    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [name for name, _ in lines][:2] == ["credits", "tier"]


def test_people_read_plain_values_without_json(live: Sandbox, capsys: Capture) -> None:
    """The values of a small object have names of their own, and texts of a list are separated by commas."""
    assert run(["templates", "show", "ugc-text-overlay"]) == 0

    shown = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert (shown["duration_range.min"], shown["requires_context.prompt"]) == ("15", "yes")
    assert shown["supported_resolutions"] == "720p, 1080p, 4k"
    assert shown["context_schema"].startswith('{"type": "object"')


def test_names_in_an_object_control_no_terminal(capsys: Capture) -> None:
    """They come from the server, as the values do; empty values in an object are shown, as JSON shows them."""
    Printer(["id"], is_json=False).show({"id": "v1", "name": "", "payload": {"a\x1b[2J\tb\nc": "x", "empty": None}})

    assert capsys.readouterr().out.splitlines() == ["id\tv1", "payload.a\\x1b[2J\\tb\\nc\tx", "payload.empty\t-"]


def test_a_wrong_key_and_a_lost_wait_have_codes_of_their_own(
    live: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """4 for a key that is refused; 6 for a wait that is over."""
    made = create(capsys)["id"]
    live.faults.add("GET /videos/{id}", "new_status", times=None, body="resting")
    codes: Tuple[int, ...] = (run(["wait", made, "--timeout", "0"]),)
    monkeypatch.setenv("BLUMA_API_KEY", "bluma_live_wrong")
    codes += (run(["balance"]),)

    assert codes == (6, 4)


def test_generate_and_save_print_json(live: Sandbox, tmp_path: Path, capsys: Capture) -> None:
    """One object with the video and its file; JSON and a video do not share the standard output."""
    target, wait = tmp_path / "x.mp4", ["--poll-interval", "0.01"]

    (made,) = read_json(capsys, "generate", "Hello", "-t", "ugc-text-overlay", "-o", str(target), *wait)
    (saved,) = read_json(capsys, "save", made["id"], "-o", str(target), "--overwrite", *wait)
    both = run(["save", made["id"], "-o", "-", "--json"])

    assert (made["path"], made["size_bytes"], made["credits_charged"]) == (str(target), target.stat().st_size, 2)
    assert (saved["id"], saved["status"], both) == (made["id"], "completed", 2)
