"""Problems of contexts: the documents decide on the documented names, a schema on all others."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import jsonschema
import pytest

from bluma_async._wire.contexts.problems import SENTENCES
from bluma_async._wire.contexts.schema import ContextSchema

SCHEMA = {
    "type": "object",
    "required": ["prompt"],
    "properties": {
        "prompt": {"type": "string", "minLength": 10, "pattern": "^[A-Z]"},
        "brand_assets": {"type": "object", "required": ["logo"], "properties": {"logo": {"type": "string"}}},
        "voice": {"enum": ["female-casual", "energetic-male"]},
        "title": {"type": "string", "maxLength": 5},
        "scenes": {
            "type": "array",
            "items": {"type": "object", "additionalProperties": False, "properties": {"text": {"type": "string"}}},
        },
    },
}
PROMPT = "Explain why the sky is blue"


def find(context: Any, **changes: Any) -> List[Tuple[bool, str]]:
    """Return whether each problem of a context is an error, and its text."""
    return [(problem.is_error, str(problem)) for problem in ContextSchema({**SCHEMA, **changes}).find_problems(context)]


def test_the_documents_decide_on_documented_texts() -> None:
    """Trap T-7: the SDK page creates a video from "Test", whatever a schema says of a prompt's length and form."""
    assert find({"prompt": "Test"}) == [(False, "context.prompt: it must have at least 10 characters (rule minLength)")]
    assert find({"prompt": "explain why"}) == [(False, "context.prompt: it must match ^[A-Z] (rule pattern)")]
    assert find({"prompt": 5}) == [(True, "context.prompt: it must be string, not integer (rule type)")]
    as_object = {"properties": {"prompt": {"type": "object"}}}
    assert find({"prompt": PROMPT}, **as_object) == [
        (False, "context.prompt: it must be object, not string (rule type)")
    ]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"voice": "deep"}, "context.voice: it must be one of female-casual, energetic-male (rule enum)"),
        ({"voice": "energetic_male"}, "energetic-male; did you mean 'energetic-male'? (rule enum)"),
        ({"title": "Too long"}, "context.title: it must have at most 5 characters (rule maxLength)"),
        ({"scenes": [{}, {"txt": "x"}]}, "context.scenes[1].txt: there is no such name; did you mean 'text'?"),
        ({"scenes": [{"text": None}]}, "context.scenes[0].text: it must be string, not null (rule type)"),
        ({"brand_assets": {}}, "context.brand_assets.logo: it is missing (rule required)"),
        ({"brand_assets": "logo"}, "context.brand_assets: it must be object, not string (rule type)"),
        ({"tilte": "x"}, "context.tilte: there is no such name; did you mean 'title'? (rule properties)"),
    ],
)
def test_a_schema_decides_on_its_own_names(more: Any, expected: str) -> None:
    """Each error names the path, the rule, and the nearest valid name."""
    ((is_error, text),) = find({"prompt": PROMPT, **more})

    assert is_error
    assert expected in text


def test_a_misspelt_name_is_not_reported_as_missing_too() -> None:
    """One mistake, one problem."""
    assert find({"promt": PROMPT}) == [
        (True, "context.promt: there is no such name; did you mean 'prompt'? (rule properties)")
    ]
    assert find({"text": PROMPT})[-1] == (True, "context.prompt: it is missing (rule required)")


def test_an_unknown_name_that_is_close_to_none_is_sent() -> None:
    """A schema that does not forbid other names may be incomplete; one that does is believed."""
    assert find({"prompt": PROMPT, "mood": "x"}) == [
        (False, "context.mood: the template's schema has no such name (rule properties)")
    ]
    assert find({"prompt": PROMPT, "mood": "x"}, additionalProperties=False)[0][0]
    assert find({"prompt": PROMPT, "mood": "x"}, additionalProperties={"type": "string"}) == []


def test_a_name_beside_the_one_it_resembles_is_not_a_misspelt_one() -> None:
    """`prompt2` beside `prompt` is another name; there is a warning at most."""
    assert find({"prompt": PROMPT, "prompt2": "x"})[0][0] is False


def test_a_documented_name_is_sent_though_the_schema_does_not_list_it() -> None:
    """Every template may use the five documented names; a null counts as a missing name."""
    context = {"prompt": PROMPT, "system_prompt": "s", "brand_id": "b", "custom_data": {}, "title": None}

    assert find(context, additionalProperties=False) == []


