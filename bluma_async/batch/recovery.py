"""
Find out what an earlier start left behind: whose journal this is, and what became of creates that were cut.

Rule 1: a video that came to be since a create began, and is nobody else's, is that create's if it is the only one.
Rule 2: if there is none, it is looked for once more, a little later: the request may still have been on its way.
Rule 3: if there are several, nobody knows; the job is put in doubt, and never billed again unless told.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, List

from bluma_async.batch import moves, records
from bluma_async.errors import AmbiguousCreateError, InvalidArgumentError, NotFoundError
from bluma_async.resources._candidates import created_since

if TYPE_CHECKING:
    from bluma_async.batch.journal import Journal
    from bluma_async.batch.records import Entry
    from bluma_async.batch.terms import Api
    from bluma_async.types import BatchResult, Video

__all__ = ["recover", "require_account"]

RECENT = 1000  # videos; only those of the last second count


async def require_account(journal: Journal, api: Api) -> None:
    """
    See that the journal is of this account: its newest video can be read with this key.

    Raises:
        InvalidArgumentError: It cannot.
    """
    options = api.session.options
    stamp = hashlib.sha256(f"{options.base_url} {options.api_key}".encode()).hexdigest()[:16]
    newest = await journal.do(records.recent_videos, 1)
    if newest and await journal.do(records.note, "account") != stamp:
        try:
            await api.videos.get(newest[0])
        except NotFoundError as problem:
            raise InvalidArgumentError(
                f"The journal {journal.path} is of another account: this key does not see its video {newest[0]}. Use "
                "that account's key, or another journal. Nothing was created."
            ) from problem
    await journal.do(records.note, "account", stamp)
    if not api.session.shared.server_clock.is_known:
        await api.videos.list(limit=1)  # creates are dated by the server's clock


async def recover(journal: Journal, api: Api) -> List[BatchResult]:
    """
    Settle every create that was begun and not ended; return those that are in doubt.

    Raises:
        BlumaError: The API could not be asked. Nothing was created.
    """
    for video_id in await journal.do(records.recent_videos, RECENT):
        api.session.evidence.mark_known(video_id)
    api.session.evidence.mark_candidates(await journal.do(records.found_in_doubt))
    return [doubt for entry in await journal.do(records.creating) if (doubt := await _settle(journal, api, entry))]


async def _settle(journal: Journal, api: Api, entry: Entry) -> BatchResult | None:
    found = await _candidates(journal, api, entry)
    if not found:
        await api.clock.sleep(api.session.options.retry_delay)
        found = await _candidates(journal, api, entry)
    if not found:
        await journal.do(moves.put_back, entry, "it was not accepted")
        return None
    if len(found) == 1:
        video = await api.videos.get(found[0].id)
        await journal.do(moves.bill, entry, video.id, video.credits_charged, "found again")
        api.session.evidence.mark_known(video.id)
        return None
    names = [video.id for video in found]
    error = AmbiguousCreateError(
        f"The create of job {entry.key} was cut, and {len(found)} videos may be it: {', '.join(names)}. It was not "
        "repeated; adopt one of them, or have it resubmitted.",
        candidates=found,
        idempotency_key=entry.request_key,
        template_id=entry.template_id,
        started_at=datetime.fromisoformat(entry.started_at) if entry.started_at else None,
    )
    api.session.evidence.mark_candidates(names)
    await journal.do(moves.doubt, entry, names, str(error))
    return (await journal.do(records.read, entry.place)).result(error)


async def _candidates(journal: Journal, api: Api, entry: Entry) -> List[Video]:
    began = datetime.fromisoformat(entry.started_at) if entry.started_at else None
    videos = created_since(api.session, lambda: began, template_id=entry.template_id)
    return [video async for video in videos if not await journal.do(records.is_explained, video.id)]
