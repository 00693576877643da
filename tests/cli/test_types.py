"""The command `bluma types`: TypedDicts for the contexts of the account's templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluma_async.cli.context_types import ContextTypes
from bluma_async.sandbox import Sandbox, catalog
from tests.cli.test_cli import run
from tests.live import Live

GENERATED = Path(__file__).parent.parent / "types" / "generated_contexts.py"
SCHEMA: Dict[str, Any] = {
    "type": "object",
    "required": ["prompt", "voice"],
    "properties": {
        "prompt": {"type": "string", "minLength": 10},
        "voice": {"enum": ["female-casual", "energetic-male"]},
        "class": {"type": ["string", "null"]},
        "scenes": {
            "type": "array",
            "items": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
        },
        "brand_assets": {"type": "object", "properties": {"logo": {"type": "string"}}},
    },
}


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Give a sandbox with its URL and key in the environment, whose template `cat-explainer-v2` has a schema."""
    view = catalog.template_view
    monkeypatch.setattr(
        "bluma_async.sandbox.handlers.templates.template_view",
        lambda name: {**view(name), **({"context_schema": SCHEMA} if name == "cat-explainer-v2" else {})},
    )
    with Live() as sandbox:
        monkeypatch.setenv("BLUMA_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("BLUMA_API_KEY", sandbox.live_key)
        yield sandbox


def load(source: str) -> Dict[str, Any]:
    """Return the names of a source."""
    names: Dict[str, Any] = {"__name__": "generated"}
    exec(compile(source, "generated", "exec", dont_inherit=True), names)
    return names


def render(schema: Any, template_id: str = "t") -> str:
    """Return the source for one template."""
    made = ContextTypes()
    made.add(template_id, schema)
    return made.render()


def test_a_module_for_the_templates_of_the_account(live: Sandbox, tmp_path: Path, capsys: Any) -> None:
    """Those that are listed, with the schema of each; again, the file is replaced."""
    file = tmp_path / "contexts.py"

    codes = [run(["types", "-o", str(file)]), run(["types", "-o", str(file), "ugc-text-overlay", "cat-explainer-v2"])]

    assert codes == [0, 0]
    assert f"The types were written to {file}" in capsys.readouterr().out
    assert file.read_text(encoding="utf-8") == GENERATED.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [file]
    assert live.state()["jobs"] == {"test": 0, "live": 0}


def test_the_types_are_printed_without_a_file(live: Sandbox, capsys: Any) -> None:
    """A template that does not exist is an error."""
    assert run(["types", "ugc-text-overlay", "cat-explainer-v2"]) == 0
    assert capsys.readouterr().out == GENERATED.read_text(encoding="utf-8")
    assert run(["types", "none"]) == 3


@pytest.mark.parametrize("make", ["mine", "folder", "no folder"])
def test_a_file_of_the_users_is_not_replaced(live: Sandbox, tmp_path: Path, make: str, capsys: Any) -> None:
    """Nothing is asked of the API, and nothing is written."""
    file = {"mine": tmp_path / "mine.py", "folder": tmp_path, "no folder": tmp_path / "none" / "x.py"}[make]
    (tmp_path / "mine.py").write_text("mine = 1\n", encoding="utf-8")

    assert run(["types", "-o", str(file)]) == 2

    assert (tmp_path / "mine.py").read_text(encoding="utf-8") == "mine = 1\n"
    assert live.state()["requests"] == 0
    assert list(tmp_path.iterdir()) == [tmp_path / "mine.py"]


def test_the_names_of_a_template() -> None:
    """The names of the schema and the documented ones; those that a class cannot spell are kept too."""
    names = load(render(SCHEMA, "cat-explainer-v2"))

    hints = names["CatExplainerV2Context"].__annotations__
    assert set(hints) == {*SCHEMA["properties"], "system_prompt", "brand_id", "custom_data"}
    assert set(names["CatExplainerV2ContextScenes"].__annotations__) == {"text"}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "integer"}, "int"),
        ({"type": "number"}, "float"),
        ({"type": ["boolean", "null"]}, "Union[bool, None]"),
        ({"enum": ["a", 1, None]}, 'Literal["a", 1, None]'),
        ({"enum": [0.5]}, "Any"),
        ({"const": "it's"}, 'Literal["it\'s"]'),
        ({"type": "array"}, "Sequence[Any]"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "Mapping[str, str]"),
        ({"type": "object"}, "Mapping[str, Any]"),
        ({"anyOf": [{"type": "string"}, {"$ref": "#/$defs/n"}]}, "Union[str, int]"),
        ({"anyOf": [{"type": "string"}, {}]}, "Any"),
        (True, "Any"),
        ({"type": "file"}, "Any"),
    ],
)
def test_the_type_of_a_value(part: Any, expected: str) -> None:
    """What a type cannot express is Any: a type is never stricter about a value than the check of a create."""
    assert f"    x: {expected}\n" in render({"properties": {"x": part}, "$defs": {"n": {"type": "integer"}}})


