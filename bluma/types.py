"""The models of the API and the results of batches, under the import name of the API's documentation."""

from bluma_async import types as _types
from bluma_async.batch.audit_results import AuditMismatch, BatchAudit, MismatchKind
from bluma_async.batch.plans import BatchPlan, PlannedCost
from bluma_async.batch.results import BatchResult
from bluma_async.stores.jobs import BatchStatus
from bluma_async.stores.states import JobState
from bluma_async.types import *  # noqa: F403 - the same names

__all__ = ["AuditMismatch", "BatchAudit", "BatchPlan", "BatchResult", "BatchStatus", "JobState", "MismatchKind"]
__all__ += ["PlannedCost"]
__all__ += _types.__all__
