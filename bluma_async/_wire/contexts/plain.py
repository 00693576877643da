"""
Accept at once the contexts that certainly fit a plain schema: the usual case, and that of every row of a batch.

Rule 1: this accepts, or gives no answer; it never refuses. `jsonschema` decides on all other contexts and schemas.
Rule 2: a schema is plain if it is an object of named values, each with a type, and at most a length or a list of texts.
A property test compares what this accepts with `jsonschema`.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Tuple, Union

from bluma_async._wire.json_values import is_list, is_object

__all__ = ["ignores_texts", "read_plain_schema"]

Accept = Callable[[Mapping[str, Any]], bool]
Kinds = FrozenSet[type]
# Exact types: a float can be an integer in JSON Schema, and a subclass can be anything: `jsonschema` decides on them.
KINDS: Mapping[str, Tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "object": (dict,),
    "array": (list,), "null": (type(None),),
}  # fmt: skip
TEXT: Kinds = frozenset((str,))
EVERY_KIND = frozenset(kind for kinds in KINDS.values() for kind in kinds)
NOTES = {"title", "description", "default", "examples", "format", "$comment"}  # keywords that decide nothing
OUTER = NOTES | {"type", "properties", "required", "additionalProperties"}
BOUNDS = {"minLength", "maxLength", "enum"}
INNER = NOTES | BOUNDS | {"type"}
Rule = Tuple[Kinds, Union[int, float], Union[int, float], Union[FrozenSet[str], None]]


def read_plain_schema(schema: Mapping[str, Any]) -> Accept | None:
    """Return a function that says whether a context certainly fits; None if the schema is not plain."""
    required, named = schema.get("required", []), schema.get("properties", {})
    if not OUTER.issuperset(schema) or schema.get("type", "object") != "object" or not is_object(named):
        return None
    if not is_list(required) or not all(isinstance(name, str) for name in required):
        return None
    rules: Dict[str, Rule] = {}
    for name, part in named.items():
        rule = _read_rule(part)
        if rule is None:
            return None
        rules[name] = rule
    return _make_accept(frozenset(required), rules)


def ignores_texts(schema: Mapping[str, Any]) -> bool:
    """Return whether a plain schema has neither bounds nor choices for texts, so that only their names matter."""
    return not any(BOUNDS & part.keys() for part in schema.get("properties", {}).values())


def _make_accept(required: FrozenSet[str], rules: Mapping[str, Rule]) -> Accept:
    def accept(context: Mapping[str, Any]) -> bool:
        for name, value in context.items():
            rule = rules.get(name)
            if rule is None:
                return False  # an unknown name may be a misspelt one
            kinds, least, most, choices = rule
            if type(value) not in kinds:
                return False
            if type(value) is str and not (least <= len(value) <= most and (choices is None or value in choices)):
                return False
        return required <= context.keys()

    return accept


def _read_rule(part: Any) -> Rule | None:
    if not is_object(part) or not INNER.issuperset(part):
        return None
    kinds = _read_kinds(part.get("type"))
    bounds = (part.get("minLength", 0), part.get("maxLength", float("inf")))
    choices = part.get("enum")
    if kinds is None or not all(type(bound) is int or bound == float("inf") for bound in bounds):
        return None
    if choices is None:
        return kinds, *bounds, None
    if kinds != TEXT or not is_list(choices):
        return None
    return kinds, *bounds, frozenset(choice for choice in choices if isinstance(choice, str))


def _read_kinds(given: object) -> Kinds | None:
    if given is None:
        return EVERY_KIND
    names: List[Any] = given if is_list(given) else [given]
    if not all(isinstance(name, str) and name in KINDS for name in names):
        return None
    return frozenset(kind for name in names for kind in KINDS[name])
