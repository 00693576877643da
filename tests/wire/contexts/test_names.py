"""The names that a schema gives to the objects of a context, whichever keywords it uses, and the names it does not."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import pytest

from bluma_async._wire.contexts import findings
from bluma_async._wire.contexts.schema import ContextSchema

TEXT = {"type": "string"}
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
NAMES = {"prompt": TEXT, "voice": TEXT}
SCENE = {"type": "object", "properties": {"text": TEXT, "seconds": {"type": "number"}}}
SPREAD: Dict[str, Dict[str, Any]] = {
    "anyOf beside": {"properties": NAMES, "anyOf": [{"required": ["prompt"]}, {"required": ["voice"]}]},
    "allOf": {"allOf": [{"properties": NAMES, "required": ["prompt"]}]},
    "$ref": {"$ref": "#/definitions/C", "definitions": {"C": {"properties": NAMES}}},
    "$ref beside": {"$ref": "#/$defs/C", "properties": {"prompt": TEXT}, "$defs": {"C": {"properties": NAMES}}},
    "anyOf": {"anyOf": [{"properties": {"prompt": TEXT}}, {"properties": NAMES}]},
    "oneOf": {"oneOf": [{"properties": NAMES, "required": ["prompt"]}, {"required": ["song"]}]},
    "then": {"properties": {"prompt": TEXT}, "if": {"required": ["mood"]}, "then": {"properties": NAMES}},
    "else": {"properties": {"prompt": TEXT}, "if": {"required": ["mood"]}, "else": {"required": ["prompt", "voice"]}},
    "dependentSchemas": {"properties": {"prompt": TEXT}, "dependentSchemas": {"prompt": {"properties": NAMES}}},
    "dependencies": {"$schema": DRAFT_7, "properties": {}, "dependencies": {"voice": []}},
    "patternProperties": {"properties": NAMES, "patternProperties": {"^x-": TEXT}},
    "unevaluatedProperties": {"properties": NAMES, "unevaluatedProperties": False},
}  # fmt: skip
INSIDE: Dict[str, Tuple[Dict[str, Any], Any, str]] = {
    "an object": ({"scene": SCENE}, {"scene": {"text": "a", "secnds": 3}}, "scene.secnds"),
    "a list": ({"scenes": {"items": SCENE}}, {"scenes": [{}, {"txt": "a"}]}, "scenes[1].txt"),
    "lists": ({"grid": {"items": {"items": SCENE}}}, {"grid": [[{"txt": "a"}]]}, "grid[0][0].txt"),
    "a tuple": ({"pair": {"prefixItems": [TEXT, SCENE]}}, {"pair": ["x", {"txt": "a"}]}, "pair[1].txt"),
    "alternatives": ({"scene": {"anyOf": [TEXT, {"allOf": [SCENE]}]}}, {"scene": {"txt": "a"}}, "scene.txt"),
    "any name": ({"map": {"additionalProperties": SCENE}}, {"map": {"x": {"txt": "a"}}}, "map.x.txt"),
    "a pattern": ({"map": {"patternProperties": {"^x": SCENE}}}, {"map": {"x1": {"txt": "a"}}}, "map.x1.txt"),
    "a documented name": ({"brand_assets": SCENE}, {"brand_assets": {"txt": "a"}}, "brand_assets.txt"),
}


def find(schema: Any, context: Any) -> List[Tuple[bool, str]]:
    """Return whether each problem is an error, and its text without the rule. The schema is usable."""
    known = ContextSchema(schema)
    problems = known.find_problems(context)
    assert known.flaws == []
    return [(problem.is_error, f"{problem.path}: {problem.message}") for problem in problems]


@pytest.mark.parametrize("keyword", SPREAD)
def test_a_misspelt_name_is_found_whichever_keyword_lists_the_right_one(keyword: str) -> None:
    """One mistake, one problem; a name that is listed, or that fits a pattern, is none."""
    schema = SPREAD[keyword]

    assert find(schema, {"prompt": "x", "vioce": "b"}) == [
        (True, "context.vioce: there is no such name; did you mean 'voice'?")
    ]
    assert find(schema, {"prompt": "x", "voice": "b", "brand_id": "b"}) == []


@pytest.mark.parametrize("place", INSIDE)
def test_a_misspelt_name_is_found_in_every_object(place: str) -> None:
    """In objects, lists and tuples, at every depth; another unknown name is a warning."""
    properties, context, path = INSIDE[place]
    schema = {"properties": {**NAMES, **properties}}

    ((is_error, text),) = find(schema, {"prompt": "x", **context})

    assert is_error
    assert text.startswith(f"context.{path}: there is no such name; did you mean ")


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        ({"text": "a", "mood": 1}, [(False, "context.scene.mood: the template's schema has no such name")]),
        ({"text": "a", "texts": 1}, [(False, "context.scene.texts: the template's schema has no such name")]),
        ({"txt": "a"}, [(True, "context.scene.txt: there is no such name; did you mean 'text'?")]),
    ],
)
def test_a_schema_is_not_read_more_strictly_than_it_is_written(scene: Any, expected: Any) -> None:
    """Without `additionalProperties`, only a name that stands for one that is missing is an error."""
    required = {**SCENE, "required": ["text"]}

    assert find({"properties": {**NAMES, "scene": required}}, {"prompt": "x", "scene": scene}) == expected


@pytest.mark.parametrize("keyword", ["additionalProperties", "unevaluatedProperties"])
@pytest.mark.parametrize("is_inside", [False, True])
def test_names_that_a_schema_forbids_are_errors(keyword: str, is_inside: bool) -> None:
    """All but the documented ones at the top, which every template may use."""
    closed = {"properties": NAMES, keyword: False}
    schema = {"properties": {"scene": closed}} if is_inside else closed
    given = {"prompt": "x", "brand_id": "b", "mood": 1}

    found = find(schema, {"scene": given} if is_inside else given)

    expected = ["scene.brand_id", "scene.mood"] if is_inside else ["mood"]
    assert found == [(True, f"context.{name}: the template's schema has no such name") for name in expected]


@pytest.mark.parametrize(
    "scene",
    [
        {"properties": {"text": TEXT}, "additionalProperties": True},
        {"properties": {"text": TEXT}, "additionalProperties": TEXT},
        {"anyOf": [{"properties": {"text": TEXT}}, {"additionalProperties": TEXT}]},
        {"properties": {}},
        {"required": []},
        {"properties": {"text": TEXT}, "patternProperties": {"^(t+)+": TEXT}},
    ],
)
def test_an_object_that_may_have_other_names_takes_them(scene: Any) -> None:
    """The schema says how other names are checked, or lists none; a pattern that is not used may allow each."""
    schema = ContextSchema({"properties": {"prompt": TEXT, "scene": scene}})

    assert schema.find_problems({"prompt": "x", "scene": {"txt": "a"}}) == []


def test_a_null_is_kept_where_any_part_requires_its_name() -> None:
    """The name is not missing, and its schema may allow null."""
    schema = {"allOf": [{"required": ["voice"], "properties": {"voice": {"type": ["string", "null"]}}}]}

    assert find(schema, {"voice": None}) == []


def test_documented_names_do_not_break_an_alternative() -> None:
    """Each alternative forbids other names, and `brand_id` is allowed beside each of them."""
    branches = [{"properties": {name: TEXT}, "additionalProperties": False} for name in ("prompt", "song")]

    assert all(not is_error for is_error, _ in find({"anyOf": branches}, {"prompt": "x", "brand_id": "b"}))
    assert [is_error for is_error, _ in find({"anyOf": branches}, {"prompt": "x", "mood": "b"})] == [False, True]


def test_many_unknown_names_do_not_hide_an_error() -> None:
    """Errors and warnings are counted apart."""
    schema = {"required": ["prompt"], "properties": {"prompt": TEXT, "scenes": {"items": SCENE}}}
    scenes = [{"text": "a", "seconds": 1, "mood": "x"} for _ in range(30)]

    found = find(schema, {"scenes": [*scenes, {"txt": "a"}]})

    assert [text for is_error, text in found if is_error] == [
        "context.scenes[30].txt: there is no such name; did you mean 'text'?",
        "context.prompt: it is missing",
    ]
    assert len(found) == 12


def test_comparing_names_takes_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long names of a server and of a stranger would be compared for minutes; the rest is unknown without a hint."""
    compared: List[int] = []
    monkeypatch.setattr(findings, "find_close", lambda name, known: compared.append(len(name) * sum(map(len, known))))
    names = {f"{number:0100}": {} for number in range(50)}

    found = find(
        {"properties": {"prompt": TEXT, "scene": {"properties": names}}},
        {"scene": {"x" * 90 + str(n): 1 for n in range(300)}},
    )

    assert [is_error for is_error, _ in found] == [False] * 10
    assert 0 < sum(compared) <= findings.MOST_COMPARED
