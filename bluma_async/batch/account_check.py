"""Require that a journal is of the account that is used: its jobs would otherwise be bought again by another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bluma_async.errors import InvalidArgumentError, NotFoundError
from bluma_async.stores.keys import fingerprint_key

if TYPE_CHECKING:
    from bluma_async.batch.api import BatchApi
    from bluma_async.stores.ports import JobStore

__all__ = ["check_account", "require_account"]


async def require_account(store: JobStore, api: BatchApi) -> None:
    """
    Require that the journal is of this account, and record the key that was used.

    Raises:
        InvalidArgumentError: The journal's newest video cannot be read with this key.
    """
    await store.write_account(await check_account(store, api))


async def check_account(store: JobStore, api: BatchApi) -> str:
    """
    Require that the journal is of this account, and return the fingerprint of the key.

    With another key than that of the last run, the journal's newest video must be readable: keys are rotated.

    Raises:
        InvalidArgumentError: The video cannot be read with this key.
    """
    options = api.session.options
    fingerprint = fingerprint_key(options.base_url, options.api_key)
    newest = await store.list_recent_videos(1)
    if newest and await store.read_account() != fingerprint:
        try:
            await api.videos.get(newest[0])
        except NotFoundError as problem:
            raise InvalidArgumentError(
                f"The journal {store.name} is of another account: this key cannot read its video {newest[0]}. Use "
                "that account's key, or another journal. Nothing was created."
            ) from problem
    return fingerprint
