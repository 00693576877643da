"""Ids as arguments: each may be the id, or the model that has it."""

from __future__ import annotations

from typing import Iterable, List, Mapping, cast

from bluma_async._wire.checks import HasId, invalid, require_id

__all__ = ["find_id", "require_id", "require_ids"]


def find_id(name: str, value: object, kind: type[HasId]) -> str | None:
    """
    Return the id in an optional argument; None for None, and for the empty string, which version 1.2.0 ignores too.

    Raises:
        InvalidArgumentError: As in `require_id`.
    """
    return None if value is None or (isinstance(value, str) and not value) else require_id(name, value, kind)


def require_ids(name: str, values: object, kind: type[HasId]) -> List[str]:
    """
    Return the ids in a list of ids and models.

    Raises:
        InvalidArgumentError: The value is a single id or model, or is not a list, or an entry is neither id nor model.
    """
    if isinstance(values, (str, kind)):
        raise invalid(name, f"{name} must be a list of ids, not one: [{values!r}].")
    if isinstance(values, (bytes, Mapping)) or not isinstance(values, Iterable):
        raise invalid(name, f"{name} must be a list of ids, not {values!r}.")
    return [require_id(name, entry, kind) for entry in cast("Iterable[object]", values)]
