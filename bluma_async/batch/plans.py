"""
The plan of a run: its jobs and their cost, determined without creating anything.

The annotations are real at run time, on Python 3.8 too: the models answer as dataclasses.
"""

# ruff: noqa: FA100, PIE807 - because of that; and because lists must be typed

from typing import List, Optional

import attrs

from bluma_async.types._model import Model, model

__all__ = ["BatchPlan", "PlannedCost"]


@model
class PlannedCost(Model):
    """
    The videos of one template, or variant, at one resolution that a run would create.

    Attributes:
        template_id: The template; None if the variant belongs to no listed template.
        variant_id: The variant; None for jobs that name a template.
        resolution: The resolution; None for the default one.
        jobs: How many videos would be billed.
        credits_each: The probable price of one; None if the API lists none.
        credits: The price of all; None if it is unknown.
    """

    template_id: Optional[str] = None
    variant_id: Optional[str] = None
    resolution: Optional[str] = None
    jobs: int = 0
    credits_each: Optional[int] = None
    credits: Optional[int] = None


@model
class BatchPlan(Model):
    """
    The jobs of a run and their cost. Each job counts once: new, done, unfinished, left, duplicate, reused or invalid.

    Attributes:
        total: The jobs.
        new: Jobs that would be created and billed.
        done: Jobs that an earlier run has finished.
        unfinished: Jobs that an earlier run has billed, or may have billed; they are continued without a new bill,
            unless it is proven that a create was not accepted.
        left: Jobs that have failed or are in doubt: a run does nothing for them before `retry` or `adopt`.
        duplicate: Jobs with the content of an earlier row: the same video, bought twice. They are part of `costs`,
            except a row without a key that repeats another row without one: a run refuses it.
        reused: Jobs with the content of a video that was bought before; with `reuse="content"` they cost nothing.
        invalid: Jobs that a run refuses.
        problems: Why jobs are refused, with their rows; the first twenty.
        costs: The videos that would be billed, by template and resolution.
        credits: The price of all of them; None if a price is unknown.
        balance: The credits of the account now; None if the key may not read them.
        balance_after: The credits that are left; with a test key none are spent. Below 0 they do not suffice.
        requests: The requests that a run needs at least, if every first poll finds its video finished.
        requests_per_hour: The key's hourly limit; None if the API does not report it.
        requests_left: The requests that are left of it now.
        hours: The hours that the limit alone makes the run take at best.
        bytes_needed: The probable size of all files that would be saved, also those of unfinished and reused jobs, by
            the documents' sample of 188 kB a second at 720p.
        bytes_free: The free space where they would be saved; None without a folder.
    """

    total: int = 0
    new: int = 0
    done: int = 0
    unfinished: int = 0
    left: int = 0
    duplicate: int = 0
    reused: int = 0
    invalid: int = 0
    problems: List[str] = attrs.field(factory=lambda: [])
    costs: List[PlannedCost] = attrs.field(factory=lambda: [])
    credits: Optional[int] = None
    balance: Optional[int] = None
    balance_after: Optional[int] = None
    requests: int = 0
    requests_per_hour: Optional[int] = None
    requests_left: Optional[int] = None
    hours: Optional[float] = None
    bytes_needed: int = 0
    bytes_free: Optional[int] = None

    @property
    def is_valid(self) -> bool:
        """Whether a run would accept the jobs."""
        return not self.problems
