"""What the API returns, and what a batch reports, under the names that the API's documents import."""

from bluma_async import types as _types
from bluma_async.batch.results import BatchResult
from bluma_async.stores.jobs import BatchStatus
from bluma_async.stores.states import JobState
from bluma_async.types import *  # noqa: F403 - the same names

__all__ = ["BatchResult", "BatchStatus", "JobState"]
__all__ += _types.__all__
