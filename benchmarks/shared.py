"""Clients that share a database, each in a process of its own: requests, webhooks, and a poller that is killed."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from typing import Any, Dict, List

from benchmarks.fleet_kills import Served
from bluma import Bluma
from bluma_async._wire.events import read_event
from tests.postgres import PostgresServer

TEMPLATE = "ugc-text-overlay"
CREATE_AND_WAIT = """
import asyncio, os
from bluma import AsyncBluma

async def main():
    async with AsyncBluma(shared=os.environ["SHARED"]) as client:
        async def one(number):
            video = await client.videos.create({"prompt": str(number)}, "ugc-text-overlay")
            return (await client.videos.wait_for(video.id, 1.0, 300)).status
        done = await asyncio.gather(*(one(number) for number in range(int(os.environ["COUNT"]))))
        print(sum(status == "completed" for status in done))

asyncio.run(main())
"""
WAIT = """
import os, sys, time
from bluma import Bluma

with Bluma(shared=os.environ["SHARED"]) as client:
    for line in sys.stdin:
        name, interval = line.split()
        client.videos.wait_for(name, float(interval), 300)
        print(time.time(), flush=True)
"""


def start(code: str, sandbox: Any, url: str, **more: str) -> Any:
    """Start a process."""
    own = {"BLUMA_API_KEY": sandbox.live_key, "BLUMA_BASE_URL": sandbox.base_url, "SHARED": url, **more}
    pipes: Dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **own}, **pipes)


def count_requests(server: PostgresServer, processes: int, videos: int) -> str:
    """Create and await videos in several processes; return the requests."""
    url = server.make_database()
    with Served(speed=10) as sandbox:
        each = str(videos // processes)
        running = [start(CREATE_AND_WAIT, sandbox, url, COUNT=each) for _ in range(processes)]
        done = sum(int(process.communicate()[0]) for process in running)
        routes = Counter(record.route for record in sandbox.requests)
        billed = sandbox.state()["billed"]
    server.drop(url)
    return f"{processes} process(es), {done} of {videos} done, {billed} billed: {sum(routes.values())} {dict(routes)}"


def tell(process: Any, line: str) -> None:
    process.stdin.write(line + "\n")
    process.stdin.flush()


def time_webhooks(server: PostgresServer, rounds: int = 20) -> str:
    """Let one process receive webhooks, and measure when the wait of another one has ended."""
    url, took = server.make_database(), []
    with Served(speed=1) as sandbox, Bluma(sandbox.live_key, sandbox.base_url, shared=url) as receiving:
        other = start(WAIT, sandbox, url)
        for number in range(rounds):
            video = receiving.videos.create({"prompt": str(number)}, TEMPLATE)
            tell(other, f"{video.id} 300")
            time.sleep(1.0 if number else 4.0)  # the other process has polled once, and listens
            data = {"id": video.id, "status": "completed"}
            body = {"id": f"e{number}", "type": "video.completed", "data": data}
            event: Any = read_event(json.dumps(body).encode())
            began = time.time()
            receiving.learn(event)
            took.append((float(other.stdout.readline()) - began) * 1000)
        other.communicate()
    server.drop(url)
    median, most = statistics.median(took), max(took)
    return f"a webhook in process A ends a wait in process B: median {median:.0f} ms, most {most:.0f} ms (goal 500 ms)"


def time_takeover(server: PostgresServer) -> str:
    """Kill the process whose poll is out, and measure when another one polls."""
    url = server.make_database()
    with Served(speed=1) as sandbox, Bluma(sandbox.live_key, sandbox.base_url, shared=url) as client:
        video = client.videos.create({"prompt": "x"}, TEMPLATE)
        sandbox.faults.add("GET /videos/{id}", "delay", seconds=1.0, times=None)
        first = start(WAIT, sandbox, url)
        tell(first, f"{video.id} 1")
        while not server.fetch(url, "SELECT 1 FROM bluma_states"):
            time.sleep(0.05)
        time.sleep(0.3)  # its request is out, and has no answer
        first.kill()
        killed = time.time()
        second = start(WAIT, sandbox, url)
        tell(second, f"{video.id} 1")
        while sum(record.route == "GET /videos/{id}" for record in sandbox.requests) < 2:  # the first is the dead one's
            time.sleep(0.05)
        took = time.time() - killed
        for process in (first, second):
            process.kill()
            process.communicate()
    server.drop(url)
    return f"a poller is killed while its poll is out: another process polls after {took:.1f} s (goal 15 s)"


def report(videos: int = 200) -> List[str]:
    server = PostgresServer()
    try:
        server.create()
        lines = [count_requests(server, processes, videos) for processes in (1, 8)]
        return [*lines, time_webhooks(server), time_takeover(server)]
    finally:
        server.close()


if __name__ == "__main__":
    print("\n".join(report()))
