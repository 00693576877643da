"""Videos: create, read, wait, download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

from bluma_async._wire.call import get
from bluma_async._wire.call import path as path_of
from bluma_async._wire.checks import MAX_PAGE_SIZE, require_page
from bluma_async._wire.codec import One
from bluma_async.errors import BlumaError
from bluma_async.resources._checked_create import create_checked
from bluma_async.resources._creating import CreateArguments
from bluma_async.resources._estimating import estimate_video
from bluma_async.resources._listing import list_call
from bluma_async.resources._paging import Pages
from bluma_async.resources._video_source import VideoSource, get_call
from bluma_async.transfer.download import save_link
from bluma_async.transfer.places import require_place
from bluma_async.types import Video, VideoDownload, VideoPage, VideoStatus

if TYPE_CHECKING:
    import os
    from datetime import datetime

    from bluma_async._session.session import Session
    from bluma_async.types import Context, KnownStatus, KnownTemplate, VideoEstimate, VideoOptions
    from bluma_async.waiting.hub import PollHub

__all__ = ["Videos"]


class Videos:
    """Create videos, read their states, wait for them, and save their files."""

    def __init__(self, session: Session, hub: PollHub) -> None:
        self._session = session
        self._hub = hub
        self._source = VideoSource(session)

    async def create(
        self,
        context: Context | Mapping[str, Any],
        template_id: KnownTemplate | str | None = None,
        variant_id: str | None = None,
        webhook_url: str | None = None,
        options: VideoOptions | Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Video:
        """
        Create a video. It is billed when the server accepts it; rendering takes two to five minutes.

        The API ignores `Idempotency-Key`, so a create without a certain answer (a lost connection, a timeout, a 500) is
        not just retried: the newest videos are searched first, and the client's option `on_ambiguous` decides.

        Args:
            context: The content of the video: `prompt`, and where the template uses them `system_prompt`,
                `brand_assets`, `brand_id` and `custom_data`. Sent unchanged.
            template_id: The template; either this or `variant_id`.
            variant_id: A saved preset of a template.
            webhook_url: A URL to which this video's events are sent. `{create_token}` in it is replaced by a random
                token: see the client's `confirm_create`.
            options: `resolution` (`720p`, `1080p` or `4k`; videos of a test key are always 720p) and `watermark` (a
                bool, test keys only). Sent unchanged.
            idempotency_key: The `Idempotency-Key` header, the same in all attempts; default: a random one.

        Returns:
            The video, queued, with its id and `credits_charged`.

        Raises:
            InvalidArgumentError: Neither or both of the ids, or an argument of the wrong type. Nothing was sent.
            ValidationError: The server refuses the request, for example because the template is unknown.
            InsufficientCreditsError: The account has too few credits.
            AmbiguousCreateError: The video may have been created and billed; `candidates` are the possible videos.
        """
        arguments = CreateArguments(context, template_id, variant_id, webhook_url, options)
        return await create_checked(self._session, arguments, idempotency_key)

    async def estimate(
        self,
        context: Context | Mapping[str, Any],
        template_id: KnownTemplate | str | None = None,
        variant_id: str | None = None,
        options: VideoOptions | Mapping[str, Any] | None = None,
    ) -> VideoEstimate:
        """
        Return the probable price of a video, and check its arguments as `create` does. Nothing is created.

        The price is what the API has charged this process for such a video; without that, what it lists for the
        template now, times the factor of the resolution in its documents. The template is read, and for a variant the
        lists of variants, to find its template.

        Raises:
            InvalidArgumentError: An argument is invalid, or the context does not fit the template's schema.
            NotFoundError: There is no template with this id.
        """
        arguments = CreateArguments(context, template_id, variant_id, None, options)
        return await estimate_video(self._session, arguments)

    async def generate(
        self,
        context: Context | Mapping[str, Any],
        template_id: KnownTemplate | str | None = None,
        variant_id: str | None = None,
        webhook_url: str | None = None,
        options: VideoOptions | Mapping[str, Any] | None = None,
        *,
        save_to: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        poll_interval: float = 5.0,
        timeout: float = 600.0,
        on_progress: Callable[[int], Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Video:
        """
        Create a video, wait for it, and save it: `create`, `wait_for` and `save` in one call.

        Args:
            context: The content of the video: `prompt`, and where the template uses them `system_prompt`,
                `brand_assets`, `brand_id` and `custom_data`. Sent unchanged.
            template_id: The template; either this or `variant_id`.
            variant_id: A saved preset of a template.
            webhook_url: A URL to which this video's events are sent. `{create_token}` in it is replaced by a random
                token: see the client's `confirm_create`.
            options: `resolution` (`720p`, `1080p` or `4k`) and `watermark` (a bool, test keys only).
            save_to: The path of the file; None to write no file. Its folder must exist.
            overwrite: Whether an existing file may be replaced.
            poll_interval: Seconds between two polls; above 0.
            timeout: Seconds to wait; at least 0.
            on_progress: Called with each new percentage that the server reports, 0 to 100. May be async.
            idempotency_key: The `Idempotency-Key` header, the same in all attempts; default: a random one.

        Returns:
            The video, completed or failed: see its `status`. A failed video has no file.

        Raises:
            InvalidArgumentError: The file exists, its folder does not, or an argument is invalid. Nothing was sent.
            InsufficientCreditsError: The account has too few credits.
            AmbiguousCreateError: The video may have been created and billed; `candidates` are the possible videos.
            WaitTimeoutError: The video was not finished in time. The render continues.
            BlumaError: Another step failed. If its `video_id` is set, the video is paid: wait for it and save it by
                that id.
        """
        if save_to is not None:
            await require_place(save_to, overwrite=overwrite)
        video = await self.create(
            context, template_id, variant_id, webhook_url, options, idempotency_key=idempotency_key
        )
        try:
            done = await self.wait_for(video.id, poll_interval, timeout, on_progress)
            if save_to is not None and done.status == VideoStatus.COMPLETED:
                await self.save(done.id, save_to, overwrite=overwrite)
        except BlumaError as error:
            error.video_id = video.id
            raise
        return done

    async def get(self, video_id: str) -> Video:
        """
        Return the present state of a video.

        Raises:
            NotFoundError: There is no video with this id; perhaps it was deleted.
        """
        return await self._session.send(get_call(video_id))

    async def wait_for(
        self,
        video_id: str,
        poll_interval: float = 5.0,
        timeout: float = 600.0,
        on_progress: Callable[[int], Any] | None = None,
    ) -> Video:
        """
        Return a video when it is completed or failed: see its `status`.

        All waits of a client share their polls: one poll serves all waits for a video, and many videos are read by
        pages. Where the key's hourly budget would not last, polls are further apart than `poll_interval`. A poll that
        fails with a transient error (no answer, 429, 5xx) does not end the wait; a wrong key or an unknown id does. For
        60 s after this process has created a video, 404 does not end the wait for it: reads may lag behind creates.

        Args:
            video_id: The id of the video.
            poll_interval: Seconds between two polls; above 0.
            timeout: Seconds to wait; at least 0. The last poll is at their end, so that 0 polls once.
            on_progress: Called with each new percentage that the server reports, an int from 0 to 100 that never
                decreases, and with 100 when the video is completed. May be async. Its exceptions end the wait.

        Raises:
            InvalidArgumentError: An argument is invalid. Nothing was sent.
            WaitTimeoutError: The video was not finished in time. The render continues; wait again with the same id.
            NotFoundError: There is no video with this id; perhaps it was deleted.
        """
        get_call(video_id)  # raises for an invalid id
        self._session.evidence.mark_known(video_id)
        return await self._hub.wait(
            self._source, video_id, poll_interval=poll_interval, timeout=timeout, on_progress=on_progress
        )

    async def download(self, video_id: str) -> VideoDownload:
        """
        Return a signed link to a completed video. It is valid for one hour, for everybody: it needs no API key.

        Raises:
            ValidationError: The video is not completed.
            NotFoundError: There is no video with this id; perhaps it was deleted.
        """
        return await self._session.send(get(path_of("videos", video_id, "download"), One(VideoDownload)))

    async def save(
        self,
        video_id: str,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        on_progress: Callable[[int, int | None], Any] | None = None,
    ) -> int:
        """
        Write a completed video to a file, and return its size in bytes.

        The bytes are written to `path` with `.part` appended, and the file is renamed when it is complete: `path` never
        has a part of a file. If the connection breaks, the download continues behind the last byte, in this call or in
        a later one, if the server still has the same file. A link that has expired meanwhile is signed again.

        Args:
            video_id: The id of the video.
            path: The path of the file; its folder must exist.
            overwrite: Whether an existing file may be replaced.
            on_progress: Called with the bytes written so far and the size of the file (None if unknown). May be async.
                Its exceptions end the call.

        Raises:
            InvalidArgumentError: The file exists, or its folder does not. Nothing was fetched.
            ValidationError: The video is not completed.
            NetworkError: The connection broke more often than the retry options allow; save it again to continue.
            BlumaError: The disk refused to write. The bytes in the `.part` file are kept for the next call.
        """

        async def sign() -> str:
            return (await self.download(video_id)).download_url

        return await save_link(self._session, sign, path, overwrite=overwrite, on_progress=on_progress)

    def iterate(
        self,
        *,
        status: KnownStatus | str | None = None,
        template_id: KnownTemplate | str | None = None,
        from_date: datetime | str | None = None,
        to_date: datetime | str | None = None,
        page_size: int = MAX_PAGE_SIZE,
    ) -> Pages[Video]:
        """
        Iterate over all videos that match, newest first. Pages are requested as they are needed.

        Args:
            status: Only videos with this status.
            template_id: Only videos of this template.
            from_date: Only videos created after this; a datetime without an offset is in local time.
            to_date: Only videos created before this.
            page_size: The number of videos in one request, 1 to 100.

        Raises:
            InvalidArgumentError: `page_size` is invalid. Nothing was sent.
        """
        require_page(page_size)

        async def fetch(index: int) -> Sequence[Video]:
            call = list_call(index + 1, page_size, status, template_id, from_date, to_date)
            return (await self._session.send(call)).videos

        return Pages(fetch, page_size)

    async def list(
        self,
        *,
        page: int = 1,
        limit: int = 20,
        status: KnownStatus | str | None = None,
        template_id: KnownTemplate | str | None = None,
        from_date: datetime | str | None = None,
        to_date: datetime | str | None = None,
    ) -> VideoPage:
        """
        Return one page of videos, newest first. Listed videos carry no progress; `get` one to see it.

        Args:
            page: The number of the page, from 1.
            limit: The number of videos on a page, 1 to 100.
            status: Only videos with this status.
            template_id: Only videos of this template.
            from_date: Only videos created after this; a datetime without an offset is in local time.
            to_date: Only videos created before this.

        Raises:
            InvalidArgumentError: `page` or `limit` is invalid. Nothing was sent.
        """
        return await self._session.send(list_call(page, limit, status, template_id, from_date, to_date))
