"""
The parts of response models: attrs classes that are dataclasses too, open enums, free-form objects, helpers of fields.

Rule 1: a model's `__dict__` holds its fields and nothing private, because web frameworks serialise it unchanged.
Rule 2: unknown fields are kept as attributes and unknown enum values as text, so that a new server works with an old
SDK.
Rule 3: a model that is made by hand takes the plain values of JSON too. The codec has typed ones already, and makes
models without these conversions: see `exact_class`.
"""

from __future__ import annotations

import functools
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Dict, Mapping, TypeVar, Union, cast, get_args, get_origin

import attrs

from bluma_async.types._times import read_datetime

if TYPE_CHECKING:
    import dataclasses

    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_: object) -> Callable[[T], T]:
        """Return the decorator unchanged: only type checkers use it."""
        return lambda decorator: decorator


T = TypeVar("T")


class AttrDict(Dict[str, Any]):
    """
    A free-form JSON object: a dict whose keys are attributes too, at every depth.

    A key that is also the name of a dict method, such as `items`, is available by index only.
    """

    __slots__ = ()
    _optional: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__({key: free_form(value) for key, value in dict(*args, **kwargs).items()})

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        if name in self._optional:
            return None
        raise AttributeError(f"{type(self).__name__} has no {name!r}; it has {', '.join(map(str, self)) or 'nothing'}")


def free_form(value: Any) -> Any:
    """Return the value with each object in it as an AttrDict."""
    if isinstance(value, dict) and not isinstance(value, AttrDict):
        return AttrDict(cast("dict[str, Any]", value))
    if isinstance(value, list):
        return [free_form(entry) for entry in value]  # pyright: ignore[reportUnknownVariableType]  # JSON is untyped
    return value


class OpenEnum(str, Enum):
    """An enum of strings. It prints as its value, and accepts unknown values instead of raising."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = value
        unknown._value_ = value
        return unknown

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(str(self.value), spec)

    __eq__ = str.__eq__
    __hash__ = str.__hash__


class Model:
    """The base of every response model."""

    _other_names: ClassVar[Mapping[str, str]] = {}  # of fields, as keywords of the constructor

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: dates as ISO 8601 text, enums as their values, models as objects."""
        return {name: to_json(value) for name, value in self.__dict__.items()}


@dataclass_transform(kw_only_default=True, field_specifiers=(attrs.field,))
def model(cls: type[T]) -> type[T]:
    """Return the class as a keyword-only attrs class that the functions of `dataclasses` accept too."""
    made = attrs.define(cls, kw_only=True, slots=False, eq=True, unsafe_hash=False)
    made.__dataclass_fields__ = _DataclassFields()  # type: ignore[attr-defined]  # Model declares it
    constructor: Any = made
    constructor.__init__ = _convert_arguments(made, constructor.__init__)
    return made


def exact_class(cls: type[T]) -> type[T]:
    """
    Return a subclass of a model whose constructor takes exactly the model's fields, and converts nothing.

    It is for values that are typed already. The caller sets `__class__` of its instances to the model.
    """
    constructor: Any = cls.__init__
    return cast("type[T]", type(cls.__name__, (cls,), {"__init__": constructor.__wrapped__}))


def _convert_arguments(cls: Any, exact: Callable[..., None]) -> Callable[..., None]:
    """Return a constructor that converts plain values to those of the fields, and keeps unknown keywords."""
    converters: Dict[str, Callable[[Any], Any] | None] = {}

    @functools.wraps(exact)
    def __init__(self: Any, /, **values: Any) -> None:  # noqa: N807 - the name that tracebacks show
        known: Dict[str, Any] = {}
        unknown: Dict[str, Any] = {}
        if not converters:  # found for the first one that is made by hand
            converters.update({entry.name: _find_converter(entry.type) for entry in _attributes(cls)})
        for keyword, value in values.items():
            name = cls._other_names.get(keyword, keyword)
            if name in converters:
                known[name] = _convert_field(f"{cls.__name__}.{name}", converters[name], value)
            elif not hasattr(cls, name):
                unknown[name] = free_form(value)
        exact(self, **known)
        self.__dict__.update(unknown)

    return __init__


