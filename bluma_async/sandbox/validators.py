"""Validators of settings, whose errors name the setting, the permitted values and the given value; and a converter."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Collection

if TYPE_CHECKING:
    import attrs

__all__ = ["is_flag", "is_list_of_hosts", "is_number_within", "is_one_of", "is_some_of", "to_hosts"]

HOST = re.compile(r"[a-z0-9._-]+(:[1-9]\d{0,4})?|\[[0-9a-f:.]+\](:[1-9]\d{0,4})?")


def is_number_within(low: float, high: float, *, whole: bool = False) -> Any:
    """Return a validator for a finite number from `low` to `high`."""
    kinds = (int,) if whole else (int, float)

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        is_number = isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or not low <= value <= high:
            raise ValueError(
                f"{attribute.name} must be a {'whole ' if whole else ''}number from {low:g} to {high:g}, not {value!r}."
            )

    return check


def is_one_of(*words: str) -> Any:
    """Return a validator for one of the words."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value not in words:
            raise ValueError(f"{attribute.name} must be one of {', '.join(words)}, not {value!r}.")

    return check


def is_some_of(words: Collection[str], *, at_least: int = 1) -> Any:
    """Return a validator for a tuple of words, of which so many must be there."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, tuple) or len(value) < at_least or not set(map(str, value)) <= set(words):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # it is checked here
            raise ValueError(f"{attribute.name} must list at least {at_least} of {', '.join(words)}, not {value!r}.")

    return check


def is_flag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Validate that a value is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{attribute.name} must be true or false, not {value!r}.")  # noqa: TRY004 - as for every setting


def to_hosts(value: Any) -> Any:
    """Return host names in lower case, as a tuple; text is a list with commas, as on a command line."""
    names: Any = value  # not narrowed by isinstance, which would leave its items without a type
    if isinstance(value, str):
        names = value.split(",") if value else []
    elif not isinstance(value, (list, tuple)):
        return value
    return tuple(str(name).strip().lower() for name in names)


def is_list_of_hosts(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Validate a tuple of host names or addresses, each with a port or without; IPv6 addresses are in brackets."""
    if not isinstance(value, tuple) or not all(HOST.fullmatch(str(entry)) for entry in value):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # it is checked here
        raise ValueError(f"{attribute.name} must list hosts such as app.test, 10.0.0.7 or [::1]:8080, not {value!r}.")
