"""
The blocking twin: `videos.get` against httpx and requests, and the bare hop against anyio's portal.

A hop hands a coroutine to the event loop's thread, and returns its result.
"""

from __future__ import annotations

import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Dict, List

import httpx
import requests
from anyio.from_thread import start_blocking_portal

from benchmarks.measure import Cost, Row, make_row
from benchmarks.responder import responding
from bluma import Bluma
from bluma_sync._portal import run as hop

Get = Callable[[], object]
THREADS = 8
CALLS = 800
HOPS = 1000


def one_after_another(get: Get, count: int) -> None:
    for _ in range(count):
        get()


def from_threads(get: Get, count: int) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(one_after_another, get, count // THREADS) for _ in range(THREADS)]:
            done.result()


def measure_cost(way: Callable[[Get, int], None], get: Get, count: int) -> Cost:
    cpu, wall = time.process_time(), time.perf_counter()
    way(get, count)
    return Cost((time.process_time() - cpu) / count * 1e6, (time.perf_counter() - wall) / count * 1e6)


def compare(
    name: str, way: Callable[[Get, int], None], baseline: Get, ours: Get, count: int, rounds: int, limit: float
) -> Row:
    for get in (baseline, ours):
        way(get, count // 4)
    pairs = [(measure_cost(way, baseline, count), measure_cost(way, ours, count)) for _ in range(rounds)]
    return make_row(name, pairs, limit)


def gets(base_url: str, rounds: int) -> List[Row]:
    url, headers = f"{base_url}/videos/batch_abc123xyz", {"Authorization": "Bearer bluma_test_key"}
    with httpx.Client(headers=headers) as hx, requests.Session() as rq, Bluma("bluma_test_key", base_url) as client:
        rq.headers.update(headers)
        theirs: Dict[str, Get] = {
            "httpx": lambda: json.loads(hx.get(url).content),
            "requests": lambda: json.loads(rq.get(url).content),
        }
        ways = {"one after another": one_after_another, f"from {THREADS} threads": from_threads}
        return [
            compare(
                f"blocking videos.get, {how} ({name})",
                way,
                get,
                lambda: client.videos.get("batch_abc123xyz"),
                CALLS,
                rounds,
                0.60 if name == "httpx" else float("nan"),
            )
            for how, way in ways.items()
            for name, get in theirs.items()
        ]


async def nothing() -> None:
    return None


def hops(rounds: int) -> Row:
    with start_blocking_portal() as portal:
        return compare(
            "the bare hop (portal.call)",
            one_after_another,
            lambda: portal.call(nothing),
            lambda: hop(nothing()),
            HOPS,
            rounds,
            0.50,
        )


def report() -> str:
    """Return the median and the 99th percentile of single hops."""
    taken: List[float] = []
    for _ in range(5 * HOPS):
        began = time.perf_counter()
        hop(nothing())
        taken.append((time.perf_counter() - began) * 1e6)
    taken.sort()
    return f"bare hop: median {statistics.median(taken):.0f} us, p99 {taken[int(len(taken) * 0.99)]:.0f} us"


def run(rounds: int) -> List[Row]:
    with responding() as base_url:
        return [*gets(base_url, rounds), hops(rounds)]
