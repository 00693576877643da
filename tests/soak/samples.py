"""What a process holds at a moment, and whether that grows."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from pathlib import Path
from typing import List, Sequence

import attrs

__all__ = ["GROWTH", "HEAD", "Sample", "find_growth", "sample"]

GROWTH = 2 * 2**20  # bytes of resident memory after the first tenth
POOLED = 16  # descriptors, threads or tasks more: pools open and close them as they are needed
HEAD = f"{'':>10}{'resident MiB':>14}{'descriptors':>13}{'threads':>9}{'tasks':>7}{'seconds':>9}"


@attrs.frozen
class Sample:
    """
    What the process holds.

    Attributes:
        resident: Bytes of resident memory.
        descriptors: Open files and sockets.
        threads: Running threads.
        tasks: Tasks of the running event loop.
        seconds: The time since the begin of the run.
    """

    resident: int
    descriptors: int
    threads: int
    tasks: int
    seconds: float = 0.0

    def __str__(self) -> str:
        counts = f"{self.descriptors:13}{self.threads:9}{self.tasks:7}"
        return f"{self.resident / 2**20:14.2f}{counts}{self.seconds:9.0f}"


def sample(seconds: float) -> Sample:
    """Return what this process holds now, after a garbage collection. Only on Linux."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return Sample(
        pages * os.sysconf("SC_PAGE_SIZE"),
        len(list(Path("/proc/self/fd").iterdir())),
        threading.active_count(),
        len(asyncio.all_tasks()),
        seconds,
    )


def find_growth(samples: Sequence[Sample]) -> List[str]:
    """Return what has grown since the first sample; the samples are those of the tenths."""
    first = samples[0]
    grown = max(each.resident for each in samples) - first.resident
    found = [f"resident memory by {grown / 2**20:.2f} MiB"] if grown > GROWTH else []
    for name in ("descriptors", "threads", "tasks"):
        begin, most = getattr(first, name), max(getattr(each, name) for each in samples)
        found += [f"{name} from {begin} to {most}"] if most > begin + POOLED else []
    return found