def test_names_of_alternatives_are_optional() -> None:
    """Those of `allOf` and of references are as certain as the schema's own."""
    schema = {
        "$ref": "#/$defs/base",
        "anyOf": [{"properties": {"x": {"type": "string"}}, "required": ["x"]}, {"properties": {"x": {"const": 5}}}],
        "$defs": {"base": {"required": ["mood"], "properties": {"mood": {"type": "string"}}}},
    }

    names = load(render(schema))

    assert names["TContextRequired"].__annotations__ == {"mood": str}
    assert "    x: Union[str, Literal[5]]\n" in render(schema)


def test_a_schema_that_is_not_used_leaves_the_documented_names() -> None:
    """The reason is returned, for the command to print."""
    made = ContextTypes()

    assert made.add("t", {"$ref": "#"}) == "it refers to itself"
    assert set(load(made.render())["TContext"].__annotations__) == {
        "prompt", "system_prompt", "brand_id", "brand_assets", "custom_data",
    }  # fmt: skip


def test_two_templates_never_share_a_name() -> None:
    """Ids that differ in punctuation only, or that look like another class."""
    made = ContextTypes()
    for name in ("a-b", "a_b", "A b", "a-b-context-required", "1", "...", "typed-dict"):
        made.add(name, None)

    names = load(made.render())
    assert {"ABContext", "AB2Context", "AB3Context", "Template1Context", "TemplateContext"} <= set(names)
    assert made.render().count("(TypedDict)") == 7


NAMES = st.text(max_size=8)
PARTS = st.recursive(
    st.sampled_from([{}, True, {"type": "string"}, {"enum": ['"""', "\n", "\\", "é", None]}]),
    lambda inner: (
        st.builds(lambda named: {"type": "object", "properties": named}, st.dictionaries(NAMES, inner))
        | st.builds(lambda entry: {"type": "array", "items": entry}, inner)
        | st.builds(lambda entries: {"anyOf": entries}, st.lists(inner))
    ),
    max_leaves=8,
)


@given(NAMES, st.dictionaries(NAMES, PARTS), st.lists(NAMES))
def test_whatever_the_api_sends_the_source_runs(template_id: str, named: Any, required: Any) -> None:
    """No name, id or choice can break out of its literal."""
    names = load(render({"properties": named, "required": required}, template_id))

    name = [name for name in names if name.endswith("Context") and name[0] != "_"][-1]  # behind those of its values
    assert set(named) <= set(names[name].__annotations__)


def test_a_dash_is_the_standard_output(
    live: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`-o -` prints the types, as no option does; no file is named so."""
    monkeypatch.chdir(tmp_path)

    code, printed = run(["types", "-o", "-", "ugc-text-overlay"]), capsys.readouterr().out

    assert (code, list(tmp_path.iterdir())) == (0, [])
    assert run(["types", "ugc-text-overlay"]) == 0
    assert printed == capsys.readouterr().out
    assert "class UgcTextOverlayContext" in printed
