"""The parts of a run or of a worker, put together over one store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from bluma_async.batch.account_check import require_account
from bluma_async.batch.bought_contents import BoughtContents
from bluma_async.batch.catalog import Catalog
from bluma_async.batch.create_turns import CreateTurns
from bluma_async.batch.credit_limit import CreditLimit
from bluma_async.batch.job_runner import JobRunner
from bluma_async.batch.recovery import Recovery
from bluma_async.batch.sharing import JobCoordinator, SharedJobs
from bluma_async.resources._creates.reuse import ContentReuse
from bluma_async.stores.postgres.creates import find_creates

if TYPE_CHECKING:
    from bluma_async.batch.api import BatchApi, StopSignal
    from bluma_async.batch.options import BatchOptions
    from bluma_async.stores.ports import JobStore

__all__ = ["Parts", "build_parts"]


@attrs.frozen
class Parts:
    """The objects that work on the jobs of a store. `shared` is None for a store of one process."""

    api: BatchApi
    catalog: Catalog
    credit_limit: CreditLimit
    recovery: Recovery
    runner: JobRunner
    shared: SharedJobs | None


async def build_parts(
    options: BatchOptions, api: BatchApi, store: JobStore, stop: StopSignal, *, plans_again: bool = True
) -> Parts:
    """
    Check that the store is of this account, and return the parts. Interrupted creates begin to be settled.

    Args:
        options: The options of the batch.
        api: The API.
        store: The store.
        stop: The signal of the run.
        plans_again: Whether a job whose interrupted create was not accepted is planned again; otherwise it has failed.

    Raises:
        InvalidArgumentError: The store is of another account, or saves to another folder.
        BlumaError: The store or the API cannot be used.
    """
    sharing = store.sharing
    if sharing is not None:
        api = api.with_coordinator(JobCoordinator(sharing, api, stop), find_creates(store))
    await require_account(store, api)
    await store.agree(options.max_credits, options.folder)
    await api.session.require_exclusive()  # interrupted creates are adopted before the first create
    spent = (await store.statistics()).credits_net
    limit = options.max_credits if sharing is None else await sharing.read_limit()
    credit_limit = CreditLimit(limit, spent, is_shared=sharing is not None)
    create_turns = CreateTurns(is_serial=api.session.shared.certainty.takes_turns)
    catalog = Catalog(api, credit_limit, None if sharing is None else sharing.read_limit)
    contents = BoughtContents(ContentReuse(api.session), store)
    recovery = Recovery(store, api, create_turns, catalog, credit_limit, contents, plans_again=plans_again)
    await recovery.begin()
    await contents.record_all()
    shared = None
    if sharing is not None:
        shared = SharedJobs(store, sharing, api, recovery, stop, options)
    runner = JobRunner(options, api, store, catalog, credit_limit, create_turns, contents, recovery, stop, shared)
    return Parts(api, catalog, credit_limit, recovery, runner, shared)
