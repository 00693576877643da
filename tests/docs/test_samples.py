"""Every code sample of the documentation runs as it is written, against the sandbox."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bluma import Bluma
from bluma_async.sandbox import Sandbox
from tests.docs.sample_code import COMPLETE, FRAMEWORKS, MISSING_LINES, PRINTS, SAMPLES, run_sample


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.py") if path.stem not in FRAMEWORKS))
def test_a_sample_runs_as_written(sandbox: Sandbox, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Items 19, 119 and 120: a sample raises no exception, and prints the output of the documentation."""
    run_sample(name, sandbox)

    out, err = capsys.readouterr()
    assert re.fullmatch(PRINTS.get(name, ""), out), out
    assert err == ""


def test_no_sample_is_left_out() -> None:
    """All 52 samples are run, and every expectation belongs to a sample."""
    names = {path.stem for path in SAMPLES.glob("*.py")}

    assert len(names) == 52
    assert {*PRINTS, *MISSING_LINES, *COMPLETE, *FRAMEWORKS} <= names


def test_the_files_of_the_samples_are_complete(sandbox: Sandbox, tmp_path: Path) -> None:
    """Items 40, 81 to 83 and 119: the downloaded file is the whole video, and the uploaded one the whole picture."""
    run_sample("download_video", sandbox)
    run_sample("asset_driven", sandbox)

    with Bluma() as client:
        video = client.videos.get("batch_abc123xyz")
        newest = client.assets.list(file_type="image")[0]
        assert (tmp_path / "my-video.mp4").stat().st_size == video.size_bytes
        assert newest.file_size_bytes == 4
        assert client.videos.list().pagination.total == 2


def test_typed_functions_of_the_samples(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Items 22, 84, 85 and 113: None omits an argument, a path can be uploaded, and the types can be imported."""
    create = run_sample("create_video_typed", sandbox)["create_video"]
    hints = run_sample("type_hints", sandbox)
    with Bluma() as client:
        create.__globals__["bluma"] = hints["upload_asset"].__globals__["bluma"] = client

        video = create(context={"prompt": "Hi"}, variant_id="var_xyz789")
        hints["process_video"](client.videos.get(video.id))
        asset = hints["upload_asset"]("some/folder/product.jpg")

    assert (video.variant_id, asset.name) == ("var_xyz789", "product.jpg")
    assert f"videos/{video.id}.mp4" in capsys.readouterr().out
