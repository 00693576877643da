"""The cost of planning 100,000 rows in PostgreSQL against a plain COPY of them, and of a claim among them."""

from __future__ import annotations

import asyncio
import statistics
import time
import tracemalloc
from typing import Any, Iterator, List

import psycopg

from bluma_async.stores.jobs import Job
from bluma_async.stores.keys import fold_key
from bluma_async.stores.postgres.jobs import PostgresJobStore
from tests.postgres import PostgresServer

MANY, FEW = 100_000, 1_000
CLAIMS = 200
BODY = '{"context":{"prompt":"Number %d, a sentence about something that is on a video"},"template_id":"t"}'


def rows(count: int) -> Iterator[Job]:
    for number in range(count):
        yield Job(f"key-{number}", BODY % number, "t", None, f"jobs.csv, row {number}")


async def copy_plainly(url: str, count: int) -> float:
    """Return the seconds of a COPY of the rows into a table with a primary key and nothing else."""
    columns = "place BIGSERIAL PRIMARY KEY, key TEXT, folded TEXT, body TEXT, template_id TEXT, origin TEXT"
    table = f"CREATE TABLE plain ({columns})"
    async with await psycopg.AsyncConnection.connect(url) as db:
        await db.execute(table.encode())
        await db.commit()
        began = time.perf_counter()
        async with db.cursor().copy("COPY plain (key, folded, body, template_id, origin) FROM STDIN") as copy:
            for job in rows(count):
                await copy.write_row((job.key, fold_key(job.key), job.body, job.template_id, job.origin))
        await db.commit()
        return time.perf_counter() - began


async def plan(url: str, count: int) -> float:
    store = await PostgresJobStore.open(url, to_write=True)
    began = time.perf_counter()
    await store.plan_all(rows(count), most=20)
    took = time.perf_counter() - began
    await store.close()
    return took


async def claim(url: str) -> float:
    """Return the median of the seconds that a claim takes."""
    store = await PostgresJobStore.open(url, to_write=True)
    assert store.sharing is not None
    times: List[float] = []
    for _ in range(CLAIMS):
        began = time.perf_counter()
        assert await store.sharing.claim(["planned"], [], []) is not None
        times.append(time.perf_counter() - began)
    await store.close()
    return statistics.median(times)


async def measure_memory(url: str, count: int) -> int:
    tracemalloc.start()
    await plan(url, count)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


async def measure(server: PostgresServer) -> List[str]:
    many, few = server.make_database(), server.make_database()
    plain = statistics.median([await copy_plainly(server.make_database(), MANY) for _ in range(3)])
    planned = statistics.median([await plan(server.make_database(), MANY) for _ in range(3)])
    peaks: Any = [await measure_memory(server.make_database(), count) for count in (MANY // 10, MANY)]
    await plan(many, MANY)
    await plan(few, FEW)
    pairs = [(await claim(few), await claim(many)) for _ in range(3)]
    among_few, among_many = (statistics.median(side) for side in zip(*pairs))
    return [
        f"{MANY:,} rows: COPY {plain:.2f} s, planned {planned:.2f} s, ratio {planned / plain:.2f} (goal 5)",
        f"memory: {peaks[0] / 2**20:.1f} MiB for {MANY // 10:,} rows, {peaks[1] / 2**20:.1f} MiB for {MANY:,}",
        f"a claim: {among_few * 1e3:.2f} ms among {FEW:,}, {among_many * 1e3:.2f} ms among {MANY:,}",
        f"ratio of the claims {among_many / among_few:.2f} (goal 1.5)",
    ]


def report() -> List[str]:
    server = PostgresServer()
    try:
        server.create()
        return asyncio.run(measure(server))
    finally:
        server.close()


if __name__ == "__main__":
    print("\n".join(report()))
