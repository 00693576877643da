"""
Define the states of a job and the verbs that move it: one table, which every store enforces.

    (none) --plan--> planned --intend--> creating --bill--> rendering --mark_rendered--> rendered --mark_saved--> saved

    planned ---correct-----> planned      a row with the same key and another content replaced it; nothing was billed
    planned ---forget------> (none)       the plan that contained it was refused
    planned ---fail--------> failed       its template does not exist
    planned ---reuse-------> rendering    its content was bought before: the job has that video, and no bill
    creating --release-----> planned      the server certainly refused the create; it may be sent again
    creating --fail--------> failed       the server refused the content of the create; others are not affected
    creating --doubt-------> in_doubt     the answer was lost, and there is no evidence which video is the job's
    rendering -fail--------> failed       the video is gone
    rendering -refund------> failed       the render failed; the API gave the credits back
    saved -----mark_saved--> saved        the file was lost, and downloaded again
    in_doubt --doubt-------> in_doubt     candidates were found later
    in_doubt --adopt-------> rendering    the user named the video, or evidence was found later
    in_doubt --replan------> planned      the user accepts that the job may be billed twice
    failed ----replan------> planned      the user asked for a retry
    failed ----correct-----> planned      a row with the same key and another content replaced it

Rule: a store refuses a verb that the table does not allow in the job's state, and returns a Conflict. Two processes can
then never both move a job from the same state.
"""

from __future__ import annotations

from enum import Enum
from typing import Dict, FrozenSet, Literal, Mapping, Optional, Tuple

from bluma_async.types._model import OpenEnum

__all__ = ["ENDED", "TRANSITIONS", "JobState", "JobStateName", "Verb", "find_next_state", "list_sources"]


class JobState(OpenEnum):
    """The state of a job of a batch. From `creating` on it may have been billed."""

    PLANNED = "planned"  # nothing was sent yet, or the server certainly refused it
    CREATING = "creating"  # the create is recorded but its outcome is not; after a crash it is searched for first
    RENDERING = "rendering"
    RENDERED = "rendered"  # the last state if no files are wanted
    SAVED = "saved"
    FAILED = "failed"  # refused, or its render failed; it stays so unless it is retried
    IN_DOUBT = "in_doubt"  # it may be billed, as one of its candidates; it stays so unless adopted or resubmitted


JobStateName = Literal["planned", "creating", "rendering", "rendered", "saved", "failed", "in_doubt"]
ENDED = (JobState.FAILED, JobState.IN_DOUBT)  # a run does nothing more for these jobs


class Verb(Enum):
    """The events in the life of a job; each is a method of a store."""

    PLAN = "plan"
    CORRECT = "correct"
    FORGET = "forget"
    INTEND = "intend"
    RELEASE = "release"
    REUSE = "reuse"
    BILL = "bill"
    DOUBT = "doubt"
    ADOPT = "adopt"
    FAIL = "fail"
    MARK_RENDERED = "mark_rendered"
    REFUND = "refund"
    MARK_SAVED = "mark_saved"
    REPLAN = "replan"


# None as a state: the store has no such job.
TRANSITIONS: Mapping[Tuple[Optional[JobState], Verb], Optional[JobState]] = {
    (None, Verb.PLAN): JobState.PLANNED,
    (JobState.PLANNED, Verb.CORRECT): JobState.PLANNED,
    (JobState.PLANNED, Verb.FORGET): None,
    (JobState.PLANNED, Verb.INTEND): JobState.CREATING,
    (JobState.PLANNED, Verb.FAIL): JobState.FAILED,
    (JobState.PLANNED, Verb.REUSE): JobState.RENDERING,
    (JobState.CREATING, Verb.RELEASE): JobState.PLANNED,
    (JobState.CREATING, Verb.BILL): JobState.RENDERING,
    (JobState.CREATING, Verb.DOUBT): JobState.IN_DOUBT,
    (JobState.CREATING, Verb.FAIL): JobState.FAILED,
    (JobState.RENDERING, Verb.MARK_RENDERED): JobState.RENDERED,
    (JobState.RENDERING, Verb.REFUND): JobState.FAILED,
    (JobState.RENDERING, Verb.FAIL): JobState.FAILED,
    (JobState.RENDERED, Verb.MARK_SAVED): JobState.SAVED,
    (JobState.SAVED, Verb.MARK_SAVED): JobState.SAVED,
    (JobState.IN_DOUBT, Verb.DOUBT): JobState.IN_DOUBT,
    (JobState.IN_DOUBT, Verb.ADOPT): JobState.RENDERING,
    (JobState.IN_DOUBT, Verb.REPLAN): JobState.PLANNED,
    (JobState.FAILED, Verb.REPLAN): JobState.PLANNED,
    (JobState.FAILED, Verb.CORRECT): JobState.PLANNED,
}


def find_next_state(state: JobState | None, verb: Verb) -> JobState | None:
    """Return the state that a verb leads to; None if the table does not allow the verb in this state."""
    return TRANSITIONS.get((state, verb))


def list_sources(verb: Verb) -> FrozenSet[JobState]:
    """Return the states in which a verb is allowed."""
    return _SOURCES[verb]


def _collect_sources() -> Dict[Verb, FrozenSet[JobState]]:
    return {
        verb: frozenset(state for state, allowed in TRANSITIONS if allowed is verb and state is not None)
        for verb in Verb
    }


_SOURCES = _collect_sources()
