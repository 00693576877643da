"""
The stages of a save: one table, which `download.py` keeps to.

Rule: a file appears at its path from `verified` alone, and only the stages from `received` on decide about the bytes on
the disk. In every other stage a save may end at any moment, by an error, a cancellation or the death of the process:
bytes whose version is known stay, others are deleted.
"""

from __future__ import annotations

from enum import Enum
from typing import FrozenSet, Mapping

__all__ = ["NEXT", "Stage", "Stages"]


class Stage(Enum):
    """The stage of a save."""

    QUEUED = "queued"  # the path is reserved in this process, or was required; the save waits for one of its places
    OWNED = "owned"  # the path is locked; the bytes of an earlier save are found
    ASKED = "asked"  # a request for the rest of the file is out
    RECEIVING = "receiving"  # bytes of one version are written
    INTERRUPTED = "interrupted"  # the attempt has failed; another one may follow
    RECEIVED = "received"  # all bytes are there
    VERIFIED = "verified"  # they are on the disk, and are what the API described
    SAVED = "saved"  # the file is at its path
    REFUSED = "refused"  # it is not what the API described; its bytes stay, unless they are worthless


NEXT: Mapping[Stage, FrozenSet[Stage]] = {
    Stage.QUEUED: frozenset({Stage.OWNED}),
    Stage.OWNED: frozenset({Stage.ASKED}),
    Stage.ASKED: frozenset({Stage.RECEIVING, Stage.RECEIVED, Stage.INTERRUPTED}),
    Stage.RECEIVING: frozenset({Stage.RECEIVED, Stage.INTERRUPTED, Stage.REFUSED}),
    Stage.INTERRUPTED: frozenset({Stage.ASKED}),
    Stage.RECEIVED: frozenset({Stage.VERIFIED, Stage.REFUSED}),
    Stage.VERIFIED: frozenset({Stage.SAVED}),
    Stage.SAVED: frozenset(),
    Stage.REFUSED: frozenset(),
}


class Stages:
    """The stage of one save."""

    def __init__(self) -> None:
        self.now: Stage = Stage.QUEUED

    def enter(self, stage: Stage) -> None:
        """
        Enter the next stage.

        Raises:
            RuntimeError: The table does not have this step; the SDK has a defect.
        """
        if stage not in NEXT[self.now]:
            raise RuntimeError(f"a save cannot go from {self.now.value} to {stage.value}")
        self.now = stage
