"""Schemas that are invalid, recursive or huge are not used, and say why; patterns that may take long are removed."""

from __future__ import annotations

from typing import Any, Dict

import pytest

from bluma_async._wire.contexts.limits import MOST_CHARACTERS, restrict
from bluma_async._wire.contexts.schema import ContextSchema


def nested(levels: int) -> Dict[str, Any]:
    """Return a schema with so many levels."""
    schema: Dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"properties": {"a": schema}}
    return schema


def doubling(steps: int) -> Dict[str, Any]:
    """Return a small schema whose evaluation takes 2 ** steps parts."""
    parts = {f"p{n}": {"allOf": [{"$ref": f"#/$defs/p{n + 1}"}] * 2} for n in range(steps)}
    return {"$defs": {**parts, f"p{steps}": {"type": "object"}}, "$ref": "#/$defs/p0"}


UNUSABLE: Dict[str, Any] = {
    "it refers to itself": {"properties": {"child": {"$ref": "#"}}},
    "it refers to itself ": {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
    "it refers to 'https://example.com/x.json', which is not read": {"$ref": "https://example.com/x.json"},
    "it refers to 'file:///etc/passwd', which is not read": {"not": {"$ref": "file:///etc/passwd"}},
    "it refers to '#anchor', which is not read": {"$ref": "#anchor"},
    "it refers to '#/$defs/none', which it does not have": {"$ref": "#/$defs/none"},
    "it uses $dynamicRef": {"$dynamicRef": "#meta"},
    "it consists of several documents": {"properties": {"a": {"$id": "https://example.com/a"}}},
    f"it has more than {MOST_CHARACTERS} characters": {"description": "x" * MOST_CHARACTERS},
    "it has more than 1000 parts": doubling(12),
    "it is nested more than 40 levels deep": nested(41),
    "it is not JSON": {"default": {1, 2}},
    "it is invalid at type": {"type": "objekt"},
    "it is invalid at required": {"required": "prompt"},
    "TypeError was raised when it was read": {"$schema": ["https://json-schema.org/draft/2020-12/schema"]},
}


@pytest.mark.parametrize("reason", UNUSABLE)
def test_an_unusable_schema_accepts_every_context(reason: str) -> None:
    """The check ends at once, is not made, and says why."""
    schema = ContextSchema(UNUSABLE[reason])

    assert schema.find_problems({"prompt": 5, "child": {"child": {}}}) == []
    assert schema.flaws == [f"it is not used, because {reason.strip()}"]


def test_references_within_the_schema_are_followed() -> None:
    """Also through an escaped name, and to a part that is used twice."""
    schema = ContextSchema(
        {
            "$id": "https://example.com/context.json",
            "$defs": {"a/b": {"type": "integer"}},
            "properties": {"x": {"$ref": "#/$defs/a~1b"}, "y": {"$ref": "#/$defs/a~1b"}},
        }
    )

    assert [problem.path for problem in schema.find_problems({"x": "1", "y": "2"})] == ["context.x", "context.y"]
    assert schema.flaws == []


def test_a_slow_pattern_is_removed_and_the_rest_is_used() -> None:
    """The names that a removed pattern would have allowed are not refused."""
    raw = {
        "properties": {"code": {"type": "string", "pattern": "(a+)+$"}},
        "patternProperties": {"^x-": {"type": "string"}, "^(y+)+$": {"type": "string"}},
        "additionalProperties": False,
    }

    usable, removed = restrict(raw)
    schema = ContextSchema(raw)
    problems = schema.find_problems({"code": "a" * 40 + "b", "yyy": 1, "x-a": 1})

    assert usable["patternProperties"] == {"^x-": {"type": "string"}}
    assert sorted(removed) == ["(a+)+$", "^(y+)+$"]
    assert [problem.path for problem in problems] == ["context.x-a"]
    assert sorted(schema.flaws) == ["its pattern '(a+)+$' is not checked", "its pattern '^(y+)+$' is not checked"]


def test_a_pattern_is_not_applied_to_a_text_that_is_too_long_for_it() -> None:
    """The server judges texts for which the pattern could take long."""
    schema = ContextSchema({"properties": {"code": {"pattern": "^[a-z]+[0-9]+$"}}})

    assert schema.find_problems({"code": "a" * 199}) != []
    assert schema.find_problems({"code": "a" * 201}) == []
