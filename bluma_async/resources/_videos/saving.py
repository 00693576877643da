"""Describe the file of a video to a download: its links, and the size that the API names."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Callable

from bluma_async._wire.checks import require_id
from bluma_async.errors import ForbiddenError
from bluma_async.resources._videos.calls import get_call, require_video_id
from bluma_async.resources._videos.pages import download_call
from bluma_async.transfer.checks import require_verify
from bluma_async.transfer.download import save_link
from bluma_async.transfer.places import reserved
from bluma_async.transfer.remote import RemoteFile
from bluma_async.types import Video

if TYPE_CHECKING:
    import os

    from bluma_async._session.session import Session
    from bluma_async.transfer.checks import Verify
    from bluma_async.transfer.places import AnyPlace

__all__ = ["save_to", "save_video"]


async def save_to(
    session: Session,
    video: Video | str,
    path: str | os.PathLike[str],
    *,
    overwrite: bool,
    verify: Verify,
    on_progress: Callable[[int, int | None], Any] | None,
) -> int:
    """Check the arguments, download the file of a video to a path, and return its size: see `Videos.save`."""
    require_verify(verify)
    require_video_id(video)
    async with reserved(path, overwrite=overwrite) as place:
        return await save_video(session, video, place, verify, on_progress)


async def save_video(
    session: Session,
    video: Video | str,
    place: AnyPlace,
    verify: Verify,
    on_progress: Callable[[int, int | None], Any] | None = None,
) -> int:
    """Download the file of a video to a place, and return its size in bytes. `Videos.save` describes the arguments."""
    video_id, path = require_video_id(video), str(place.target)
    command = f"client.videos.save({video_id!r}, {path!r})"
    sign, find_size = partial(_sign, session, video_id), partial(_find_size, session, video)
    remote = RemoteFile(video_id, f"Video {video_id}", video_id, sign, find_size, command)
    work = save_link(session, remote, place, verify=verify, on_progress=on_progress)
    return await session.report("save", video_id, work)


async def _sign(session: Session, video_id: str) -> str:
    return (await session.send(download_call(video_id))).download_url


async def _find_size(session: Session, video: Video | str) -> int | None:
    """Return the size that the API describes: of a given Video, if it has one, else of the video as it is now."""
    if isinstance(video, Video) and video.size_bytes:
        return video.size_bytes
    try:
        return (await session.send(get_call(require_id("video_id", video, Video), session.evidence))).size_bytes or None
    except ForbiddenError:  # a key may have the scope `videos:download` alone
        return None
