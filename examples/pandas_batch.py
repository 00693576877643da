"""
A batch from a data frame, and its results as one, with its tests.

Run it with `python -m pytest examples/pandas_batch.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pandas = pytest.importorskip("pandas", reason="pandas is not installed")
pytest.importorskip("narwhals", reason="data frames need the extra frames")

from bluma import Bluma
from bluma.testing import Sandbox

# The script.


def main(questions: Any, folder: Path) -> Any:
    """Make a video of each question that has one, and return the frame with the results beside it."""
    with Bluma() as client:  # the key is BLUMA_API_KEY
        batch = client.batch(out=folder, max_credits=100)
        jobs = questions.assign(template_id="ugc-text-overlay").rename(columns={"question": "prompt"})
        for result in batch.run(jobs):
            if result.error:
                raise SystemExit(f"{result.key}: {result.error}")
        return batch.to_frame()


# Its tests.


def test_results_stand_beside_their_rows(bluma_sandbox: Sandbox, assert_billed: Any, tmp_path: Path) -> None:
    """A second run buys nothing, and its frame has the results all the same."""
    questions = pandas.DataFrame(
        {
            "key": ["sky", "cats"],
            "question": ["Why is the sky blue?", "Why do cats purr?"],
            "resolution": [None, "1080p"],
        }
    )

    first, second = main(questions, tmp_path), main(questions, tmp_path)

    assert list(first["key"]) == list(second["key"]) == ["sky", "cats"]
    assert list(second["state"]) == ["saved", "saved"]
    assert all(Path(path).exists() for path in second["path"])
    assert_billed(2)
