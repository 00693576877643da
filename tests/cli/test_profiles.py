"""Named profiles: their file, its errors, the keyring, and which account a command uses."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from bluma_async.cli.accounts import API, find_account
from bluma_async.cli.profiles import complete_profile
from bluma_async.sandbox import Sandbox
from tests.cli.test_cli import run

keyring = pytest.importorskip("keyring", reason="no release for this Python")
KEY = "bluma_live_from_profile"


class MemoryKeyring(keyring.backend.KeyringBackend):  # type: ignore[misc,name-defined]  # untyped without the package
    """A keyring in memory; it can be locked."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.entries: Dict[Tuple[str, str], str] = {}
        self.is_locked = False

    def _require_open(self) -> None:
        if self.is_locked:
            raise keyring.errors.KeyringLocked("the keyring is locked")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._require_open()
        self.entries[service, username] = password

    def get_password(self, service: str, username: str) -> Any:
        self._require_open()
        return self.entries.get((service, username))

    def delete_password(self, service: str, username: str) -> None:
        if self.entries.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError("there is no such entry")


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    """Give the keyring that the commands use."""
    own, before = MemoryKeyring(), keyring.get_keyring()
    keyring.set_keyring(own)
    yield own
    keyring.set_keyring(before)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no key in the environment."""
    for name in ("BLUMA_API_KEY", "BLUMA_BASE_URL", "BLUMA_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)


def set_profile(monkeypatch: pytest.MonkeyPatch, name: str, *options: str, key: str = KEY) -> int:
    """Store a profile, with the key on the standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(key + "\n"))
    return run(["config", "set", name, *options])


def test_the_key_is_in_the_keyring(
    ring: MemoryKeyring, config_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file names only the place of the key; `config list` shows no secret, and `config delete` leaves none."""
    codes = [set_profile(monkeypatch, "prod", "--base-url", "https://api.example.com/v1")]
    codes.append(set_profile(monkeypatch, "prod", "--webhook-secret", key="whsec_1"))
    text = (config_folder / "profiles.ini").read_text(encoding="utf-8")
    account = find_account("prod", in_sandbox=False)
    capsys.readouterr()
    codes.append(run(["config", "list", "--json"]))
    listed = json.loads(capsys.readouterr().out)
    codes.append(run(["config", "delete", "prod"]))

    assert codes == [0, 0, 0, 0]
    assert KEY not in text + str(listed)
    assert (account.api_key, account.base_url, account.webhook_secret) == (KEY, "https://api.example.com/v1", "whsec_1")
    assert KEY not in repr(account)
    assert listed == {
        "name": "prod",
        "base_url": "https://api.example.com/v1",
        "api_key": "keyring",
        "webhook_secret": "keyring",
    }
    assert ring.entries == {}


def test_without_a_keyring_the_key_is_in_a_file_of_its_owner(
    ring: MemoryKeyring, config_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says so, and nobody else can read the file."""
    ring.is_locked = True

    assert set_profile(monkeypatch, "default") == 0
    file = config_folder / "profiles.ini"
    assert "Its secrets are in this file" in capsys.readouterr().out
    assert find_account(None, in_sandbox=False).api_key == KEY
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in config_folder.iterdir()] == ["profiles.ini"]