def _convert_field(name: str, convert: Callable[[Any], Any] | None, value: Any) -> Any:
    try:
        return value if convert is None else convert(value)
    except (ValueError, OverflowError) as problem:
        raise ValueError(f"{name}: {problem}") from None


def _find_converter(kind: Any) -> Callable[[Any], Any] | None:
    """Return the function that makes a value of this type from a plain one; None if values are kept as they are."""
    arguments = [argument for argument in get_args(kind) if argument is not type(None)]
    if get_origin(kind) is Union and len(arguments) == 1:
        return _find_converter(arguments[0])
    if get_origin(kind) is list:
        entry = _find_converter(arguments[0])
        return None if entry is None else functools.partial(_convert_list, entry)
    if not isinstance(kind, type):
        return None
    for base, plain, make in FROM_PLAIN:
        if issubclass(kind, base):
            return functools.partial(_convert, kind, plain, make)
    return None


def _convert(kind: Any, plain: type[Any], make: Callable[[Any, Any], Any], value: Any) -> Any:
    return make(kind, value) if isinstance(value, plain) and not isinstance(value, kind) else value


def _convert_list(convert: Callable[[Any], Any], values: Any) -> Any:
    if not isinstance(values, (list, tuple)):
        return values
    return [convert(value) for value in cast("list[Any]", values)]


def hidden(_: object) -> str:
    """Return the mask that a repr shows instead of a secret."""
    return "'***'"


def without_query(url: object) -> str:
    """Return the repr of a signed link without its query, which holds the signature."""
    if url is None:
        return "None"
    head, mark, _ = str(url).partition("?")
    return repr(head + "?***" if mark else head)


def without_queries(urls: object) -> str:
    """Return the repr of a list of links without their queries."""
    return f"[{', '.join(map(without_query, cast('list[object]', urls)))}]" if isinstance(urls, list) else repr(urls)


def utc_now() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(timezone.utc)


def _attributes(cls: Any) -> tuple[attrs.Attribute[Any], ...]:
    return tuple(attrs.fields(cls))


class _DataclassFields:
    """The fields of a model for the functions of `dataclasses`, which is loaded when they are first asked for."""

    def __get__(self, _: object, cls: type[Any]) -> dict[str, dataclasses.Field[Any]]:
        import dataclasses  # noqa: PLC0415 - few programs need it, and a class for each model takes long to make

        entries = [_dataclass_field(entry) for entry in _attributes(cls)]
        shape: Any = dataclasses.make_dataclass(cls.__name__, entries, init=False, repr=False, eq=False)
        cls.__dataclass_fields__ = shape.__dataclass_fields__
        return cast("dict[str, dataclasses.Field[Any]]", shape.__dataclass_fields__)


def _dataclass_field(entry: attrs.Attribute[Any]) -> tuple[str, Any, Any]:
    import dataclasses  # noqa: PLC0415 - as above

    factory = getattr(entry.default, "factory", None)
    if factory is not None:
        return entry.name, entry.type, dataclasses.field(default_factory=factory)
    if entry.default is attrs.NOTHING:
        return entry.name, entry.type, dataclasses.field()
    return entry.name, entry.type, dataclasses.field(default=entry.default)


def to_json(value: Any) -> Any:
    """Return the JSON form of a value: dates as ISO 8601 text, enums as their values, models as objects."""
    if isinstance(value, Mapping):
        return {key: to_json(entry) for key, entry in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [to_json(entry) for entry in cast("list[Any]", value)]
    for kind, convert in JSON_FORMS:
        if isinstance(value, kind):
            return convert(value)
    return value


JSON_FORMS: tuple[tuple[type[Any], Callable[[Any], Any]], ...] = (
    (Model, lambda made: made.to_dict()),
    (Enum, lambda member: member.value),
    (datetime, lambda moment: moment.isoformat().replace("+00:00", "Z")),
    (Exception, str),
)
# A type of fields, the plain type of its values, and how one is made.
FROM_PLAIN: tuple[tuple[type[Any], type[Any], Callable[[Any, Any], Any]], ...] = (
    (datetime, str, lambda _, text: read_datetime(text)),
    (OpenEnum, str, lambda kind, text: kind(text)),
    (AttrDict, dict, lambda kind, fields: kind(fields)),
    (Model, dict, lambda kind, fields: kind(**fields)),
)
