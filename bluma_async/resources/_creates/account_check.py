"""Require, before the first create of a key, that the database belongs to its account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async.errors import InvalidArgumentError, NotFoundError
from bluma_async.resources._videos.calls import get_call

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async.sharing.coordinator import AccountCoordinator
    from bluma_async.stores.creates import SharedCreates

__all__ = ["require_account"]


async def require_account(session: Session, coordinator: AccountCoordinator, creates: SharedCreates) -> None:
    """
    Require that the database is of this account, and record the key.

    A key that was not used with it before must be able to read the newest video in it: keys are rotated.

    Raises:
        InvalidArgumentError: The video cannot be read with this key.
    """
    checked, fingerprint = (await coordinator.participant()).checked, coordinator.fingerprint
    if fingerprint in checked:
        return
    account = await creates.read_account(fingerprint)
    if not account.is_known:
        if account.newest_video is not None:
            await _require_readable(session, account.newest_video)
        await creates.write_account(fingerprint)
    checked[fingerprint] = None


async def _require_readable(session: Session, video_id: str) -> None:
    try:
        await session.send(get_call(video_id, session.evidence))
    except NotFoundError as problem:
        raise InvalidArgumentError(
            f"The database of shared= is of another account: this key cannot read its video {video_id}. Use that "
            "account's key, or a database of its own for each account. Nothing was created."
        ) from problem
