"""Weakened rules, one each: every one brings back a defect that the simulation must find."""

from __future__ import annotations

from datetime import timedelta
from typing import Dict

from bluma_async._wire.certainty import CertaintyPolicy

__all__ = ["MUTANTS"]

MUTANTS: Dict[str, CertaintyPolicy] = {
    "an early search is proof": CertaintyPolicy(waits_to_settle=False),
    "a list that cannot be read is proof": CertaintyPolicy(needs_readable_list=False),
    "the first page is the whole list": CertaintyPolicy(reads_far=False),
    "the clocks are trusted": CertaintyPolicy(unknown_skew=timedelta(0)),
    "the only candidate is adopted": CertaintyPolicy(needs_evidence=False),
    "a stray answer is an answer": CertaintyPolicy(checks_answers=False),
    "a read that lags ends a wait": CertaintyPolicy(tolerates_read_lag=False),
    "a batch creates without turns": CertaintyPolicy(takes_turns=False),
}
