"""The notebook in examples/ runs without a screen, and is saved without outputs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "notebook.ipynb"
RUN = """
import sys, nbformat, nbclient
book = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(book, timeout=15, kernel_name="python3").execute()
nbformat.write(book, sys.argv[2])
"""


@pytest.mark.timeout(60)  # a kernel starts, which imports much
def test_the_notebook_runs(tmp_path: Path) -> None:
    """Each cell runs; the video has a player, the batch a table, the wait a bar, and nothing shows the key."""
    pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    done_path = tmp_path / "done.ipynb"

    done = subprocess.run(
        [sys.executable, "-c", RUN, str(NOTEBOOK), str(done_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    text = done_path.read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    outputs = [json.dumps(cell["outputs"]) for cell in cells]
    assert "<video controls" in outputs[2]
    assert "100%" in outputs[2] or "application/vnd.jupyter.widget" in outputs[2]
    assert "2 jobs" in outputs[3]
    assert "bluma_live_" not in text


def test_it_is_saved_without_outputs() -> None:
    """Outputs of somebody's run are not part of the repository."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]

    assert any(cell["cell_type"] == "code" for cell in cells)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells)
