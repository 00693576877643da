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
    fingerprint = _fingerprint(api)
    newest = await store.list_recent_videos(1)
    if newest and await store.read_account() != fingerprint:
        await _require_video(store, api, newest[0])
    await store.write_account(fingerprint)


async def check_account(store: JobStore, api: BatchApi) -> None:
    """
    Require that the journal is of this account, before its jobs are changed and without a run, which sends requests.

    With another key than that of the last run, the journal's newest video must be readable: keys are rotated. If there
    is no video to compare with, the key must at least be valid.

    Raises:
        InvalidArgumentError: The video cannot be read with this key.
        BlumaError: The key is refused, or the API cannot be reached.
    """
    newest, known = await store.list_recent_videos(1), await store.read_account()
    if newest and known != _fingerprint(api):
        await _require_video(store, api, newest[0])
    if not newest and known not in (None, _fingerprint(api)):
        await api.videos.list(limit=1)


def _fingerprint(api: BatchApi) -> str:
    options = api.session.options
    return fingerprint_key(options.base_url, options.api_key)


async def _require_video(store: JobStore, api: BatchApi, video_id: str) -> None:
    try:
        await api.videos.get(video_id)
    except NotFoundError as problem:
        raise InvalidArgumentError(
            f"The journal {store.name} is of another account: this key cannot read its video {video_id}. Use that "
            "account's key, or another journal. Nothing was created."
        ) from problem