def test_alternatives_are_broken_if_all_are_broken_by_an_error() -> None:
    """A branch that only a bound of a documented text breaks is not broken."""
    branches = {"anyOf": [{"properties": {"prompt": {"minLength": 50}}}, {"required": ["voice"]}]}

    ((is_error, text),) = find({"prompt": PROMPT}, **branches)

    assert (is_error, text) == (False, "context: it fits none of the alternatives (rule anyOf)")
    branches["anyOf"][0] = {"required": ["title"]}
    assert find({"prompt": PROMPT}, **branches)[0][0]


def test_a_context_is_judged_as_the_server_sees_it() -> None:
    """A tuple is an array on the wire."""
    assert find({"prompt": PROMPT, "scenes": ({"text": "x"},)}) == []


def test_the_message_never_quotes_the_value() -> None:
    """A value may be long, or somebody's secret."""
    found = find({"prompt": PROMPT, "title": "s3cr3t!!", "voice": "s3cr3t"})

    assert found
    assert all("s3cr3t" not in text for _, text in found)


def test_a_context_has_at_most_ten_problems() -> None:
    """Twenty wrong scenes need no twenty lines."""
    assert len(find({"prompt": PROMPT, "scenes": list(range(20))})) == 10


def test_a_context_that_cannot_be_evaluated_does_not_end_the_check_of_others() -> None:
    """Whatever is raised, that context is sent with a warning, and the next one is checked as before."""
    schema = ContextSchema(SCHEMA)
    schema.compile()
    compiled = schema._compiled
    assert compiled is not None

    def raise_once(context: Any) -> Any:
        schema._compiled = compiled
        raise OverflowError

    schema._compiled = compiled._replace(evaluate=raise_once)
    first = schema.find_problems({"prompt": PROMPT, "voice": "deep"})
    second = schema.find_problems({"prompt": PROMPT, "voice": "deep"})

    assert [(problem.is_error, str(problem)) for problem in first] == [
        (False, "context: it cannot be checked, because OverflowError was raised (rule check)")
    ]
    assert [problem.path for problem in second] == ["context.voice"]
    assert schema.flaws == []


def test_a_schema_that_cannot_be_compiled_is_given_up() -> None:
    """Whatever `jsonschema` raises, the schema is reported, and the context accepted, now and later."""
    schema = ContextSchema({"properties": {"size": {"multipleOf": 0.5, "title": 5}}})  # the title makes it invalid

    assert schema.find_problems({"size": 0.7}) == []
    assert schema.find_problems({"size": 0.7}) == []
    assert schema.flaws == ["it is not used, because it is invalid at properties.size.title"]


@pytest.mark.parametrize(
    ("value", "step", "fits"),
    [
        (0.3, 0.1, True), (19.99, 0.01, True), (1.1, 0.1, True), (0.35, 0.1, False), (7, 0.5, True), (7, 3, False),
        (-0.3, 0.1, True), (1e22, 1, True), (1.5, 1, False), (10**400, 0.5, True), (10**400, 3, False),
        (1e308, 5e-324, True), (5e-324, 1e308, False), (True, 2, True), ("7", 2, True),
    ],
    ids=lambda value: repr(value)[:9],
)  # fmt: skip
def test_multiples_are_exact(value: Any, step: float, fits: bool) -> None:
    """Numbers are compared as they are written: binary fractions would refuse a price of 19.99 with two decimals."""
    schema = ContextSchema({"properties": {"size": {"multipleOf": step}}})

    problems = [str(problem) for problem in schema.find_problems({"size": value})]

    assert problems == ([] if fits else [f"context.size: it must be a multiple of {step} (rule multipleOf)"])
    assert schema.flaws == []


