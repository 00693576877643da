"""
Decode JSON to models: the only module that imports cattrs.

Rule 1: an invalid value raises ValueError or TypeError; the caller makes of it an error that shows the answer.
Rule 2: once the id of an object is readable, no other field makes it unreadable, so that a paid video's id is not lost
because of, say, an invalid date or price. An invalid optional field is None, and one whose default says nothing (0, an
empty text, False) is as if it were missing. Other defaults would state something, and such fields are still refused.
Rule 3: a list leaves out the rows that have no readable id; they are counted.
"""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Callable, Generic, List, Mapping, Optional, Tuple, TypeVar, cast, get_args

import attrs

from bluma_async._wire.aliases import normalize
from bluma_async._wire.rows import keep_rows
from bluma_async._wire.times import read_datetime
from bluma_async.types._model import AttrDict, Model, OpenEnum, exact_class, free_form

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["Many", "One", "find_unreadable"]

M = TypeVar("M", bound=Model)
Structure = Callable[[Any, Any], Any]
INVALID = (ValueError, TypeError, KeyError, OverflowError)
LARGEST = 2**53  # the integers below it are exact in every JSON parser (RFC 8259), and sums of them in a database


class One(Generic[M]):
    """Decode one object to a model."""

    def __init__(self, cls: type[M]) -> None:
        self._cls = cls
        self._hook: Optional[Structure] = None

    def prepare(self) -> Structure:
        """Return the function that decodes. It is made once, by the first answer or before a request that is paid."""
        if self._hook is None:
            cls: Any = self._cls
            self._hook = _structure(cls)
        return self._hook

    def __call__(self, raw: object) -> M:
        cls: Any = self._cls
        try:
            return cast("M", (self._hook or self.prepare())(raw, cls))
        except KeyError as missing:
            raise ValueError(f"{cls.__name__} has no {missing}") from None
        except OverflowError as overflow:
            raise ValueError(str(overflow)) from None


class Many(Generic[M]):
    """Decode a list of objects: a bare list, a list under one of the given names, or a single object."""

    def __init__(self, cls: type[M], *names: str) -> None:
        self._one = One(cls)
        self._has_ids = _needs_id(cls)
        self._names = names

    def __call__(self, raw: object) -> List[M]:
        return self.read(raw)[0]

    def read(self, raw: object) -> Tuple[List[M], int]:
        """Return the objects, and how many rows were left out because they have no readable id."""
        entries = self._entries(raw)
        if not isinstance(entries, list):
            raise TypeError(f"expected a list under {' or '.join(self._names)}")
        rows, skipped = cast("list[object]", entries), 0
        if self._has_ids:
            rows, skipped = keep_rows(rows)
        return [self._one(row) for row in rows], skipped

    def _entries(self, raw: object) -> object:
        if not isinstance(raw, dict):
            return raw
        named = cast("dict[str, object]", raw)
        for name in self._names:
            if name in named:
                return [] if named[name] is None else named[name]
        return [named] if "id" in named else None


def find_unreadable(cls: type[Model], fields: Mapping[str, Any]) -> List[str]:
    """Return the names of the fields that decoding would replace by their defaults, because they are invalid."""
    return _unreadable(_converter(), cls, fields)


@lru_cache(maxsize=None)
def _structure(cls: Any) -> Structure:
    return _converter().get_structure_hook(cls)


@lru_cache(maxsize=None)
def _converter() -> Converter:
    from cattrs import Converter  # noqa: PLC0415 - importing the SDK must not load cattrs

    converter = Converter(detailed_validation=False)
    for cls, hook in SCALARS.items():
        converter.register_structure_hook(cls, hook)
        converter.register_structure_hook(Optional[cls], _lenient_int if cls is int else _lenient(hook, cls))
    converter.register_structure_hook_func(_is(AttrDict), _read_object)
    # The base class stands for every enum: most models, and so their enums, are imported later than this runs.
    converter.register_structure_hook(OpenEnum, _read_enum)

    def structure_model(cls: Any) -> Structure:
        return _model_hook(converter, cls)

    def structure_optional(kind: Any) -> Structure:
        return _optional_hook(converter, kind)

    converter.register_structure_hook_factory(_is(Model), structure_model)
    converter.register_structure_hook_factory(_is_optional_object, structure_optional)
    return converter


def _is_optional_object(kind: Any) -> bool:
    arguments = get_args(kind)
    return len(arguments) == 2 and arguments[1] is type(None) and _is((AttrDict, Model))(arguments[0])


def _optional_hook(converter: Converter, kind: Any) -> Structure:
    inner = get_args(kind)[0]
    hook: Structure = converter.get_structure_hook(inner)
    return _lenient(lambda raw, _: hook(raw, inner))


