"""The CPU time of a sandbox render, and the lag that renders cause in the event loop."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

from bluma_async.sandbox.rendering import make_renderer

PROMPT = "Explain why the sky is blue to a five year old. Blue light bounces around in the air most of all!"
TICK = 0.005


def video(number: int, template: str, seconds: int) -> Dict[str, Any]:
    return {
        "id": f"batch_{number}",
        "template_id": template,
        "prompt": PROMPT,
        "duration": seconds,
        "resolution": "720p",
        "kind": "test",
        "watermark": True,
        "color": None,
    }


async def measure() -> Tuple[float, List[float]]:
    """Return the CPU seconds of a video of 15 s, and the lags of the loop while eight are rendered."""
    renderer = make_renderer(prepared=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        async def render(number: int) -> None:
            row = video(number, "ugc-text-overlay", 15)
            await renderer.render(row, folder / f"{number}.mp4", folder / f"{number}.jpg")

        cpu = time.process_time()
        await render(0)
        cpu = time.process_time() - cpu
        renders = [asyncio.ensure_future(render(number)) for number in range(1, 9)]
        lags: List[float] = []
        while not all(task.done() for task in renders):
            began = time.perf_counter()
            await asyncio.sleep(TICK)
            lags.append(time.perf_counter() - began - TICK)
        await renderer.close()
    return cpu, sorted(lags)


def report() -> List[str]:
    cpu, lags = asyncio.run(measure())
    p99 = lags[int(len(lags) * 0.99)]
    return [
        f"15 s at 720p and 24 fps: {cpu:.2f} s of CPU (limit 3)",
        f"loop lag while 8 are rendered: p99 {p99 * 1e3:.1f} ms, worst {lags[-1] * 1e3:.1f} ms (limit 50)",
    ]
