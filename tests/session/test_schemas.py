"""The schemas that reads of templates bring: for an hour, and for one base URL and key."""

from __future__ import annotations

from typing import Any

import pytest

from bluma_async import types
from bluma_async._session import schemas
from bluma_async._session.options import Options
from bluma_async._session.schemas import TemplateSchemas
from tests.fakes import FakeClock

MINE = Options(api_key="bluma_test_mine")
OTHERS = (Options(api_key="bluma_test_other"), Options(api_key="bluma_test_mine", base_url="https://x/v1"))


def template(name: str = "t", **schema: Any) -> types.Template:
    """Return a template with a schema."""
    return types.Template(id=name, context_schema=types.AttrDict(schema))


def test_a_schema_counts_for_an_hour() -> None:
    """After that the server may have changed it. A read of the same schema renews it, and keeps what was compiled."""
    clock = FakeClock()
    known = TemplateSchemas(clock)
    known.learn(MINE, template(type="object"))
    first = known.find(MINE, "t")

    clock.time += 3599
    assert known.find(MINE, "t") is first is not None
    known.learn(MINE, template(type="object"))
    clock.time += 3599
    assert known.find(MINE, "t") is first
    clock.time += 1
    assert known.find(MINE, "t") is None


def test_another_schema_replaces_it() -> None:
    """The newest read counts; a template without a schema, as in a list, changes nothing."""
    known = TemplateSchemas(FakeClock())
    known.learn(MINE, template(type="object"))
    known.learn(MINE, template(type="object", required=["prompt"]))
    known.learn(MINE, types.Template(id="t"))

    found = known.find(MINE, "t")

    assert found is not None
    assert found.raw["required"] == ["prompt"]


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_template_without_a_readable_schema_has_none(is_whole: bool) -> None:
    """An older schema must not check contexts of a template that was read as a whole; a list may lack the schema."""
    known = TemplateSchemas(FakeClock())
    known.learn(MINE, template(type="object"))

    known.learn(MINE, types.Template(id="t"), is_whole=is_whole)

    assert (known.find(MINE, "t") is None) is is_whole


def test_a_schema_belongs_to_one_account() -> None:
    """Another key, or another API, may have another template of that name. A variant has no template here."""
    known = TemplateSchemas(FakeClock())
    known.learn(MINE, template())

    assert [known.find(options, "t") for options in OTHERS] == [None, None]
    assert (known.find(MINE, "u"), known.find(MINE, None)) == (None, None)


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schemas that were learned first are forgotten first."""
    monkeypatch.setattr(schemas, "MOST", 2)
    known = TemplateSchemas(FakeClock())
    for name in "abc":
        known.learn(MINE, template(name))

    assert [known.find(MINE, name) is not None for name in "abc"] == [False, True, True]
