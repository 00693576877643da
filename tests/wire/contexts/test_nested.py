"""What the check of nested schemas accepts fits the schema; on all else it gives no answer."""

from __future__ import annotations

from typing import Any, Dict, List

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluma_async._wire.contexts.nested import read_nested_schema
from bluma_async._wire.contexts.schema import ContextSchema
from tests.wire.contexts.test_plain import NAMES, TYPES, VALUES

LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.one_of(st.sampled_from(TYPES), st.lists(st.sampled_from(TYPES), min_size=1, unique=True)),
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
        "pattern": st.sampled_from(["^a", "b$", "^[ab]+$"]),
        "enum": st.lists(st.one_of(st.sampled_from(["a", "b", ""]), st.integers(0, 1)), min_size=1, unique=True),
        "minimum": st.integers(-2, 2),
        "maximum": st.integers(-2, 2),
        "minItems": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "required": st.lists(NAMES, unique=True),
        "additionalProperties": st.booleans(),
        "not": st.just({"type": "null"}),
        "format": st.just("date"),
    },
)


def hold(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return schemas that hold other schemas."""
    held = {"properties": st.dictionaries(NAMES, parts), "items": parts}
    extra = st.fixed_dictionaries({}, optional={**held, "additionalProperties": st.one_of(st.booleans(), parts)})
    return st.builds(lambda leaf, more: {**leaf, **more}, LEAVES, extra)


PARTS = st.recursive(LEAVES, hold, max_leaves=5)
SCHEMAS = st.builds(
    lambda part, named: {**part, "type": "object", "properties": named}, PARTS, st.dictionaries(NAMES, PARTS)
)
CONTEXTS = st.dictionaries(
    NAMES,
    st.recursive(
        st.one_of(VALUES, st.sampled_from(["a", "b", "ab", -1, 0, 1, 1.0, True])),
        lambda values: st.one_of(st.lists(values, max_size=3), st.dictionaries(NAMES, values), st.tuples(values)),
        max_leaves=6,
    ),
)


@given(schema=SCHEMAS, context=CONTEXTS)
@settings(max_examples=200, deadline=None)
def test_what_is_accepted_fits(schema: Any, context: Any) -> None:
    """`jsonschema` agrees with every acceptance."""
    if read_nested_schema(schema)(context):
        jsonschema.Draft202012Validator(schema).validate(context)


SCENE: Dict[str, Any] = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "maxLength": 5}, "seconds": {"type": "number", "minimum": 1}},
}
NESTED: Dict[str, Any] = {
    "properties": {
        "color": {"type": "string", "pattern": "^#[0-9a-f]{6}$"},
        "scenes": {"type": "array", "maxItems": 2, "items": SCENE},
        "odd": {"oneOf": [{}]},
        "data": {"type": "object"},
        "open": {"type": "object", "properties": {"text": {"type": "string"}}, "additionalProperties": True},
    }
}
FITTING: List[Dict[str, Any]] = [
    {},
    {"color": "#00ff00"},
    {"scenes": []},
    {"scenes": [{"text": "a", "seconds": 1.5}, {"text": "b"}]},
    {"data": {"other": {"names": None}}},
    {"open": {"text": "a", "other": 1}},
]
OTHERS: List[Dict[str, Any]] = [
    {"color": "red"},
    {"colour": "#00ff00"},
    {"odd": 1},
    {"scenes": [{"text": "too long"}]},
    {"scenes": [{"seconds": 2}]},
    {"scenes": [{"text": "a", "seconds": 0.5}]},
    {"scenes": [{"text": "a"}] * 3},
    {"scenes": ({"text": "a"},)},
    {"scenes": [{"text": "a", 1: 2}]},
    {"scenes": [{"text": "a", "secnds": 3}]},
]


@pytest.mark.parametrize("context", FITTING)
def test_a_context_that_fits_needs_no_evaluation(context: Any) -> None:
    """Objects, lists, bounds and patterns are compared at once."""
    assert read_nested_schema(NESTED)(context)


@pytest.mark.parametrize("context", OTHERS)
def test_other_contexts_are_left_to_the_library(context: Any) -> None:
    """A mistake, an unknown name, and a part with an unknown keyword are not accepted."""
    assert not read_nested_schema(NESTED)(context)


def test_a_fitting_context_is_not_evaluated() -> None:
    """`find_problems` asks `jsonschema` only about contexts that were not accepted."""
    schema = ContextSchema(NESTED)
    schema.compile()
    assert schema._compiled is not None
    evaluated: List[Any] = []

    def record(context: Any) -> List[Any]:
        evaluated.append(context)
        return []

    schema._compiled = schema._compiled._replace(evaluate=record)

    for context in (*FITTING, {"color": "red"}):
        schema.find_problems(context)

    assert evaluated == [{"color": "red"}]
