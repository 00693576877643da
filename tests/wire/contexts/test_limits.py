"""Schemas that are invalid, recursive or huge are not used, and say why; patterns that may take long are removed."""

from __future__ import annotations

import time
from typing import Any, Dict, List

import pytest

from bluma_async._wire.contexts.limits import MOST_CHARACTERS, inline, restrict
from bluma_async._wire.contexts.patterns import find_longest_text
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


def unevaluated(levels: int) -> Dict[str, Any]:
    """Return a small schema whose evaluation takes exponential time in its levels."""
    schema: Dict[str, Any] = {}
    for _ in range(levels):
        schema = {"allOf": [schema], "unevaluatedProperties": {"type": "string"}}
    return schema


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
    "it is written in 'http://json-schema.org/draft-03/schema#', and not in draft-04 or later": {
        "$schema": "http://json-schema.org/draft-03/schema#",
        "extends": [{"$ref": "#"}],
    },
    "it is written in '5', and not in draft-04 or later": {"$schema": 5},
    "it consists of several documents ": {"properties": {"a": {"$schema": "http://json-schema.org/draft-03/schema#"}}},
    "it consists of several documents  ": {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "not": {"id": "http://x/y"},
    },
    "it has more than 1000 parts ": unevaluated(8),
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

    usable, _, removed, _, _ = restrict(raw)
    schema = ContextSchema(raw)
    problems = schema.find_problems({"code": "a" * 40 + "b", "yyy": 1, "x-a": 1})

    assert usable["patternProperties"] == {"^x-": {"type": "string"}}
    assert sorted(removed) == ["(a+)+$", "^(y+)+$"]
    assert [problem.path for problem in problems] == ["context.x-a"]
    assert sorted(schema.flaws) == ["its pattern '(a+)+$' is not checked", "its pattern '^(y+)+$' is not checked"]


def test_a_pattern_is_not_applied_to_a_text_that_is_too_long_for_it() -> None:
    """The server judges texts for which the pattern could take long."""
    schema = ContextSchema({"properties": {"code": {"pattern": "^[a-z]+[0-9]+$"}}})

    longest = find_longest_text("^[a-z]+[0-9]+$") or 0

    assert schema.find_problems({"code": "a" * longest}) != []
    assert schema.find_problems({"code": "a" * (longest + 1)}) == []


def test_a_property_that_is_called_id_is_a_property() -> None:
    """Only the keyword names a document."""
    schema = ContextSchema({"properties": {"id": {"type": "string"}, "$schema": {"type": "string"}}})

    assert schema.find_problems({"id": "x", "$schema": "y"}) == []
    assert schema.flaws == []


def test_items_that_must_differ_are_compared_in_linear_time() -> None:
    """Thousands of objects would be compared with each other, which takes seconds and blocks the event loop."""
    schema = ContextSchema({"properties": {"items": {"uniqueItems": True}}})
    items: List[Any] = [{"number": number} for number in range(20_000)]
    began = time.process_time()

    assert schema.find_problems({"items": items}) == []
    assert [str(problem) for problem in schema.find_problems({"items": [*items, {"number": 5}]})] == [
        "context.items: its items must differ (rule uniqueItems)"
    ]
    assert time.process_time() - began < 5.0


def test_a_context_that_would_take_long_is_not_checked() -> None:
    """There is one warning, and the create is sent."""
    schema = ContextSchema({"properties": {"items": {"items": {"anyOf": [{"type": "string"}] * 400}}}})

    (problem,) = schema.find_problems({"items": [1] * 2000})

    assert (str(problem), problem.is_error) == ("context: it is too large to be checked (rule size)", False)
    assert len(schema.find_problems({"items": [1]})) == 1


@pytest.mark.parametrize("keyword", ["items", "propertyNames"])
def test_the_patterns_of_all_texts_of_a_context_are_bounded_together(keyword: str) -> None:
    """Each item and name costs a few milliseconds: a hundred of them would block the event loop."""
    schema = ContextSchema({"properties": {"tags": {keyword: {"pattern": "[a-z]*[a-z]*="}}}})
    texts = ["a" * 117 + str(number) for number in range(100, 200)]

    def find(some: List[str]) -> List[Any]:
        return schema.find_problems({"tags": some if keyword == "items" else dict.fromkeys(some, 1)})

    began = time.process_time()
    problems = find(texts)
    seconds = time.process_time() - began

    assert [(problem.rule, problem.is_error) for problem in problems] == [("size", False)]
    assert seconds < 0.2
    assert {problem.rule for problem in find(texts[:5])} == {"pattern" if keyword == "items" else "propertyNames"}


def test_a_pattern_counts_as_often_as_the_schema_applies_it() -> None:
    """Alternatives apply the pattern of one shared part again and again."""
    shared = {"anyOf": [{"$ref": "#/$defs/p"}, {"unevaluatedProperties": False, "$ref": "#/$defs/p"}]}

    usable = restrict({"$defs": {"p": {"pattern": "^a", "patternProperties": {"^b": {}}}}, "properties": {"x": shared}})

    assert usable.patterns == {"^a": 5, "^b": 5}  # of the definition itself, one alternative, and the other three times


def test_references_are_looked_up_once() -> None:
    """Chains, lists and shared parts; a reference with other keywords beside it keeps its meaning."""
    text = {"type": "string"}
    root = {
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": dict(text)},
        "properties": {"x": {"$ref": "#/$defs/a"}, "y": {"$ref": "#/properties/x", "maxLength": 3}},
        "items": [{"$ref": "#/$defs/b"}],
        "allOf": [{"not": {"$ref": "#/$defs/a"}}],
    }

    inline(root)

    assert root == {
        "$defs": {"a": text, "b": text},
        "properties": {"x": text, "y": {"$ref": "#/properties/x", "maxLength": 3}},
        "items": [text],
        "allOf": [{"not": text}],
    }
