"""
List the names that a schema gives to an object, for the check of unknown names and for the types of `bluma types`.

Rule 1: a schema gives an object the names of all keywords that apply to the same object: `properties`, `$ref`,
`allOf`, the alternatives of `anyOf`, `oneOf` and `if`, and dependent schemas. A name of an alternative is known, and
not required.
Rule 2: a name that a schema only requires is known too.
Rule 3: the schema is safe: `limits` has bounded its parts, and its references lead in no circle.
"""

from __future__ import annotations

import re
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Sequence, Tuple, Union

from bluma_async._wire.contexts.limits import resolve
from bluma_async._wire.json_values import is_list, is_object

__all__ = ["KnownNames", "Names", "list_inner", "list_names"]

NESTED = ("allOf", "anyOf", "oneOf")
BRANCHES = ("if", "then", "else")
DEPENDENT = ("dependencies", "dependentRequired", "dependentSchemas")  # their values are schemas, or lists of names
OTHER_NAMES = ("additionalProperties", "unevaluatedProperties")
MOST_PLACES = 1000  # that are remembered inside one place
Part = Dict[str, Any]
Names = Dict[str, List[Any]]  # the schemas that parts of a schema give to each name
Step = Union[str, int]


def list_inner(root: Part, part: Part) -> Iterator[Tuple[bool, Part]]:
    """Yield the schemas that a schema applies to the same value, and whether each is certainly applied."""
    found: List[Tuple[bool, Any]] = [(True, resolve(root, part["$ref"]))] if "$ref" in part else []
    for keyword in NESTED:
        found += [(keyword == "allOf", entry) for entry in part[keyword]] if is_list(part.get(keyword)) else []
    found += [(False, part.get(keyword)) for keyword in BRANCHES]
    found += [(False, entry) for _, entry in _list_dependent(part)]
    return ((is_certain, entry) for is_certain, entry in found if is_object(entry))


def list_names(root: Part, parts: Iterable[object]) -> Tuple[Names, List[str]]:
    """Return the names that schemas give to an object, and those that it certainly needs."""
    names: Names = {}
    required: List[str] = []
    for is_certain, part in _list_applied(root, parts):
        needed = [name for name in _list(part.get("required")) if isinstance(name, str)]
        for name, entry in _object(part.get("properties")).items():
            names.setdefault(str(name), []).append(entry)
        for name in (*needed, *_list_dependent_names(part)):
            names.setdefault(name, [])
        required += needed if is_certain else []
    return names, required


class KnownNames:
    """
    The names that a schema gives to the value in one place of a context, and to those inside it.

    Attributes:
        listed: The names of an object; None if the schema lists none, or checks other names in another way.
        needed: The names that some part of the schema requires.
    """

    def __init__(self, root: Part, parts: Sequence[object]) -> None:
        self._root = root
        self._applied = [part for _, part in _list_applied(root, parts)]
        self._named, _ = list_names(root, parts)
        self._patterns = [pattern for part in self._applied for pattern in _object(part.get("patternProperties"))]
        self._tuples = max((len(_list_tuple(part)) for part in self._applied), default=0)
        self._inside: Dict[object, KnownNames | None] = {}
        is_open = any(part.get(name) not in (None, False) for part in self._applied for name in OTHER_NAMES)
        lists_names = any(is_object(part.get("properties")) for part in self._applied)
        self.listed: FrozenSet[str] | None = frozenset(self._named) if lists_names and not is_open else None
        self.needed: FrozenSet[str] = frozenset(name for part in self._applied for name in _list(part.get("required")))

    def has(self, name: str) -> bool:
        """Return whether a part of the schema lists a name, or has a pattern that it fits."""
        return name in self._named or any(re.search(pattern, name) for pattern in self._patterns)

    def find_inside(self, step: Step) -> KnownNames | None:
        """Return the names for a value in an object, by its name, or in a list, by its index; None without any."""
        key = self._find_key(step)
        if key not in self._inside:
            if len(self._inside) >= MOST_PLACES:
                self._inside.clear()
            parts = [inner for part in self._applied for inner in _list_inside(part, step)]
            self._inside[key] = KnownNames(self._root, parts) if any(map(is_object, parts)) else None
        return self._inside[key]

    def _find_key(self, step: Step) -> object:
        """Return a key that steps share whose values have the same schemas, so that few are remembered."""
        if isinstance(step, int):
            return min(step, self._tuples)
        return step if step in self._named else tuple(p for p in self._patterns if re.search(p, step))


def _list_applied(root: Part, parts: Iterable[object], *, is_certain: bool = True) -> Iterator[Tuple[bool, Part]]:
    """Yield schemas with all that they apply to the same value, and whether each is certainly applied."""
    for part in parts:
        if is_object(part):
            yield is_certain, part
            for is_sure, inner in list_inner(root, part):
                yield from _list_applied(root, [inner], is_certain=is_certain and is_sure)


def _list_inside(part: Part, step: Step) -> Iterator[object]:
    """Yield the schemas that a schema gives to a value inside its value."""
    if isinstance(step, str):
        yield from _list_of_name(part, step)
    elif "contains" not in part:  # else an item may be described there, by names that others do not have
        first = _list_tuple(part)
        yield from first[step : step + 1]
        yield part.get("items")
        yield part.get("additionalItems")


def _list_of_name(part: Part, name: str) -> Iterator[object]:
    named, patterns = _object(part.get("properties")), _object(part.get("patternProperties"))
    found = [named[name]] if name in named else []
    found += [inner for pattern, inner in patterns.items() if re.search(pattern, name)]
    yield from found or (part.get(keyword) for keyword in OTHER_NAMES)


def _list_tuple(part: Part) -> List[Any]:
    """Return the schemas of the first items of a list; old drafts have them under `items`."""
    return _list(part.get("prefixItems")) or _list(part.get("items"))


def _list_dependent(part: Part) -> Iterator[Tuple[str, Any]]:
    return ((name, entry) for keyword in DEPENDENT for name, entry in _object(part.get(keyword)).items())


def _list_dependent_names(part: Part) -> Iterator[str]:
    for name, entry in _list_dependent(part):
        yield name
        yield from (other for other in _list(entry) if isinstance(other, str))


def _object(value: object) -> Part:
    return value if is_object(value) else {}


def _list(value: object) -> List[Any]:
    return value if is_list(value) else []
