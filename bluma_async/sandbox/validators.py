"""Validators of settings: attrs validators whose errors name the setting, the permitted values and the given value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Collection

if TYPE_CHECKING:
    import attrs

__all__ = ["is_flag", "is_number_within", "is_one_of", "is_some_of"]


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


def is_some_of(words: Collection[str]) -> Any:
    """Return a validator for a tuple of at least one of the words."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, tuple) or not value or not set(map(str, value)) <= set(words):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            raise ValueError(f"{attribute.name} must list at least one of {', '.join(words)}, not {value!r}.")

    return check


def is_flag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Validate that a value is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{attribute.name} must be true or false, not {value!r}.")  # noqa: TRY004 - as for every setting
