"""Keep secrets in the system's keyring, where the package `keyring` is installed and the system has one."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import click

__all__ = ["KEYRING", "delete_secret", "load_secret", "store_secret"]

KEYRING = "(keyring)"  # stands in the file for a secret that is in the keyring
SERVICE = "bluma"


def store_secret(profile: str, field: str, value: str) -> str:
    """
    Store a secret, and return the text for the file: a mark that it is in the keyring, or the secret itself.

    Args:
        profile: The profile.
        field: The name of the setting.
        value: The secret.
    """
    keyring = _load()
    if keyring is None:
        return value
    try:
        keyring.set_password(SERVICE, f"{profile}/{field}", value)
    except keyring.errors.KeyringError:  # there is none, or it is locked
        return value
    return KEYRING


def load_secret(profile: str, field: str) -> str:
    """
    Return a secret of the keyring.

    Raises:
        UsageError: The keyring does not give it.
    """
    keyring, value, reason = _load(), None, "it has no such entry"
    if keyring is None:
        reason = 'the package keyring is not installed: pip install "bluma[keyring]"'
    else:
        try:
            value = keyring.get_password(SERVICE, f"{profile}/{field}")
        except keyring.errors.KeyringError as problem:
            reason = str(problem) or type(problem).__name__
    if value is None:
        raise click.UsageError(
            f"The {field} of the profile {profile!r} cannot be read from the system's keyring: {reason}. Nothing was "
            f"sent. Set it again: bluma config set {profile}"
        )
    return str(value)


def delete_secret(profile: str, field: str) -> None:
    """Delete a secret from the keyring, if it is there."""
    keyring = _load()
    if keyring is not None:
        try:
            keyring.delete_password(SERVICE, f"{profile}/{field}")
        except keyring.errors.KeyringError:
            return


def _load() -> Any:
    """Return the package `keyring`, or None."""
    if find_spec("keyring") is None:
        return None
    import keyring  # noqa: PLC0415 - optional, and slow to load

    return keyring
