"""The types of arguments name what the models and the documents name, and no more."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest

from bluma import types
from bluma_async._wire.contexts.problems import DOCUMENTED
from bluma_async._wire.create_options import TYPES
from bluma_async.sandbox import catalog
from bluma_async.types import arguments


@pytest.mark.parametrize(
    ("literal", "enum"),
    [(types.KnownStatus, types.VideoStatus), (types.KnownEventType, types.WebhookEventType)],
)
def test_literals_and_enums_have_the_same_values(literal: Any, enum: Any) -> None:
    """One for editors, one for programs; the enums stay open."""
    assert list(get_args(literal)) == [member.value for member in enum]
    assert enum("new") == "new"


def test_templates_and_resolutions_are_the_documented_ones() -> None:
    """Those of the quickstart, and those of the SDK page."""
    assert list(get_args(types.KnownTemplate)) == [template["id"] for template in catalog.LISTED]
    assert list(get_args(types.KnownResolution)) == list(catalog.MULTIPLIERS)


def test_typed_dictionaries_have_the_names_that_the_checks_know() -> None:
    """A name that the types have and the checks do not would be warned of."""
    assert set(get_type_hints(types.Context)) == set(DOCUMENTED)
    assert set(get_type_hints(types.VideoOptions)) == set(TYPES)
    assert set(arguments.RequiredContext.__annotations__) == {"prompt"}
