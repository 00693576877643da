"""
A script without a framework, and its test without pytest. Run it with `python examples/plain_script.py`.

A script in another file is run in the same way: `runpy.run_path("script.py", run_name="__main__")`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Dict

from bluma import Bluma
from bluma.testing import BillCheck, serve_sandbox

# The script.

PROMPTS = {"sky": "Why is the sky blue?", "cats": "Why do cats purr?", "byte": "What is a byte?"}


def main(folder: Path) -> Dict[str, str]:
    """Make a video of each prompt, and return the states of the jobs that were not finished before."""
    jobs = [{"key": key, "prompt": prompt, "template_id": "ugc-text-overlay"} for key, prompt in PROMPTS.items()]
    with Bluma() as client:  # the key is BLUMA_API_KEY
        return {result.key: str(result.state) for result in client.batch(out=folder, max_credits=10).run(jobs)}


# Its test.


def test() -> None:
    """All videos are saved, also the one whose polls fail at first; a second run buys nothing."""
    with serve_sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        assert_billed = BillCheck(sandbox)
        sandbox.faults.add("GET /videos/{id}", "drop_before", times=2)

        first = main(Path(folder))
        second = main(Path(folder))

        assert first == dict.fromkeys(PROMPTS, "saved")
        assert second == {}  # every job was finished already
        assert sorted(path.name for path in Path(folder).glob("*.mp4")) == ["byte.mp4", "cats.mp4", "sky.mp4"]
        assert_billed(3)


if __name__ == "__main__":
    test()
    sys.stdout.write("3 videos, each billed once\n")
