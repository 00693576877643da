"""
Decode JSON to models, by the annotations of their fields.

Rule 1: an invalid value raises ValueError or TypeError; the caller makes of it an error that shows the answer.
Rule 2: an invalid optional field is None, so that a paid video's id is not lost because of, say, an invalid date.
"""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Callable, Generic, List, Mapping, Optional, Tuple, TypeVar, Union, cast, get_args, get_origin

import attrs

from bluma_async._wire.aliases import normalize
from bluma_async._wire.times import read_datetime
from bluma_async.types._model import AttrDict, Model, OpenEnum, exact_constructor, free_form

__all__ = ["Many", "One"]

M = TypeVar("M", bound=Model)
Structure = Callable[[Any], Any]
INVALID = (ValueError, TypeError, KeyError, OverflowError)


class One(Generic[M]):
    """Decode one object to a model."""

    def __init__(self, cls: type[M]) -> None:
        self._cls = cls
        self._hook: Optional[Structure] = None

    def prepare(self) -> Structure:
        """Return the function that decodes. It is made once, by the first answer or before a request that is paid."""
        if self._hook is None:
            cls: Any = self._cls
            self._hook = _find_hook(cls)
        return self._hook

    def __call__(self, raw: object) -> M:
        cls = self._cls
        try:
            return cast("M", (self._hook or self.prepare())(raw))
        except KeyError as missing:
            raise ValueError(f"{cls.__name__} has no {missing}") from None
        except OverflowError as overflow:
            raise ValueError(str(overflow)) from None


class Many(Generic[M]):
    """Decode a list of objects: a bare list, a list under one of the given names, or a single object."""

    def __init__(self, cls: type[M], *names: str) -> None:
        self._one = One(cls)
        self._names = names

    def __call__(self, raw: object) -> List[M]:
        entries = self._entries(raw)
        if not isinstance(entries, list):
            raise TypeError(f"expected a list under {' or '.join(self._names)}")
        return [self._one(entry) for entry in cast("list[object]", entries)]

    def _entries(self, raw: object) -> object:
        if not isinstance(raw, dict):
            return raw
        named = cast("dict[str, object]", raw)
        for name in self._names:
            if name in named:
                return [] if named[name] is None else named[name]
        return [named] if "id" in named else None


@lru_cache(maxsize=None)
def _find_hook(kind: Any) -> Structure:
    """Return the function that decodes the values of a field, by its annotation."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in SCALARS:
        return SCALARS[kind]
    if origin is Union:
        return _optional_hook(next(argument for argument in arguments if argument is not type(None)))
    if origin is list:
        return partial(_read_list, _find_hook(arguments[0]))
    for base, find in KINDS:
        if isinstance(kind, type) and issubclass(kind, base):
            return find(kind)
    return _keep


def _optional_hook(kind: Any) -> Structure:
    hook = _find_hook(kind)
    if kind in SCALARS or (isinstance(kind, type) and issubclass(kind, (AttrDict, Model))):
        return _lenient(hook, kind if kind in SCALARS else None)
    return lambda raw: None if raw is None else hook(raw)


def _model_hook(cls: type[Any]) -> Structure:
    hooks: dict[str, Structure] = {entry.name: _find_hook(entry.type) for entry in attrs.fields(cls)}
    required = [entry.name for entry in attrs.fields(cls) if entry.default is attrs.NOTHING]
    initialize = exact_constructor(cls)

    def structure(raw: Any) -> Any:
        if not isinstance(raw, dict):
            raise TypeError(f"expected an object for {cls.__name__}, not {type(raw).__name__}")
        fields = normalize(cls, cast("dict[str, Any]", raw))
        _require_fields(cls, required, fields)
        known: dict[str, Any] = {}
        unknown: dict[str, Any] = {}
        for name, value in fields.items():
            hook = hooks.get(name)
            if hook is not None:
                known[name] = hook(value)
            elif not hasattr(cls, name):
                unknown[name] = free_form(value)
        made = object.__new__(cls)
        initialize(made, **known)
        made.__dict__.update(unknown)
        return made

    return structure


def _require_fields(cls: type[Any], required: List[str], fields: Mapping[str, Any]) -> None:
    for name in required:
        if fields[name] == "" and name == "id":
            raise ValueError(f"the id of this {cls.__name__} is empty")


def _lenient(hook: Structure, kind: Any = None) -> Structure:
    """Return a hook that passes values of the type through, decodes others, and returns None for invalid ones."""

    def structure(raw: Any) -> Any:
        if type(raw) is kind:
            return raw
        try:
            return None if raw is None else hook(raw)
        except INVALID:
            return None

    return structure


def _keep(raw: Any) -> Any:
    return raw


def _read_list(hook: Structure, raw: Any) -> list[Any]:
    return [hook(entry) for entry in raw]


def _read_text(raw: Any) -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        return str(raw)
    raise TypeError(f"expected text, not {type(raw).__name__}")


def _read_number(raw: Any) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        raise TypeError(f"expected a number, not {type(raw).__name__}")
    number = float(raw)
    if not math.isfinite(number):
        raise ValueError("expected a finite number")
    return number


def _read_int(raw: Any) -> int:
    return raw if type(raw) is int else int(_read_number(raw))


def _read_bool(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise TypeError(f"expected true or false, not {type(raw).__name__}")
    return raw


def _read_object(cls: Any, raw: Any) -> AttrDict:
    if not isinstance(raw, Mapping):
        raise TypeError(f"expected an object, not {type(raw).__name__}")
    return cast("AttrDict", cls(raw))


def _read_enum(cls: Any, raw: Any) -> OpenEnum:
    if not isinstance(raw, str) or not raw:
        raise TypeError(f"expected non-empty text for {cls.__name__}")
    known = cls._value2member_map_.get(raw)  # what `cls(raw)` does, without the cost of EnumMeta.__call__
    return cast("OpenEnum", known or cls(raw))


SCALARS: Mapping[Any, Structure] = {
    str: _read_text,
    int: _read_int,
    float: _read_number,
    bool: _read_bool,
    datetime: lambda raw: raw if isinstance(raw, datetime) else read_datetime(raw),
}
KINDS: Tuple[Tuple[type, Callable[[Any], Structure]], ...] = (
    (Model, _model_hook),
    (AttrDict, lambda cls: partial(_read_object, cls)),
    (OpenEnum, lambda cls: partial(_read_enum, cls)),
)
