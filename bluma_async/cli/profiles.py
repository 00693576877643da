"""
Named profiles: a key, a URL and a webhook secret each, in a file of the user's configuration folder.

Rule 1: the secrets are in the system's keyring if the package `keyring` is installed and the system has one; else in
the file, which only its owner can read.
Rule 2: an error in the file names its line, and never shows what is in it: that may be a key.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import sys
from pathlib import Path
from typing import Any, Dict, List

import attrs
import click

from bluma_async._runtime import home
from bluma_async._wire.place_checks import is_http_url
from bluma_async.cli.key_storage import KEYRING, load_secret

__all__ = [
    "DEFAULT_PROFILE",
    "FIELDS",
    "NoHomeError",
    "Profile",
    "complete_profile",
    "find_file",
    "read_file",
    "read_profile",
    "write_file",
]

DEFAULT_PROFILE = "default"
FIELDS = ("api_key", "base_url", "webhook_secret")
SECRETS = ("api_key", "webhook_secret")
Sections = Dict[str, Dict[str, str]]


@attrs.frozen
class Profile:
    """A profile, with its secrets."""

    name: str
    api_key: str | None = attrs.field(default=None, repr=False)
    base_url: str | None = None
    webhook_secret: str | None = attrs.field(default=None, repr=False)


class NoHomeError(click.UsageError):
    """The user has no home folder, so that there is no place for the file."""


def find_file() -> Path:
    """
    Return the path of the file: in BLUMA_CONFIG_DIR, else in the platform's folder for configuration.

    Raises:
        NoHomeError: There is no such folder, as for a user of a container without a name.
    """
    named = os.environ.get("BLUMA_CONFIG_DIR", "").strip()
    if named:
        return Path(named, "profiles.ini")
    if sys.platform == "darwin":
        return _find_home() / "Library" / "Application Support" / "bluma" / "profiles.ini"
    folder = os.environ.get("APPDATA") if os.name == "nt" else os.environ.get("XDG_CONFIG_HOME")
    return Path(folder or _find_home() / ".config", "bluma", "profiles.ini")


def _find_home() -> Path:
    try:
        return home.find_home("BLUMA_CONFIG_DIR")
    except home.NoHomeError:
        raise NoHomeError("This user has no home folder for profiles: set HOME or BLUMA_CONFIG_DIR.") from None


def read_profile(name: str, *, is_required: bool = True) -> Profile | None:
    """
    Return a profile with its secrets.

    Args:
        name: Its name.
        is_required: Whether it must exist; otherwise None is returned.

    Raises:
        UsageError: There is no such profile, or the file is invalid.
    """
    sections = read_file()
    if name not in sections:
        if not is_required:
            return None
        known = f"The profiles are {', '.join(sorted(sections))}." if sections else "There are none."
        raise click.UsageError(
            f"There is no profile {name!r} in {find_file()}. {known} Make one: bluma config set {name}"
        )
    values: Dict[str, Any] = dict(sections[name])
    for field in SECRETS:
        if values.get(field) == KEYRING:
            values[field] = load_secret(name, field)
    return Profile(name, **values)


def read_file() -> Sections:
    """
    Return the sections of the file as they are, by the names of the profiles; none if there is no file.

    Raises:
        UsageError: The file is invalid; the message names its line.
    """
    try:
        raw = find_file().read_bytes()
    except (FileNotFoundError, NoHomeError):
        return {}
    except OSError as problem:
        raise click.UsageError(f"{find_file()} cannot be read: {problem.strerror}.") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise _broken(raw.count(b"\n", 0, problem.start) + 1, "it is not UTF-8 text") from None
    return _check(_parse(text), text)


def write_file(sections: Sections) -> None:
    """
    Replace the file.

    Raises:
        UsageError: It cannot be written.
    """
    file = find_file()
    parser = _make_parser()
    parser.read_dict(sections)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            parser.write(stream)
        beside.replace(file)
    except OSError as problem:
        raise click.UsageError(f"{file} cannot be written: {problem.strerror}. Nothing was changed.") from None
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def complete_profile(_: click.Context, __: click.Parameter, incomplete: str) -> List[str]:
    """Return the profiles whose names begin with a text."""
    try:
        return sorted(name for name in read_file() if name.startswith(incomplete))
    except click.UsageError:
        return []


def _make_parser() -> configparser.ConfigParser:
    return configparser.ConfigParser(interpolation=None, delimiters=("=",), default_section="\n")


def _parse(text: str) -> configparser.ConfigParser:
    parser, line, what = _make_parser(), 0, ""
    try:
        parser.read_string(text)
    except configparser.MissingSectionHeaderError as problem:
        line, what = problem.lineno, "a profile begins with its name in brackets, such as [default]"
    except configparser.DuplicateSectionError as problem:
        line, what = problem.lineno or 0, f"the profile {problem.section!r} is there twice"
    except configparser.DuplicateOptionError as problem:
        line, what = problem.lineno or 0, f"{problem.option!r} is there twice"
    except configparser.ParsingError as problem:
        line, what = problem.errors[0][0], "expected NAME = VALUE"
    if line:
        raise _broken(line, what)  # outside the handlers: their exceptions have the text of the line
    return parser


def _check(parser: configparser.ConfigParser, text: str) -> Sections:
    sections = {name: dict(parser.items(name)) for name in parser.sections()}
    for name, values in sections.items():
        for field, value in values.items():
            problem = None
            if field not in FIELDS:
                problem = f"there is no setting {field!r}; the settings are {', '.join(FIELDS)}"
            elif not value or "\n" in value:
                problem = f"{field} needs a value in the same line"
            elif field == "base_url" and not is_http_url(value):
                problem = "base_url must be an http:// or https:// URL with a host, without user, query or fragment"
            if problem is not None:
                raise _broken(_find_line(text, name, field), problem)
    return sections


def _find_line(text: str, section: str, field: str) -> int:
    """Return the number of the line of a setting."""
    lines, is_inside = text.splitlines(), False
    for number, line in enumerate(lines, 1):
        if line.startswith("["):
            is_inside = line.startswith(f"[{section}]")
        elif is_inside and re.match(rf"\s*{re.escape(field)}\s*=", line, re.IGNORECASE):
            return number
    return len(lines)


def _broken(line: int, what: str) -> click.UsageError:
    return click.UsageError(f"{find_file()}, line {line}: {what}. Correct the line, or delete it.")
