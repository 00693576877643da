"""
Say what is wrong with a context, and whether that is certain.

The documents describe the five names that every template may use, and contradict bounds that schemas state for them:
the reference demands a prompt of ten characters, and the SDK page creates a video from the prompt "Test". So a schema
is not read more strictly than the documents:

Rule 1: a schema alone decides on the names that only it knows, and on what `brand_assets` and `custom_data` contain.
Rule 2: of a documented text, only a value that is not text is an error; of a documented object, only one that is not
an object. Any other rule about a documented text, such as a minimal length, is a warning.
Rule 3: a required name that is missing is an error, also a documented one: the documents leave that to the template.
Rule 4: a documented name that a schema does not list is sent without a word.
Rule 5: a rule that offers alternatives is broken if each of them is broken by an error.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

import attrs

from bluma_async._runtime.closeness import find_close
from bluma_async._wire.json_values import is_list

__all__ = ["DOCUMENTED", "Problem", "describe", "format_path", "is_certain", "say_unknown"]

DOCUMENTED: Mapping[str, type] = {
    "prompt": str, "system_prompt": str, "brand_id": str, "brand_assets": dict, "custom_data": dict,
}  # fmt: skip
Path = Sequence[object]
KINDS: Tuple[Tuple[type, str], ...] = (
    (str, "string"), (bool, "boolean"), (int, "integer"), (float, "number"), (list, "array"), (dict, "object"),
)  # fmt: skip
MOST_TEXT = 120


@attrs.frozen(kw_only=True)
class Problem:
    """
    One way in which a context does not fit its schema.

    Attributes:
        path: The value, such as `context.voice`.
        rule: The keyword of JSON Schema that is broken, such as `enum`.
        message: What is wrong. It quotes names and rules, and never the value.
        is_error: Whether a create is refused for it; otherwise there is a warning.
    """

    path: str
    rule: str
    message: str
    is_error: bool = True

    def to_dict(self) -> Dict[str, str]:
        """Return the problem as an entry of an error's `validation_errors`."""
        return {"field": self.path, "message": self.message, "rule": self.rule}

    def __str__(self) -> str:
        return f"{self.path}: {self.message} (rule {self.rule})"


def format_path(path: Path) -> str:
    """Return a path as it is written in Python or JSON, such as `context.scenes[2].text`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{str(step)[:MOST_TEXT]}" for step in path)
    return "context" + "".join(steps)


def say_unknown(close: str | None) -> str:
    """Return the message about a name that a schema does not list."""
    return f"there is no such name; did you mean {close!r}?" if close else "the template's schema has no such name"


def describe(error: Any) -> Tuple[str, str]:
    """
    Read an error of `jsonschema`. Return the rule that a value breaks, and what is wrong with the value.

    The value itself is not named: it may be long, or somebody's secret.
    """
    rule = str(error.validator)
    if rule in EXCLUSIVE and error.schema.get(EXCLUSIVE[rule]) is True:  # as draft 4 writes it
        rule = EXCLUSIVE[rule]
    if rule == "propertyNames":
        _, reason = describe(error.context[0])
        return rule, f"the name is not allowed: {reason}"
    if rule in SENTENCES:
        return rule, SENTENCES[rule](error.validator_value, error.instance)
    return rule, f"it breaks the rule {_shorten(error.validator_value)}"


def is_certain(path: Path, rule: str, found: Any) -> bool:
    """Return whether a broken rule is an error by the documents too."""
    kind = DOCUMENTED.get(str(path[0])) if path else None
    if kind is None:
        return True
    return not isinstance(found, kind) if rule == "type" and len(path) == 1 else kind is dict


def _name_kind(value: object) -> str:
    return next((name for kind, name in KINDS if isinstance(value, kind)), "null")


def _shorten(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "..."


def _list(choices: List[Any]) -> str:
    return _shorten(", ".join(map(_shorten, choices)))


def _hint(choices: List[Any], found: object) -> str:
    close = find_close(found, [choice for choice in choices if isinstance(choice, str)])
    return f"; did you mean {close!r}?" if close else ""


def _join(values: Any) -> str:
    names: List[Any] = values if is_list(values) else [values]
    return _shorten(" or ".join(str(name) for name in names))


def _count(number: Any, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")


EXCLUSIVE = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
SENTENCES: Dict[str, Callable[[Any, Any], str]] = {
    "type": lambda wanted, found: f"it must be {_join(wanted)}, not {_name_kind(found)}",
    "enum": lambda wanted, found: f"it must be one of {_list(wanted)}{_hint(wanted, found)}",
    "const": lambda wanted, _: f"it must be {_shorten(wanted)}",
    "minLength": lambda wanted, _: f"it must have at least {wanted} characters",
    "maxLength": lambda wanted, _: f"it must have at most {wanted} characters",
    "minItems": lambda wanted, _: f"it must have at least {wanted} items",
    "maxItems": lambda wanted, _: f"it must have at most {wanted} items",
    "minimum": lambda wanted, _: f"it must be at least {wanted}",
    "maximum": lambda wanted, _: f"it must be at most {wanted}",
    "exclusiveMinimum": lambda wanted, _: f"it must be more than {wanted}",
    "exclusiveMaximum": lambda wanted, _: f"it must be less than {wanted}",
    "multipleOf": lambda wanted, _: f"it must be a multiple of {wanted}",
    "pattern": lambda wanted, _: f"it must match {_shorten(wanted)}",
    "contains": lambda wanted, _: f"none of its items fits {_shorten(wanted)}",
    "minContains": lambda wanted, _: f"at least {_count(wanted, 'item')} must fit the rule contains",
    "maxContains": lambda wanted, _: f"at most {_count(wanted, 'item')} may fit the rule contains",
    "minProperties": lambda wanted, _: f"it must have at least {_count(wanted, 'name')}",
    "maxProperties": lambda wanted, _: f"it must have at most {_count(wanted, 'name')}",
    "uniqueItems": lambda _, __: "its items must differ",
    "not": lambda wanted, _: "no value is allowed" if wanted == {} else f"it must not fit {_shorten(wanted)}",
    "items": lambda _, __: "it has more items than the schema describes",
    "additionalItems": lambda _, __: "it has more items than the schema describes",
    "unevaluatedItems": lambda _, __: "it has items that no alternative describes",
    "unevaluatedProperties": lambda _, __: "a name in it is not allowed beside the others",
    "None": lambda _, __: "a part of it is not allowed",
    "anyOf": lambda _, __: "it fits none of the alternatives",
    "oneOf": lambda _, __: "it must fit exactly one of the alternatives",
}
