"""The stages of a save: one table, which the code and ARCHITECTURE.md share."""

from __future__ import annotations

from pathlib import Path

import pytest

from bluma_async.transfer.stages import NEXT, Stage, Stages

ARCHITECTURE = Path(__file__).parents[2] / "ARCHITECTURE.md"


def test_architecture_has_the_same_table() -> None:
    """Each stage, in the same order, with the stages that may follow."""
    text = ARCHITECTURE.read_text(encoding="utf-8").partition("### A save of a file")[2].partition("\n### ")[0]
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| `")]
    listed = {row[0].strip(" `"): set(row[2].replace("`", "").split()) - {"(end)"} for row in rows}

    assert listed == {stage.value: {after.value for after in following} for stage, following in NEXT.items()}
    assert list(listed) == [stage.value for stage in Stage]


def test_a_step_that_is_not_in_the_table_is_a_defect() -> None:
    """A step that is not in the table raises an error: no file is saved that was not verified."""
    stages = Stages()

    with pytest.raises(RuntimeError, match="from queued to saved"):
        stages.enter(Stage.SAVED)
    assert [stage for stage in Stage if Stage.SAVED in NEXT[stage]] == [Stage.VERIFIED]
    assert stages.now is Stage.QUEUED
