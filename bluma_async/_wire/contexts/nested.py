"""
Accept at once the contexts that certainly fit a compiled schema with nested objects, lists, bounds and patterns.

Rule 1: this accepts, or gives no answer; it never refuses. `jsonschema` decides on all other contexts.
Rule 2: a part with a keyword that is not known here accepts nothing, so a context without that part can be accepted.
Rule 3: a name that the schema does not list may be a misspelt one: nothing is accepted with it, unless the schema says
that there are other names.
A property test compares what this accepts with `jsonschema`, which takes ten times as long.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Tuple

from bluma_async._wire.contexts.patterns import compile_pattern, find_longest_text
from bluma_async._wire.contexts.plain import NOTES, TEXT, read_kinds
from bluma_async._wire.json_values import is_list, is_object

__all__ = ["Accepts", "read_nested_schema"]

Accepts = Callable[[Any], bool]
PLACES = {"$defs", "definitions"}  # of parts that references lead to; by then they are in the places of the references
NUMBERS = (int, float)


def read_nested_schema(root: Mapping[str, Any]) -> Accepts:
    """Return a function that accepts contexts by a safe schema whose references were replaced by their parts."""
    return _Reader().read({**root, "type": "object", "additionalProperties": False} if _is_named(root) else False)


def _is_named(root: Mapping[str, Any]) -> bool:
    return root.get("type", "object") == "object" and root.get("additionalProperties") in (None, False, True)


class _Reader:
    """Reads the parts of one schema, each once."""

    def __init__(self) -> None:
        self._read: Dict[int, Accepts] = {}  # by the id of the part, which lives as long as the schema

    def read(self, part: object) -> Accepts:
        """Return the function of a part."""
        if not is_object(part):
            return _accept_nothing
        if id(part) not in self._read:
            self._read[id(part)] = self._read_new(part)
        return self._read[id(part)]

    def _read_new(self, part: Dict[str, Any]) -> Accepts:
        kinds = read_kinds(part.get("type"))
        rules: List[Accepts] = []
        if kinds is None or ("enum" in part and kinds != TEXT):
            return _accept_nothing
        if "type" in part:
            rules.append(lambda value: type(value) in kinds)
        left = part.keys() - NOTES - PLACES - {"type"}
        for kinds_of_rule, known, make in (
            ((dict,), OBJECT, self._read_object),
            ((list,), LIST, self._read_list),
            ((str,), STRING, _read_text),
            (NUMBERS, NUMBER, _read_number),
        ):
            if left & known:
                rules.append(_only(kinds_of_rule, make({name: part[name] for name in left & known})))
                left = left - known
        if left:
            return _accept_nothing
        return rules[0] if len(rules) == 1 else lambda value: all(rule(value) for rule in rules)

    def _read_object(self, part: Dict[str, Any]) -> Accepts:
        named, needed, extra = part.get("properties", {}), part.get("required", []), part.get("additionalProperties")
        if not is_object(named) or not is_list(needed) or extra not in (None, False, True):
            return _accept_nothing
        rules = {name: self.read(inner) for name, inner in named.items()}
        other = _accept_nothing if extra is False or (extra is None and rules) else _accept_all

        def accepts(value: Dict[Any, Any]) -> bool:
            for name in needed:
                if name not in value:
                    return False
            for name, inner in value.items():
                if type(name) is not str or not rules.get(name, other)(inner):
                    return False
            return True

        return accepts

    def _read_list(self, part: Dict[str, Any]) -> Accepts:
        least, most = part.get("minItems", 0), part.get("maxItems", float("inf"))
        rule = self.read(part["items"]) if "items" in part else _accept_all
        if not _are_numbers(least, most):
            return _accept_nothing

        def accepts(value: List[Any]) -> bool:
            if not least <= len(value) <= most:
                return False
            for item in value:  # noqa: SIM110 - a generator takes twice as long
                if not rule(item):
                    return False
            return True

        return accepts


def _read_text(part: Dict[str, Any]) -> Accepts:
    least, most, choices = part.get("minLength", 0), part.get("maxLength", float("inf")), part.get("enum")
    longest = find_longest_text(part["pattern"]) if "pattern" in part else float("inf")
    if not _are_numbers(least, most) or longest is None or not (choices is None or is_list(choices)):
        return _accept_nothing
    fits = compile_pattern(part.get("pattern", "")).search
    texts = None if choices is None else {choice for choice in choices if isinstance(choice, str)}
    most = min(most, longest)  # the pattern is not applied to longer texts: `jsonschema` decides
    return lambda value: least <= len(value) <= most and (texts is None or value in texts) and fits(value) is not None


def _read_number(part: Dict[str, Any]) -> Accepts:
    least, most = part.get("minimum", float("-inf")), part.get("maximum", float("inf"))
    if not _are_numbers(least, most):
        return _accept_nothing
    return lambda value: least <= value <= most


def _only(kinds: Tuple[type, ...], rule: Accepts) -> Accepts:
    """Return a rule for values of exactly these types; a rule of JSON Schema holds for one type, and not for others."""
    return lambda value: rule(value) if type(value) in kinds else type(value) in EXACT


def _are_numbers(*values: object) -> bool:
    return all(type(value) in NUMBERS for value in values)


def _accept_nothing(_: object) -> bool:
    return False


def _accept_all(_: object) -> bool:
    return True


OBJECT = {"properties", "required", "additionalProperties"}
LIST = {"items", "minItems", "maxItems"}
STRING = {"minLength", "maxLength", "pattern", "enum"}
NUMBER = {"minimum", "maximum"}
EXACT = {dict, list, str, int, float, bool, type(None)}  # `jsonschema` decides on subclasses
