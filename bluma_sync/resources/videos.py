# Generated from bluma_async/resources/videos.py by `nox -s facade`: change that, not this.
"""Videos: create, look, wait, download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping

from bluma_async._wire.checks import MAX_PAGE_SIZE
from bluma_sync._portal import run
from bluma_sync.resources._paging import Pages

if TYPE_CHECKING:
    import os
    from datetime import datetime

    from bluma_async.resources import videos as asynchronous
    from bluma_async.types import Video, VideoDownload, VideoPage

__all__ = ["Videos"]


class Videos:
    """Create videos, see how they are doing, and get them."""

    def __init__(self, twin: asynchronous.Videos) -> None:
        self._async = twin

    def create(
        self,
        context: Mapping[str, Any],
        template_id: str | None = None,
        variant_id: str | None = None,
        webhook_url: str | None = None,
        options: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Video:
        """
        Start a video. It is billed when it is accepted, and made in two to five minutes.

        The API knows no idempotency, so a create that got no certain answer is looked for among the newest videos
        before it is sent again; see the client's `on_ambiguous`.

        Args:
            context: What the video is about: `prompt`, and where the template uses them `system_prompt`,
                `brand_assets`, `brand_id` and `custom_data`. Sent as it is.
            template_id: What to make it from; either this or `variant_id`.
            variant_id: A saved preset to make it from.
            webhook_url: Where to send this video's events.
            options: `resolution` (`720p`, `1080p` or `4k`; a test key always gets 720p) and `watermark` (a bool, test
                keys only). Sent as they are.
            idempotency_key: What to send as `Idempotency-Key`, the same in every attempt; a random one by default.

        Returns:
            The video, queued, with its id and `credits_charged`.

        Raises:
            InvalidArgumentError: Neither or both of the ids, or an argument of the wrong type. Nothing was sent.
            ValidationError: The server refuses the request, for example for an unknown template.
            InsufficientCreditsError: The account cannot pay for it.
            AmbiguousCreateError: It may have been accepted; `candidates` are the videos that may be it.
        """
        return run(
            self._async.create(context, template_id, variant_id, webhook_url, options, idempotency_key=idempotency_key)
        )

    def generate(
        self,
        context: Mapping[str, Any],
        template_id: str | None = None,
        variant_id: str | None = None,
        webhook_url: str | None = None,
        options: Mapping[str, Any] | None = None,
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
            context: As in `create`, like all up to `options`, and `idempotency_key`.
            template_id: What to make it from; either this or `variant_id`.
            variant_id: A saved preset to make it from.
            webhook_url: Where to send this video's events.
            options: `resolution` and `watermark`.
            save_to: Where to write the file; None to write none. Its folder must exist.
            overwrite: Whether a file that is already there may be replaced.
            poll_interval: Seconds between two polls; above 0.
            timeout: Seconds to wait; at least 0.
            on_progress: Called with each new percentage the server tells. May be async.
            idempotency_key: What to send as `Idempotency-Key`.

        Returns:
            The video, completed or failed: see its `status`. A failed one has no file.

        Raises:
            InvalidArgumentError: The file is there, its folder is not, or as in `create`. Nothing was sent.
            BlumaError: As in `create`, `wait_for` and `save`. Its `video_id` is that of the video, once there is one:
                wait for it and save it by that, it is paid.
        """
        return run(
            self._async.generate(
                context,
                template_id,
                variant_id,
                webhook_url,
                options,
                save_to=save_to,
                overwrite=overwrite,
                poll_interval=poll_interval,
                timeout=timeout,
                on_progress=on_progress,
                idempotency_key=idempotency_key,
            )
        )

    def get(self, video_id: str) -> Video:
        """
        Return a video as it is now.

        Raises:
            NotFoundError: There is no such video, or not any more.
        """
        return run(self._async.get(video_id))

    def wait_for(
        self,
        video_id: str,
        poll_interval: float = 5.0,
        timeout: float = 600.0,
        on_progress: Callable[[int], Any] | None = None,
    ) -> Video:
        """
        Return a video once it is completed, or failed: see its `status`.

        All waits of a client share their polls: a video is read once however many wait for it, and many are read by
        pages. Where the key's hourly budget would not last, polls are further apart than `poll_interval`. A poll that
        gets no answer, a 429 or a 5xx does not end the wait; a wrong key or an unknown id does, at once.

        Args:
            video_id: What to wait for.
            poll_interval: Seconds between two polls; above 0.
            timeout: Seconds to wait; at least 0. The last poll is at its end.
            on_progress: Called with each new percentage the server tells, as an int from 0 to 100, and with 100 once
                the video is completed. May be async. What it raises ends the wait.

        Raises:
            WaitTimeoutError: The video goes on, and so can the wait: call again with the same id.
            NotFoundError: There is no such video, or not any more.
        """
        return run(self._async.wait_for(video_id, poll_interval, timeout, on_progress))

    def download(self, video_id: str) -> VideoDownload:
        """
        Sign a link to a completed video. Whoever has it can fetch the file, without a key, for one hour.

        Raises:
            ValidationError: The video is not completed.
            NotFoundError: There is no such video, or not any more.
        """
        return run(self._async.download(video_id))

    def save(
        self,
        video_id: str,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        on_progress: Callable[[int, int | None], Any] | None = None,
    ) -> int:
        """
        Write a completed video to a file, and return its size in bytes.

        The bytes go to `path` with `.part` behind it; the file itself is either absent or whole, whatever happens. When
        the connection breaks, fetching goes on behind what is there, in this call or in a later one, if the server
        still has the same file. A link that has expired meanwhile is signed again.

        Args:
            video_id: Which video.
            path: Where to write it; its folder must exist.
            overwrite: Whether a file that is already there may be replaced.
            on_progress: Called with the bytes written so far and the bytes there are, if known. May be async.

        Raises:
            InvalidArgumentError: The file is there, or its folder is not. Nothing was fetched.
            ValidationError: The video is not completed.
            NetworkError: The connection broke too often; save it again to go on.
            BlumaError: The disk refused; what is there stays for the next time.
        """
        return run(self._async.save(video_id, path, overwrite=overwrite, on_progress=on_progress))

    def iterate(
        self,
        *,
        status: str | None = None,
        template_id: str | None = None,
        from_date: datetime | str | None = None,
        to_date: datetime | str | None = None,
        page_size: int = MAX_PAGE_SIZE,
    ) -> Pages[Video]:
        """
        Go through all videos that match, newest first, page by page as needed.

        Args:
            status: Only those with this status.
            template_id: Only those of this template.
            from_date: Only those created after this.
            to_date: Only those created before this.
            page_size: Videos to a request, 1 to 100.
        """
        return Pages(
            self._async.iterate(
                status=status, template_id=template_id, from_date=from_date, to_date=to_date, page_size=page_size
            )
        )

    def list(
        self,
        *,
        page: int = 1,
        limit: int = 20,
        status: str | None = None,
        template_id: str | None = None,
        from_date: datetime | str | None = None,
        to_date: datetime | str | None = None,
    ) -> VideoPage:
        """
        Return one page of videos, newest first. Listed videos carry no progress; `get` one to see it.

        Args:
            page: Which page, from 1.
            limit: Videos to a page, 1 to 100.
            status: Only those with this status.
            template_id: Only those of this template.
            from_date: Only those created after this; without an offset, in local time.
            to_date: Only those created before this.
        """
        return run(
            self._async.list(
                page=page, limit=limit, status=status, template_id=template_id, from_date=from_date, to_date=to_date
            )
        )
