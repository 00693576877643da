"""Kill a batch with SIGKILL at random moments and run it again each time; count bills, files and repeated renders."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import List, Tuple

from bluma_async import AsyncBluma
from bluma_async.sandbox import Sandbox

JOBS = 2000
KILLS = 20
AT_ONCE = 1000
PROGRAM = """
import asyncio, os
from bluma_async import AsyncBluma

TEMPLATES = ["ugc-text-overlay", "cat-explainer-v2", "rick-morty-explainer"]
JOBS = [{"template_id": TEMPLATES[n % 3], "prompt": str(n), "key": f"k{n}"} for n in range(int(os.environ["JOBS"]))]

async def main():
    async with AsyncBluma(os.environ["KEY"], os.environ["URL"], retry_delay=0.2) as client:
        async for result in client.batch(out=os.environ["OUT"], concurrency=100, poll_interval=0.2).run(JOBS):
            assert result.is_done, result

asyncio.run(main())
"""


def serve(ready: threading.Event, made: List[Sandbox], stop: threading.Event) -> None:
    async def run() -> None:
        async with Sandbox(speed=100, render=False, credits=10**6, rate_limit=10**7) as sandbox:
            made.append(sandbox)
            ready.set()
            await asyncio.get_running_loop().run_in_executor(None, stop.wait)

    asyncio.run(run())


def run_and_kill(jobs: int, kills: int, seed: int) -> Tuple[int, int, int, float]:
    """Return the number of kills, bills and complete files, and the duration in seconds."""
    chance, made, ready, stop = random.Random(seed), [], threading.Event(), threading.Event()
    thread = threading.Thread(target=serve, args=(ready, made, stop))
    thread.start()
    ready.wait()
    sandbox, began, kills_done = made[0], time.perf_counter(), 0
    with tempfile.TemporaryDirectory() as out:
        environment = {**os.environ, "KEY": sandbox.live_key, "URL": sandbox.base_url, "OUT": out, "JOBS": str(jobs)}
        while True:
            process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment)
            try:
                code = process.wait(timeout=chance.uniform(0.7, 3.0) if kills_done < kills else 300)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills_done += 1
                continue
            assert code == 0
            break
        files = [path for path in Path(out).glob("*.mp4") if path.read_bytes()[4:8] == b"ftyp"]
        billed = sandbox.state()["billed"]
    stop.set()
    thread.join()
    return kills_done, billed, len(files), time.perf_counter() - began


async def measure_lag(base_url: str, key: str) -> List[float]:
    """Return the delays of the event loop in seconds, sorted, while 1,000 jobs are running."""
    lags: List[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncBluma(key, base_url) as client:
            batch = client.batch(f"{folder}/jobs.sqlite", concurrency=AT_ONCE, poll_interval=0.5)
            jobs = [{"template_id": "ugc-text-overlay", "prompt": str(number)} for number in range(AT_ONCE)]

            async def run() -> None:
                async for result in batch.run(jobs):
                    assert result.is_done, result

            work = asyncio.ensure_future(run())
            while not work.done():
                began = time.perf_counter()
                await asyncio.sleep(0.005)
                lags.append(time.perf_counter() - began - 0.005)
            await work
    return sorted(lags)


def measure_lag_beside_a_server() -> List[float]:
    options = ["--port", "0", "--speed", "20", "--no-render", "--credits", "1000000", "--rate-limit", "10000000"]
    server = subprocess.Popen(
        [sys.executable, "-m", "bluma", "sandbox", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    settings = dict(server.stdout.readline().strip().split("=", 1) for _ in range(3))
    threading.Thread(target=server.stdout.read, daemon=True).start()
    try:
        return asyncio.run(measure_lag(settings["BLUMA_BASE_URL"], "bluma_live_sandbox"))
    finally:
        server.terminate()
        server.wait()


def report() -> List[str]:
    lags = measure_lag_beside_a_server()
    p99, worst = lags[int(len(lags) * 0.99)] * 1e3, lags[-1] * 1e3
    kills_done, billed, files, seconds = run_and_kill(JOBS, KILLS, seed=1)
    counts = f"{billed} bills, {files} complete files, {billed - JOBS} repeated renders ({seconds:.0f} s)"
    return [
        f"a batch of {AT_ONCE:,} jobs at once: loop lag p99 {p99:.1f} ms, worst {worst:.0f} ms",
        f"a batch of {JOBS:,} jobs, killed {kills_done} times: {counts}",
    ]


if __name__ == "__main__":
    print("\n".join(report()))
