"""The sandbox of a long run, in a process of its own: its memory is not counted. It ends when its stdin is closed."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
from collections import Counter
from typing import Any, Dict, Mapping, Sequence, Tuple

from bluma_async.sandbox import Sandbox
from bluma_async.sandbox.request_log import RequestRecord

SETTINGS: Dict[str, Any] = {"speed": 5000.0, "render": False, "credits": 10**9, "rate_limit": 10**9}
EVERY = 25  # requests of a route between two faults
READ, DOWNLOAD = "GET /videos/{id}", "GET /videos/{id}/download"
CREATE, LIST, TEMPLATES = "POST /videos", "GET /videos", "GET /templates"
# Each create ends with a certain outcome: one in doubt is kept by the client, as it should be, and would be counted.
Fault = Tuple[str, Dict[str, Any]]
COMMON: Tuple[Fault, ...] = (("status", {"status": 503}), ("drop_before", {}))
LOST: Tuple[Fault, ...] = (*COMMON, ("drop_after", {}), ("truncate", {}), ("not_json", {}), ("html", {}))
FAULTS: Mapping[str, Sequence[Fault]] = {
    CREATE: COMMON,
    LIST: LOST,
    TEMPLATES: LOST,
    DOWNLOAD: (*LOST, ("expire_link", {})),
    READ: (
        *LOST,
        ("status", {"status": 500, "body": "html"}),
        ("status", {"status": 429, "retry_after": 0}),
        ("string_error", {}),
        ("stray_answer", {}),
        ("new_status", {"body": "resting"}),
        ("trickle", {"seconds": 0.0005}),
        ("delay", {"seconds": 0.01}),
        ("silent", {}),
    ),
}


def add_faults(sandbox: Sandbox) -> None:
    """Let every 25th request of a route be followed by a fault, of each kind in turn."""
    kinds = {route: itertools.cycle(faults) for route, faults in FAULTS.items()}
    counts: Counter[str] = Counter()

    def listen(record: RequestRecord) -> None:
        route = record.route or ""
        counts[route] += 1
        if route in kinds and counts[route] % EVERY == 0:
            kind, details = next(kinds[route])
            sandbox.faults.add(route, kind, **details)
        if len(sandbox.requests) > 10_000:
            sandbox.requests.clear()

    sandbox.watch(listen)


async def serve() -> None:
    """Run the sandbox until stdin is closed. Prints its base URL, its key and its files' origin."""
    logging.disable()  # requests that are cut while they are handled
    async with Sandbox(**SETTINGS) as sandbox:
        add_faults(sandbox)
        print(sandbox.base_url, sandbox.live_key, flush=True)  # noqa: T201 - the other process reads it
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