DRAFT_4 = "http://json-schema.org/draft-04/schema#"
BROKEN: List[Tuple[Dict[str, Any], Any, str]] = [
    (
        {"$schema": DRAFT_4, "minimum": 3, "exclusiveMinimum": True},
        3,
        "x: it must be more than 3 (rule exclusiveMinimum)",
    ),
    (
        {"$schema": DRAFT_4, "maximum": 3, "exclusiveMaximum": True},
        3,
        "x: it must be less than 3 (rule exclusiveMaximum)",
    ),
    ({"$schema": DRAFT_4, "minimum": 3, "exclusiveMinimum": False}, 2, "x: it must be at least 3 (rule minimum)"),
    ({"exclusiveMinimum": 3}, 3, "x: it must be more than 3 (rule exclusiveMinimum)"),
    ({"exclusiveMaximum": 3}, 3, "x: it must be less than 3 (rule exclusiveMaximum)"),
    ({"contains": {"const": 3}}, [1], 'x: none of its items fits {"const": 3} (rule contains)'),
    ({"contains": {}, "minContains": 2}, [1], "x: at least 2 items must fit the rule contains (rule minContains)"),
    ({"contains": {}, "maxContains": 1}, [1, 2], "x: at most 1 item may fit the rule contains (rule maxContains)"),
    ({"minProperties": 2}, {"a": 1}, "x: it must have at least 2 names (rule minProperties)"),
    ({"maxProperties": 1}, {"a": 1, "b": 2}, "x: it must have at most 1 name (rule maxProperties)"),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "x.b: it is missing, and 'a' needs it (rule dependentRequired)"),
    (
        {"$schema": DRAFT_4, "dependencies": {"a": ["b"]}},
        {"a": 1},
        "x.b: it is missing, and 'a' needs it (rule dependencies)",
    ),
    ({"propertyNames": {"pattern": "^[a-z]+$"}}, {"Ab": 1}, "x.Ab: the name is not allowed: it must match ^[a-z]+$"),
    ({"prefixItems": [{}], "items": False}, [1, 2], "x: it has more items than the schema describes (rule items)"),
    ({"prefixItems": [{}], "unevaluatedItems": False}, [1, 2], "x: it has items that no alternative describes"),
]


@pytest.mark.parametrize(("rule", "value", "expected"), BROKEN)
def test_a_message_says_what_is_wrong_and_where(rule: Any, value: Any, expected: str) -> None:
    """Also bounds that draft 4 writes in another way, counts, and names."""
    draft = {"$schema": rule["$schema"]} if "$schema" in rule else {}
    schema = ContextSchema({**draft, "properties": {"x": {name: rule[name] for name in rule if name != "$schema"}}})

    (problem,) = schema.find_problems({"x": value})

    assert problem.is_error
    assert str(problem).startswith(f"context.{expected}")


def test_every_keyword_has_a_message() -> None:
    """Whatever `jsonschema` checks, in any draft, except keywords that only lead to others."""
    drafts = (getattr(jsonschema, f"Draft{name}Validator") for name in ("4", "6", "7", "201909", "202012"))
    keywords = {keyword for draft in drafts for keyword in draft.VALIDATORS}
    leading = {
        "$ref", "$dynamicRef", "$recursiveRef", "allOf", "if", "properties", "patternProperties", "prefixItems",
        "dependentSchemas",
    }  # fmt: skip
    of_names = {"required", "additionalProperties", "dependentRequired", "dependencies", "propertyNames"}

    assert keywords - leading - of_names - {"format"} <= SENTENCES.keys()


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        (r"^\D+$", ["٣", "a"], ["3"]), (r"^\w+$", ["a_1"], ["é"]), (r"^\W$", ["é", "-"], ["a"]),
        (r"^[\d-]+$", ["1-2"], ["٣"]), (r"^a\sb$", ["a b", "a\u00a0b", "a\ufeffb"], ["ab"]),
        (r"^\S+$", ["a"], ["a\u00a0"]),
        (r"^[\s\d]+$", ["1\u2003"], ["a"]), (r"^[^\s]+$", ["é"], ["\u3000"]), (r"^é\b", ["éa"], ["é"]),
    ],
)  # fmt: skip
def test_patterns_have_the_classes_of_json_schema(pattern: str, fitting: List[str], others: List[str]) -> None:
    """Patterns are those of ECMA 262: digits and letters are those of ASCII, and spaces are not."""
    text = {"type": "string", "pattern": pattern}
    schemas = [
        ContextSchema({"properties": {"x": text}}),
        ContextSchema({"properties": {"x": {"not": {"not": text}}}}),
        ContextSchema({"properties": {"x": {"patternProperties": {pattern: {}}, "additionalProperties": False}}}),
    ]

    def accepts(schema: ContextSchema, value: str) -> bool:
        problems = schema.find_problems({"x": {value: 1} if schema is schemas[2] else value})
        assert schema.flaws == []
        return not problems

    assert [[accepts(schema, value) for value in fitting] for schema in schemas] == [[True] * len(fitting)] * 3
    assert [[accepts(schema, value) for value in others] for schema in schemas] == [[False] * len(others)] * 3


def test_a_pattern_without_a_translation_is_not_used() -> None:
    """A class that excludes everything but spaces cannot be written with the classes of Python."""
    schema = ContextSchema({"properties": {"x": {"pattern": r"^[^\S\n]+$"}}})

    assert schema.find_problems({"x": "\u00a0"}) == []
    assert len(schema.flaws) == 1
