"""
Accept at once the contexts that certainly fit a plain schema: the usual case, and that of every row of a batch.

Rule 1: this accepts, or gives no answer; it never refuses. `jsonschema` decides on all other contexts and schemas.
Rule 2: a schema is plain if it is an object of named values, each with a type, and at most a length or a list of texts.
A property test compares what this accepts with `jsonschema`.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, Mapping, Tuple, Union

from bluma_async._wire.json_values import is_list, is_object

__all__ = ["NOTES", "TEXT", "PlainSchema", "Rule", "fits_text", "read_kinds", "read_plain_schema"]

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
INNER = NOTES | {"type", "minLength", "maxLength", "enum"}
# The types that a value may have; the least and the greatest length of a text, and its choices.
Rule = Tuple[Kinds, float, float, Union[FrozenSet[str], None]]
ANY_TEXT = (0, float("inf"), None)


class PlainSchema:
    """
    A schema of named values.

    Attributes:
        texts: The names whose texts have a length or choices; no other text can break a rule by its content.
    """

    def __init__(self, required: FrozenSet[str], rules: Mapping[str, Rule]) -> None:
        self._required = required
        self._rules = rules
        self.texts: Mapping[str, Rule] = {name: rule for name, rule in rules.items() if rule[1:] != ANY_TEXT}

    def accepts(self, context: Mapping[str, Any]) -> bool:
        """Return whether a context certainly fits. An unknown name may be a misspelt one, and does not."""
        for name, value in context.items():
            rule = self._rules.get(name)
            if rule is None or type(value) not in rule[0] or (type(value) is str and not fits_text(value, rule)):
                return False
        return self._required <= context.keys()


def fits_text(text: str, rule: Rule) -> bool:
    """Return whether a text has the length that a rule demands, and is one of its choices."""
    _, least, most, choices = rule
    return least <= len(text) <= most and (choices is None or text in choices)


def read_plain_schema(schema: Mapping[str, Any]) -> PlainSchema | None:
    """Return a schema that is plain; None for any other one."""
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
    return PlainSchema(frozenset(required), rules)


def _read_rule(part: Any) -> Rule | None:
    if not is_object(part) or not INNER.issuperset(part):
        return None
    kinds = read_kinds(part.get("type"))
    bounds = (part.get("minLength", 0), part.get("maxLength", float("inf")))
    choices = part.get("enum")
    if kinds is None or not all(type(bound) is int or bound == float("inf") for bound in bounds):
        return None
    if choices is None:
        return kinds, *bounds, None
    if kinds != TEXT or not is_list(choices):
        return None
    return kinds, *bounds, frozenset(choice for choice in choices if isinstance(choice, str))


def read_kinds(given: object) -> Kinds | None:
    """Return the types that a keyword `type` allows; all types without it, None for one that is not understood."""
    if given is None:
        return EVERY_KIND
    names: List[Any] = given if is_list(given) else [given]
    if not all(isinstance(name, str) and name in KINDS for name in names):
        return None
    return frozenset(kind for name in names for kind in KINDS[name])
