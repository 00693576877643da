"""Make a batch from the arguments of `client.batch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bluma_async.batch.api import BatchApi
from bluma_async.batch.batch import Batch
from bluma_async.batch.options import BatchOptions

if TYPE_CHECKING:
    import os

    from bluma_async._session.session import Session
    from bluma_async._wire.create_options import Reuse
    from bluma_async.waiting.hub import PollHub

__all__ = ["open_batch"]


def open_batch(
    session: Session,
    hub: PollHub,
    journal: str | os.PathLike[str] | None,
    out: str | os.PathLike[str] | None,
    *,
    reuse: Reuse | None,
    **others: Any,
) -> Batch:
    """
    Return a batch. Its statements about the key and the reuse of contents hold for its own creates.

    Raises:
        InvalidArgumentError: An argument is invalid.
    """
    options = BatchOptions.checked(journal, out, **others)
    changes = {name: value for name, value in (("exclusive", options.exclusive), ("reuse", reuse)) if value}
    return Batch(options, BatchApi(session.with_options(changes) if changes else session, hub))