def _model_hook(converter: Converter, cls: type[Any]) -> Structure:
    build = _make_builder(converter, cls)
    known = frozenset(attribute.name for attribute in attrs.fields(cls))
    needs_id = _needs_id(cls)

    def structure(raw: Any, _: Any) -> Any:
        if not isinstance(raw, dict):
            raise TypeError(f"expected an object for {cls.__name__}, not {type(raw).__name__}")
        fields = normalize(cls, cast("dict[str, Any]", raw))
        if needs_id and not str(fields.get("id", "-")).strip():
            raise ValueError(f"the id of this {cls.__name__} is empty")
        try:
            made = build(fields, cls)
        except INVALID:
            if not needs_id:
                raise
            made = build(_readable(converter, cls, fields), cls)
        made.__class__ = cls
        for name in () if fields.keys() <= known else fields:
            if name not in known and not hasattr(cls, name):
                made.__dict__[name] = free_form(fields[name])
        return made

    return structure


def _make_builder(converter: Converter, cls: type[Any]) -> Structure:
    """Return the function that makes a model of its fields."""
    from cattrs import gen  # noqa: PLC0415 - importing the SDK must not load cattrs

    # By attrs fields, not by class: cattrs would treat the class as a dataclass with positional arguments.
    make: Any = gen.make_dict_structure_fn_from_attrs  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # cattrs types it in part
    build: Structure = make(list(attrs.fields(cls)), exact_class(cls), converter)
    return build


def _needs_id(cls: type[Any]) -> bool:
    identifier = attrs.fields_dict(cls).get("id")
    return identifier is not None and identifier.default is attrs.NOTHING


def _readable(converter: Converter, cls: type[Any], fields: Mapping[str, Any]) -> Mapping[str, Any]:
    odd = _unreadable(converter, cls, fields)
    return {name: value for name, value in fields.items() if name not in odd}


def _unreadable(converter: Converter, cls: type[Any], fields: Mapping[str, Any]) -> List[str]:
    return [
        attribute.name
        for attribute in attrs.fields(cls)
        if attribute.name in fields
        and _says_nothing(attribute.default)
        and not _is_readable(converter, attribute.type, fields[attribute.name])
    ]


def _says_nothing(default: Any) -> bool:
    """Tell whether a default is no statement about the object, unlike True for `is_active`."""
    return default is not attrs.NOTHING and not (default.factory() if hasattr(default, "factory") else default)


def _is_readable(converter: Converter, kind: Any, value: Any) -> bool:
    try:
        converter.structure(value, kind)
    except INVALID:
        return False
    return True


def _is(base: type | tuple[type, ...]) -> Callable[[Any], bool]:
    return lambda cls: isinstance(cls, type) and issubclass(cls, base)


def _lenient(hook: Structure, kind: Any = None) -> Structure:
    """Return a hook that passes values of the type through, decodes others, and returns None for invalid ones."""

    def structure(raw: Any, cls: Any) -> Any:
        if type(raw) is kind:
            return raw
        try:
            return None if raw is None else hook(raw, cls)
        except INVALID:
            return None

    return structure


def _lenient_int(raw: Any, cls: Any) -> Optional[int]:
    """Do what `_lenient(_read_int)` does, in one call: a video has three such fields."""
    if type(raw) is int and -LARGEST <= raw <= LARGEST:
        return raw
    return cast("Optional[int]", _lenient(_read_int)(raw, cls))


def _read_text(raw: Any, _: Any) -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, (int, float)) and not isinstance(raw, bool) and math.isfinite(raw):
        return str(raw)
    raise TypeError(f"expected text, not {type(raw).__name__}")


def _read_number(raw: Any, _: Any) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        raise TypeError(f"expected a number, not {type(raw).__name__}")
    number = float(raw)
    if not math.isfinite(number):
        raise ValueError("expected a finite number")
    return number


def _read_int(raw: Any, cls: Any) -> int:
    number = raw if type(raw) is int else int(_read_number(raw, cls))
    if abs(number) > LARGEST:
        raise ValueError("expected a number that JSON can hold exactly")
    return number


def _read_bool(raw: Any, _: Any) -> bool:
    if not isinstance(raw, bool):
        raise TypeError(f"expected true or false, not {type(raw).__name__}")
    return raw


def _read_object(raw: Any, cls: Any) -> AttrDict:
    if not isinstance(raw, Mapping):
        raise TypeError(f"expected an object, not {type(raw).__name__}")
    return cast("AttrDict", cls(raw))


def _read_enum(raw: Any, cls: Any) -> OpenEnum:
    if not isinstance(raw, str) or not raw:
        raise TypeError(f"expected non-empty text for {cls.__name__}")
    known = cls._value2member_map_.get(raw)  # what `cls(raw)` does, without the cost of EnumMeta.__call__
    return cast("OpenEnum", known or cls(raw))


SCALARS: Mapping[Any, Structure] = {
    str: _read_text,
    int: _read_int,
    float: _read_number,
    bool: _read_bool,
    datetime: lambda raw, _: raw if isinstance(raw, datetime) else read_datetime(raw),
}
