"""`bluma config`: named profiles, each with a key and a URL."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Dict

import attrs
import click

from bluma_async._wire.place_checks import is_http_url
from bluma_async.cli.groups import Group
from bluma_async.cli.key_storage import KEYRING, delete_secret, store_secret
from bluma_async.cli.output import say
from bluma_async.cli.printing import Record, prints
from bluma_async.cli.profiles import DEFAULT_PROFILE, SECRETS, complete_profile, find_file, read_file, write_file

if TYPE_CHECKING:
    from bluma_async.cli.printing import Printer

__all__ = ["config"]

_name = click.argument("profile", default=DEFAULT_PROFILE, shell_complete=complete_profile)


@attrs.frozen(kw_only=True)
class ProfileInfo(Record):
    """A profile, without its secrets: for each of them, where it is kept."""

    name: str
    base_url: str | None
    api_key: str | None
    webhook_secret: str | None


@click.group(cls=Group)
def config() -> None:
    """Keep keys and URLs in named profiles."""


@config.command("list")
@prints(ProfileInfo, "name", "base_url", "api_key", "webhook_secret")
def list_profiles(printer: Printer) -> None:
    """List the profiles; of a secret, where it is kept."""
    printer.show_all(_describe(name, values) for name, values in sorted(read_file().items()))


@config.command("set")
@_name
@click.option("--base-url", help="The URL of the API. Default: the public one.")
@click.option("--webhook-secret", "wants_secret", is_flag=True, help="Ask for the secret of webhooks, not for the key.")
@click.option("--no-key", is_flag=True, help="Do not ask for a key.")
def set_profile(profile: str, base_url: str | None, wants_secret: bool, no_key: bool) -> None:
    """
    Make or change a PROFILE (by default the one named default). Asks for its API key.

    A key is read from the terminal or from the standard input, never from the arguments: other users can see those.
    """
    sections = read_file()
    values = sections.setdefault(_require_name(profile), {})
    if base_url is not None:
        values["base_url"] = _require_url(base_url)
    field = "webhook_secret" if wants_secret else "api_key"
    secret = _ask(field) if wants_secret or not no_key else None
    write_file(sections)  # first: the keyring is not changed for a file that cannot be written
    if secret is not None:
        values[field] = store_secret(profile, field, secret)
        write_file(sections)
    say(f"Wrote the profile {profile} to {find_file()}")
    kept = {values.get(name) == KEYRING for name in SECRETS if name in values}
    if False in kept:
        say("Its secrets are in this file, which only you can read: this system has no keyring for them.")


@config.command("delete")
@_name
def delete_profile(profile: str) -> None:
    """Delete a PROFILE and its secrets."""
    sections = read_file()
    if sections.pop(profile, None) is None:
        raise click.UsageError(f"There is no profile {profile!r}. Nothing was deleted.")
    write_file(sections)
    for field in SECRETS:
        delete_secret(profile, field)
    say(f"Deleted the profile {profile}")


@config.command()
def path() -> None:
    """Print the path of the file with the profiles."""
    say(str(find_file()))


def _ask(field: str) -> str:
    """Return a secret: from the terminal without an echo, else from the standard input."""
    name = field.replace("_", " ")
    if sys.stdin is None:
        raise click.UsageError(f"The {name} is read from the standard input, which is closed. Nothing was written.")
    if sys.stdin.isatty():
        value: str = click.prompt(name.capitalize(), hide_input=True, err=True)
    else:
        value = sys.stdin.readline()
    value = value.strip()
    if not value or not value.isprintable() or " " in value:
        raise click.UsageError(f"The {name} must be one line of text without spaces. Nothing was written.")
    return value


def _require_name(name: str) -> str:
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise click.UsageError(f"The name of a profile has letters, digits, '-', '_' and '.', not {name!r}.")
    return name


def _require_url(url: str) -> str:
    if not is_http_url(url):
        wanted = "an http:// or https:// URL with a host, and without user, query or fragment"
        raise click.UsageError(f"--base-url must be {wanted}. Nothing was written.")
    return url


def _describe(name: str, values: Dict[str, str]) -> ProfileInfo:
    places = {
        field: None if field not in values else "keyring" if values[field] == KEYRING else "file" for field in SECRETS
    }
    return ProfileInfo(name=name, base_url=values.get("base_url"), **places)
