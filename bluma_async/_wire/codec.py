"""
JSON to models: the one place that knows cattrs.

Rule 1: what cannot be read raises ValueError or TypeError; the caller turns it into an error that shows the answer.
Rule 2: an optional field that cannot be read is None; what matters, such as a paid video's id, is not lost with it.
"""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Callable, Generic, List, Mapping, Optional, TypeVar, cast

import attrs

from bluma_async._wire.folding import fold
from bluma_async._wire.times import read_datetime
from bluma_async.types._model import AttrDict, Model, OpenEnum, free_form

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["Many", "One"]

M = TypeVar("M", bound=Model)
Structure = Callable[[Any, Any], Any]
UNREADABLE = (ValueError, TypeError, KeyError, OverflowError)


class One(Generic[M]):
    """Read one object as a model."""

    def __init__(self, cls: type[M]) -> None:
        self._cls = cls
        self._hook: Optional[Structure] = None

    def __call__(self, raw: object) -> M:
        cls: Any = self._cls
        if self._hook is None:
            self._hook = _structure(cls)
        try:
            return cast("M", self._hook(raw, cls))
        except KeyError as missing:
            raise ValueError(f"{cls.__name__} has no {missing}") from None
        except OverflowError as overflow:
            raise ValueError(str(overflow)) from None


class Many(Generic[M]):
    """Read a list of objects: bare, alone, or under one of the given names."""

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
def _structure(cls: Any) -> Structure:
    return _converter().get_structure_hook(cls)


@lru_cache(maxsize=None)
def _converter() -> Converter:
    from cattrs import Converter  # noqa: PLC0415 - importing the SDK must not load cattrs

    converter = Converter(detailed_validation=False)
    for cls, hook in SCALARS.items():
        converter.register_structure_hook(cls, hook)
        converter.register_structure_hook(Optional[cls], _lenient(hook, cls))
    converter.register_structure_hook_func(_is(AttrDict), _read_object)
    for enum in OpenEnum.__subclasses__():  # each by name: cattrs would take them for any other str
        converter.register_structure_hook(enum, _read_enum)
    converter.register_structure_hook(Optional[AttrDict], _lenient(lambda raw, _: _read_object(raw, AttrDict)))

    def structure_model(cls: Any) -> Structure:
        return _model_hook(converter, cls)

    converter.register_structure_hook_factory(_is(Model), structure_model)
    return converter


def _model_hook(converter: Converter, cls: type[Any]) -> Structure:
    from cattrs import gen  # noqa: PLC0415 - as above

    # By attrs fields, not by class: cattrs would take the class for a dataclass with positional arguments.
    make: Any = gen.make_dict_structure_fn_from_attrs  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    build = make(list(attrs.fields(cls)), cls, converter)
    known = frozenset(attribute.name for attribute in attrs.fields(cls))
    needs_id = "id" in known and attrs.fields_dict(cls)["id"].default is attrs.NOTHING

    def structure(raw: Any, _: Any) -> Any:
        if not isinstance(raw, dict):
            raise TypeError(f"expected an object for {cls.__name__}, not {type(raw).__name__}")
        folded = fold(cls, cast("dict[str, Any]", raw))
        if needs_id and folded.get("id") == "":
            raise ValueError(f"the id of this {cls.__name__} is empty")
        made = build(folded, cls)
        for name in folded:
            if name not in known and not hasattr(cls, name):
                made.__dict__[name] = free_form(folded[name])
        return made

    return structure


def _is(base: type) -> Callable[[Any], bool]:
    return lambda cls: isinstance(cls, type) and issubclass(cls, base)


def _lenient(hook: Structure, kind: Any = None) -> Structure:
    """Read what is of the kind already as it is, what the hook can read by it, and anything else as None."""

    def structure(raw: Any, cls: Any) -> Any:
        if type(raw) is kind:
            return raw
        try:
            return None if raw is None else hook(raw, cls)
        except UNREADABLE:
            return None

    return structure


def _read_text(raw: Any, _: Any) -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        return str(raw)
    raise TypeError(f"expected text, not {type(raw).__name__}")


def _read_number(raw: Any, _: Any) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        raise TypeError(f"expected a number, not {type(raw).__name__}")
    number = float(raw)
    if not math.isfinite(number):
        raise ValueError("expected a finite number")
    return number


def _read_whole(raw: Any, cls: Any) -> int:
    return raw if type(raw) is int else int(_read_number(raw, cls))


def _read_flag(raw: Any, _: Any) -> bool:
    if not isinstance(raw, bool):
        raise TypeError(f"expected true or false, not {type(raw).__name__}")
    return raw


def _read_object(raw: Any, cls: Any) -> AttrDict:
    if not isinstance(raw, Mapping):
        raise TypeError(f"expected an object, not {type(raw).__name__}")
    return cast("AttrDict", cls(raw))


def _read_enum(raw: Any, cls: Any) -> OpenEnum:
    if not isinstance(raw, str) or not raw:
        raise TypeError(f"expected a word for {cls.__name__}")
    known = cls._value2member_map_.get(raw)  # what `cls(raw)` looks up, without its detour
    return cast("OpenEnum", known or cls(raw))


SCALARS: Mapping[Any, Structure] = {
    str: _read_text,
    int: _read_whole,
    float: _read_number,
    bool: _read_flag,
    datetime: lambda raw, _: raw if isinstance(raw, datetime) else read_datetime(raw),
}
