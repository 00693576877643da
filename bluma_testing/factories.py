"""Make the models of the API for tests: plausible, consistent, and typed."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import count
from typing import Any, Dict, TypeVar

import attrs

from bluma_testing.field_table import TABLE, add_fields, video_fields

__all__ = ["make"]

M = TypeVar("M")
_numbers = count(1)


def make(model: type[M], **fields: Any) -> M:
    """
    Return an object of a model of `bluma.types`, with the given fields, and plausible values for the others.

    Each object has another id. A Video is completed, unless another `status` is given; the other fields fit to it.
    Plain values are converted as by the model itself: `make(Video, created_at="2026-01-05T12:00:00Z")`.

    Args:
        model: The class, such as Video.
        **fields: The fields that matter to the test.

    Raises:
        TypeError: The class is not a model, or it has no such field.
    """
    kind: Any = model
    table = TABLE.get(getattr(kind, "__name__", ""))
    if table is None or not attrs.has(kind):
        raise TypeError(f"make() makes the models of bluma.types, not {model!r}.")
    names = [field.name for field in attrs.fields(kind)]
    for name in fields:
        if name not in names:
            raise TypeError(_explain(model.__name__, name, names))
    known: Dict[str, Any] = dict(fields)
    number = next(_numbers)
    add_fields(known, table, number)
    if model.__name__ == "Video":
        add_fields(known, video_fields(known), number)
    return model(**known)


def _explain(model: str, name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"It has {', '.join(names)}."
    return f"{model} has no field {name!r}. {hint}"