def test_a_locked_keyring_is_reported_before_anything_is_sent(
    ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, with the reason of the keyring and the command that helps."""
    set_profile(monkeypatch, "prod")
    ring.is_locked = True

    assert run(["balance", "--profile", "prod"]) == 2
    err = capsys.readouterr().err
    assert "the keyring is locked. Nothing was sent. Set it again: bluma config set prod" in err


def test_key_and_url_come_from_one_place(ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """--profile, then the key of the environment, then BLUMA_PROFILE, then the profile `default`: never a mixture."""
    set_profile(monkeypatch, "default")
    set_profile(monkeypatch, "other", "--base-url", "https://other.example.com", key="bluma_test_other")

    def find(profile: Any = None) -> Tuple[Any, Any]:
        account = find_account(profile, in_sandbox=False)
        return account.api_key, account.base_url

    default = find()
    monkeypatch.setenv("BLUMA_PROFILE", "other")
    by_variable = find()
    monkeypatch.setenv("BLUMA_BASE_URL", "http://127.0.0.1:5001/api/v1")
    named = find("other")
    monkeypatch.setenv("BLUMA_API_KEY", "bluma_test_environment")
    environment = find()

    assert default == (KEY, API)
    assert named == by_variable == ("bluma_test_other", "https://other.example.com")
    assert environment == ("bluma_test_environment", "http://127.0.0.1:5001/api/v1")


@pytest.mark.parametrize("name", ["default", "prod"])
def test_a_url_without_a_key_is_not_ignored(
    name: str, ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A profile that the environment or nobody names may be for another API, whose credits would be spent.

    The same URL, or the name on the command line, is fine.
    """
    set_profile(monkeypatch, name, "--base-url", "https://api.example.com/v1")
    monkeypatch.setenv("BLUMA_BASE_URL", "http://127.0.0.1:9/api/v1")
    if name != "default":
        monkeypatch.setenv("BLUMA_PROFILE", name)

    code = run(["balance"])
    by_name = find_account(name, in_sandbox=False)
    monkeypatch.setenv("BLUMA_BASE_URL", "https://api.example.com/v1/")
    same = find_account(None, in_sandbox=False)

    assert code == 2
    assert f"BLUMA_BASE_URL is set without BLUMA_API_KEY, and the profile {name!r} is for" in capsys.readouterr().err
    assert by_name.base_url == same.base_url == "https://api.example.com/v1"


def test_a_profile_without_a_key_gets_none_of_the_environment(
    ring: MemoryKeyring, live: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key of the environment is never sent to the URL of a profile: exit code 4, and how to set a key."""
    set_profile(monkeypatch, "staging", "--base-url", live.base_url, "--no-key")

    codes = [
        run(["balance", "--profile", "staging"]),
        run(["generate", "x", "-t", "t", "-o", "x.mp4", "--profile", "staging"]),
    ]

    assert (codes, live.requests) == ([4, 4], [])
    message = (
        "Error: There is no API key in the profile 'staging': set one with `bluma config set staging`. Nothing was"
    )
    assert capsys.readouterr().err.count(message) == 2


@pytest.mark.parametrize("url", ["http://[::1", "foo", "https://a b", "https://user:secret@api.example.com"])
@pytest.mark.parametrize("command", [["balance"], ["balance", "--sandbox"]])
def test_an_invalid_url_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, command: List[str]
) -> None:
    """Exit code 2 and one line that names the variable, and shows no password."""
    monkeypatch.setenv("BLUMA_BASE_URL", url)

    assert run(command) == 2
    err = capsys.readouterr().err
    assert err.startswith("Error: BLUMA_BASE_URL must be an http:// or https:// URL with a host")
    assert (err.count("\n"), "secret" in err) == (1, False)


def test_the_sandbox_option_reaches_no_other_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """--sandbox uses BLUMA_BASE_URL only if that is on this machine, with a key of the sandbox."""
    monkeypatch.setenv("BLUMA_BASE_URL", "https://api.getbluma.com/api/v1")
    monkeypatch.setenv("BLUMA_API_KEY", "bluma_live_real")
    elsewhere = find_account(None, in_sandbox=True)
    monkeypatch.setenv("BLUMA_BASE_URL", "http://localhost:5001/api/v1")
    here = find_account(None, in_sandbox=True)

    assert (elsewhere.base_url, elsewhere.api_key, elsewhere.is_temporary) == (None, None, True)
    assert (here.base_url, here.is_temporary) == ("http://localhost:5001/api/v1", False)


def test_a_profile_is_used(ring: MemoryKeyring, live: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command with --profile sends the key of the profile to its URL."""
    set_profile(monkeypatch, "local", "--base-url", live.base_url, key=live.live_key)
    monkeypatch.setenv("BLUMA_API_KEY", "bluma_live_wrong")

    assert (run(["balance"]), run(["balance", "--profile", "local"])) == (4, 0)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (b"api_key = bluma_live_secret\n", 1, "a profile begins with its name in brackets"),
        (b"[a]\nbluma_live_secret\n", 2, "expected NAME = VALUE"),
        (b"[a]\napi_key = bluma_live_secret\n[a]\n", 3, "the profile 'a' is there twice"),
        (b"[a]\napi_key = bluma_live_secret\n\napi_key = x\n", 4, "'api_key' is there twice"),
        (b"[a]\nbase_url = https://x\n# x\napi-key = bluma_live_secret\n", 4, "there is no setting 'api-key'"),
        (b"[b]\napi_key = x\n[a]\napi_key =\n", 4, "api_key needs a value in the same line"),
        (b"[a]\nbase_url = api.example.com\n", 2, "base_url must be an http:// or https:// URL"),
        (b"[a]\nbase_url = http://[::1\n", 2, "base_url must be an http:// or https:// URL"),
        (b"[a]\n# fine\napi_key = bluma_live_secret\xff\n", 3, "it is not UTF-8 text"),
    ],
)
def test_a_broken_file_is_reported_with_its_line(
    config_folder: Path, capsys: pytest.CaptureFixture[str], text: bytes, line: int, message: str
) -> None:
    """Exit code 2; the message names the line, and shows no key."""
    config_folder.mkdir()
    file = config_folder / "profiles.ini"
    file.write_bytes(text)

    assert run(["balance"]) == 2
    err = capsys.readouterr().err
    assert f"{file}, line {line}: {message}" in err
    assert "bluma_live_secret" not in err
    assert file.read_bytes() == text


