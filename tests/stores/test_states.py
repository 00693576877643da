"""The table of states: it equals its diagram and the one in ARCHITECTURE.md, and never allows a second bill."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, Set, Tuple, get_args

import pytest

from bluma_async.stores import states
from bluma_async.stores.states import TRANSITIONS, JobState, Verb, find_next_state, list_sources

ARCHITECTURE = Path(__file__).parents[2] / "ARCHITECTURE.md"
ARROW = re.compile(r"(?=(\(none\)|\b\w+) +-+([a-z_]+)-+> +(\(none\)|\w+))")


def read_diagram() -> Set[Tuple[str, str, str]]:
    """Return the arrows of the module's docstring: from, verb, to."""
    return set(ARROW.findall(states.__doc__ or ""))


def test_the_diagram_is_the_table() -> None:
    """Each arrow is a line of the table, and each line an arrow."""
    table = {
        (str(before or "(none)"), verb.value, str(after or "(none)")) for (before, verb), after in TRANSITIONS.items()
    }

    assert read_diagram() == table


def test_architecture_has_the_verbs_of_each_state() -> None:
    """The table in ARCHITECTURE.md lists each state once, with every verb that the store allows in it."""
    text = ARCHITECTURE.read_text(encoding="utf-8").partition("| state of a job |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1:-1] for line in text.splitlines()[2:]]
    listed = [(state.strip(" `"), set(re.findall(r"\w+", verbs))) for row, verbs in rows for state in row.split(",")]
    allowed: Dict[str, Set[str]] = {}
    for before, verb in TRANSITIONS:
        allowed.setdefault(str(before or "(none)"), set()).add(verb.value)

    assert dict(listed) == allowed
    assert len(listed) == len(allowed)


def test_every_state_and_verb_is_used() -> None:
    """Each state can be reached, and each verb is allowed somewhere."""
    assert {after for after in TRANSITIONS.values() if after is not None} == set(JobState)
    assert {verb for _, verb in TRANSITIONS} == set(Verb)


@pytest.mark.parametrize("state", [state for state in JobState if state != JobState.PLANNED])
def test_a_create_is_sent_only_for_a_planned_job(state: JobState) -> None:
    """A job that may have been billed is never created a second time without being planned again."""
    assert find_next_state(state, Verb.INTEND) is None


@pytest.mark.parametrize("state", [JobState.CREATING, JobState.RENDERING, JobState.RENDERED, JobState.SAVED])
def test_a_job_that_may_have_been_billed_is_neither_replaced_nor_deleted(state: JobState) -> None:
    """Its content and its bill belong together."""
    assert not {state} & (list_sources(Verb.CORRECT) | list_sources(Verb.FORGET) | list_sources(Verb.REPLAN))


def test_an_unknown_state_allows_nothing() -> None:
    """A journal of a newer version can contain one."""
    assert [verb for verb in Verb if find_next_state(JobState("paused"), verb)] == []


def test_type_checkers_know_every_state() -> None:
    """The names that `batch.results` takes are those of the enum."""
    assert [str(state) for state in JobState] == list(get_args(states.JobStateName))
