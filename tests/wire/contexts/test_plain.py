"""What the plain check accepts fits the schema; on all else it gives no answer."""

from __future__ import annotations

from typing import Any, Dict, List

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bluma_async._wire.contexts.plain import read_plain_schema

TYPES = ["string", "integer", "number", "boolean", "object", "array", "null"]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=4), st.just([]), st.just({})
)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.one_of(st.sampled_from(TYPES), st.lists(st.sampled_from(TYPES), min_size=1, unique=True)),
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
        "enum": st.lists(st.text(max_size=2), min_size=1, unique=True),
        "title": st.text(max_size=3),
    },
)
NAMES = st.sampled_from(["prompt", "a", "b"])
SCHEMAS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.just("object"),
        "required": st.lists(NAMES, unique=True),
        "properties": st.dictionaries(NAMES, PARTS),
        "additionalProperties": st.booleans(),
    },
)


@given(schema=SCHEMAS, context=st.dictionaries(NAMES, VALUES))
@settings(max_examples=300, deadline=None)
def test_what_is_accepted_fits(schema: Any, context: Any) -> None:
    """`jsonschema` agrees with every acceptance."""
    plain = read_plain_schema(schema)

    if plain is not None and plain.accepts(context):
        jsonschema.Draft202012Validator(schema).validate(context)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"properties": []},
        {"required": "prompt"},
        {"required": [1]},
        {"oneOf": [{}]},
        {"properties": {"a": {"$ref": "#"}}},
        {"properties": {"a": True}},
        {"properties": {"a": {"type": "text"}}},
        {"properties": {"a": {"type": [5]}}},
        {"properties": {"a": {"minLength": 1.5}}},
        {"properties": {"a": {"enum": ["x"]}}},
        {"properties": {"a": {"type": "string", "enum": "x"}}},
    ],
)
def test_other_schemas_are_not_plain(schema: Any) -> None:
    """A keyword that is not known here, or not as it should be, is left to `jsonschema`."""
    assert read_plain_schema(schema) is None


def test_the_usual_schema_needs_no_library() -> None:
    """A context of the sandbox's templates is accepted without `jsonschema`; a mistake in it is not."""
    plain = read_plain_schema(
        {
            "type": "object",
            "required": ["prompt"],
            "properties": {"prompt": {"type": "string", "minLength": 1}, "voice": {"type": "string", "enum": ["a"]}},
        }
    )

    assert plain is not None
    assert plain.accepts({"prompt": "x", "voice": "a"})
    others: List[Dict[str, Any]] = [{}, {"prompt": ""}, {"prompt": 1}, {"prompt": "x", "voice": "b"}]
    assert not any(plain.accepts(context) for context in [*others, {"prompt": "x", "y": 1}])
    assert set(plain.texts) == {"prompt", "voice"}