@pytest.mark.parametrize(
    ("arguments", "key", "message"),
    [
        (["two words"], "k", "The name of a profile"),
        (["a", "--base-url", "ftp://x"], "k", "--base-url must be"),
        (["a", "--base-url", "http://[::1"], "k", "--base-url must be"),
        (["a", "--base-url", "https://a b"], "k", "--base-url must be"),
        (["a", "--base-url", "https://user:password@x"], "k", "--base-url must be"),
        (["a"], "", "must be one line of text"),
        (["a"], "two words", "must be one line of text"),
    ],
)
def test_settings_are_checked_before_they_are_written(
    config_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: Any,
    key: str,
    message: str,
) -> None:
    """Nothing is written for an invalid name, URL or key."""
    assert set_profile(monkeypatch, *arguments, key=key) == 2
    assert message in capsys.readouterr().err
    assert not config_folder.exists()


def test_a_file_that_cannot_be_written_leaves_the_keyring_alone(
    ring: MemoryKeyring, config_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says that nothing was changed, so that the old key must still be there."""
    set_profile(monkeypatch, "prod")
    before = dict(ring.entries)
    (config_folder / f".profiles.ini.{os.getpid()}").mkdir()  # at the place of the file that is written first
    capsys.readouterr()

    assert set_profile(monkeypatch, "prod", key="bluma_live_other") == 2
    assert "Nothing was changed." in capsys.readouterr().err
    assert ring.entries == before


def test_profiles_are_completed(ring: MemoryKeyring, config_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell offers the names that begin with the text; a broken file offers none."""
    nothing: Any = None
    for name in ("prod", "preview", "local"):
        set_profile(monkeypatch, name)

    assert complete_profile(nothing, nothing, "pr") == ["preview", "prod"]
    (config_folder / "profiles.ini").write_text("x", encoding="utf-8")
    assert complete_profile(nothing, nothing, "pr") == []


def test_a_profile_that_is_not_there_cannot_be_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    """The path of the file is printed by `config path`."""
    assert (run(["config", "delete", "none"]), run(["config", "path"])) == (2, 0)
    out, err = capsys.readouterr()
    assert out.endswith("profiles.ini\n")
    assert "Nothing was deleted." in err
