"""
Write the source of TypedDicts for the contexts of templates, by their schemas.

Rule 1: text of the server enters the source as a literal, or as a name made of letters and digits, and in no other way.
Rule 2: a type is never stricter about a value than the checks of a create: the documents decide on the documented
names, alternatives are joined, and what a TypedDict cannot express is Any.
Rule 3: the same schemas give the same source, for Python 3.8 and later.
"""

from __future__ import annotations

import re
from keyword import iskeyword
from typing import Any, Dict, Iterable, List, Mapping, Set

from bluma_async._wire.contexts.limits import UnusableSchemaError, restrict
from bluma_async._wire.contexts.names import list_inner, list_names
from bluma_async._wire.contexts.problems import DOCUMENTED
from bluma_async._wire.json_values import is_list, is_object

__all__ = ["HEADER", "ContextTypes"]

HEADER = """\
# Written by `bluma types`: do not edit.
\"\"\"The contexts of templates, for type checkers and editors.\"\"\"
"""
ANY, ANY_OBJECT = "Any", "Mapping[str, Any]"
KINDS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
TYPING = ("Any", "Literal", "Mapping", "Sequence", "TypedDict", "Union")


class ContextTypes:
    """The types of several templates."""

    def __init__(self) -> None:
        self._blocks: List[str] = []
        self._taken: Set[str] = {*TYPING, *KINDS.values()}
        self._root: Dict[str, Any] = {}

    def add(self, template_id: str, schema: Mapping[str, Any] | None) -> str | None:
        """Add the type of a template's context. Return why its schema is not used, or None."""
        problem = None
        try:
            self._root = restrict(schema or {"required": ["prompt"]}).root
        except UnusableSchemaError as unusable:
            self._root, problem = {"required": ["prompt"]}, str(unusable)
        names, required = list_names(self._root, [self._root])
        shown = template_id if re.fullmatch(r"[A-Za-z0-9._ -]+", template_id) else "with another id"
        name = self._take_name([template_id], "Context")
        types: Dict[str, str] = {}
        for entry, kind in DOCUMENTED.items():
            types[entry] = "str" if kind is str else self._find_object(names.pop(entry, []), [name, entry])
        for entry, parts in names.items():
            types.setdefault(entry, self._join(parts, [name, entry]))
        self._write(name, f"The context of the template {shown}.", types, required)
        return problem

    def render(self) -> str:
        """Return the source."""
        body = "\n\n\n".join(self._blocks)
        used = [name for name in TYPING if re.search(rf"\b{name}\b", body)]
        imports = f"\nfrom typing import {', '.join(used)}\n" if used else ""
        return HEADER + imports + (f"\n\n{body}\n" if body else "")

    def _join(self, parts: Iterable[Any], path: List[str]) -> str:
        """Return the type of a value that has one of these schemas, or all of them."""
        kinds = list(dict.fromkeys(kind for part in parts for kind in self._list_kinds(part, path)))
        if ANY in kinds or not kinds:
            return ANY
        return kinds[0] if len(kinds) == 1 else f"Union[{', '.join(kinds)}]"

    def _list_kinds(self, part: Any, path: List[str]) -> List[str]:
        if not is_object(part):
            return [ANY]
        values = [part["const"]] if "const" in part else part.get("enum")
        if is_list(values) and all(value is None or isinstance(value, (str, bool, int)) for value in values):
            return [f"Literal[{', '.join(map(_quote, values))}]"] if values else [ANY]
        kinds = part.get("type", "object" if "properties" in part else None)
        if kinds is None:
            return [kind for _, inner in list_inner(self._root, part) for kind in self._list_kinds(inner, path)] or [
                ANY
            ]
        return [self._name_kind(kind, part, path) for kind in (kinds if is_list(kinds) else [kinds])]

    def _name_kind(self, kind: object, part: Dict[str, Any], path: List[str]) -> str:
        if kind == "array":
            items = part.get("items")
            return f"Sequence[{self._join([items], path) if is_object(items) else ANY}]"
        if kind == "object":
            return self._find_object([part], path)
        return KINDS.get(str(kind), ANY)

    def _find_object(self, parts: List[Any], path: List[str]) -> str:
        """Return the type of an object, for which a class is written if its names are known."""
        objects = [part for part in parts if is_object(part)]
        names, required = list_names(self._root, objects)
        if not names:
            extra = [part["additionalProperties"] for part in objects if is_object(part.get("additionalProperties"))]
            return f"Mapping[str, {self._join(extra, path)}]" if extra else ANY_OBJECT
        name = self._take_name(path, "")
        types = {entry: self._join(inner, [*path, entry]) for entry, inner in names.items()}
        self._write(name, f"A part of {path[0]}.", types, required)
        return name

    def _take_name(self, path: List[str], end: str) -> str:
        words = [word for part in path for word in re.findall(r"[A-Za-z0-9]+", part)]
        stem = "".join(word[0].upper() + word[1:] for word in words)
        stem = stem if stem[:1].isalpha() else f"Template{stem}"
        name, number = f"{stem}{end}", 2
        while name in self._taken:
            name, number = f"{stem}{number}{end}", number + 1
        self._taken.add(name)
        return name

    def _write(self, name: str, about: str, types: Mapping[str, str], required: List[str]) -> None:
        """Write a class. It has bases for the names that are required, and for those that no class can spell."""
        needed = {entry: kind for entry, kind in types.items() if entry in required}
        others = {entry: kind for entry, kind in types.items() if entry not in required}
        bases: List[str] = []
        if not others and all(map(_is_plain, needed)):
            self._blocks.append(_write_class(f"class {name}(TypedDict):", about, needed))
            return
        if needed:
            bases.append(self._take_name([f"{name}Required"], ""))
            self._blocks.append(_write_base(bases[-1], needed, "The names that it needs."))
        if not all(map(_is_plain, others)):
            bases.append(self._take_name([f"{name}Optional"], ""))
            self._blocks.append(_write_functional(bases[-1], others, "    total=False,\n"))
            others = {}
        head = f"class {name}({', '.join(bases) or 'TypedDict'}{', total=False' if others else ''}):"
        self._blocks.append(_write_class(head, about, others))


def _write_base(name: str, types: Mapping[str, str], about: str) -> str:
    if all(map(_is_plain, types)):
        return _write_class(f"class {name}(TypedDict):", about, types)
    return _write_functional(name, types, "")


def _write_class(head: str, about: str, types: Mapping[str, str]) -> str:
    lines = [f"    {entry}: {kind}" for entry, kind in types.items()]
    return "\n".join([head, f'    """{about}"""', *([""] if lines else []), *lines])


def _write_functional(name: str, types: Mapping[str, str], total: str) -> str:
    entries = "".join(f"        {_quote(entry)}: {kind},\n" for entry, kind in types.items())
    return f'{name} = TypedDict(\n    "{name}",\n    {{\n{entries}    }},\n{total})'


def _is_plain(name: str) -> bool:
    """Return whether a class can spell a name: no keyword, and none that Python would change."""
    return name.isascii() and name.isidentifier() and not iskeyword(name) and not name.startswith("__")


def _quote(value: object) -> str:
    """Return a value as a literal, in ASCII."""
    text = ascii(value)
    return f'"{text[1:-1]}"' if isinstance(value, str) and "'" not in value and '"' not in value else text
