"""Conflicts of a plan as errors."""

from __future__ import annotations

import pytest

from bluma_async.batch.conflicts import PLAN_MESSAGES, build_plan_error
from bluma_async.stores.jobs import Conflict, ConflictKind
from bluma_async.stores.states import Verb


@pytest.mark.parametrize("kind", list(PLAN_MESSAGES))
def test_every_conflict_of_a_plan_names_its_row(kind: ConflictKind) -> None:
    """The column is always the key, because the key can be changed to solve the conflict."""
    error = build_plan_error(Conflict(kind, Verb.PLAN, "k", None, "row 3", "row 2"))

    assert str(error).startswith("row 3, key: ")
    assert error.validation_errors[0]["row"] == "row 3"
