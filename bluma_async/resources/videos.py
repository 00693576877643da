"""Videos: create, read, wait, download."""

from __future__ import annotations

import uuid
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Callable, Collection, Mapping

from bluma_async._runtime.paid_ids import PaidId, report_if_dropped
from bluma_async._wire.checks import require_id
from bluma_async.resources._videos import parts
from bluma_async.resources._videos.calls import get_call
from bluma_async.resources._videos.files import VideoFiles
from bluma_async.resources._videos.lists import VideoLists
from bluma_async.types import Video, VideoStatus
from bluma_async.types.videos import mark_reused

if TYPE_CHECKING:
    import os

    from typing_extensions import Literal

    from bluma_async._session.session import Session
    from bluma_async.resources.video_job import SavedJob, VideoJob
    from bluma_async.types import Context, KnownTemplate, Template, TemplateVariant, VideoEstimate, VideoOptions
    from bluma_async.waiting.announcer import StatusInfo
    from bluma_async.waiting.hub import PollHub

__all__ = ["Videos"]


class Videos(VideoFiles, VideoLists):
    """Create videos, read their states, wait for them, and save their files."""

    def __init__(self, session: Session, hub: PollHub) -> None:
        super().__init__(session)
        self._hub = hub

    async def create(
        self,
        context: Context | Mapping[str, Any],
        template_id: KnownTemplate | str | Template | None = None,
        variant_id: str | TemplateVariant | None = None,
        webhook_url: str | None = None,
        options: VideoOptions | Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        key: str | None = None,
    ) -> Video:
        """
        Create a video. It is billed when the server accepts it; rendering takes two to five minutes.

        The API ignores `Idempotency-Key`, so a create without a certain answer (a lost connection, a timeout, a 500) is
        not just retried: the newest videos are searched first, and the client's option `on_ambiguous` decides.

        Args:
            context: The content of the video: `prompt`, and where the template uses them `system_prompt`,
                `brand_assets`, `brand_id` and `custom_data`. Sent unchanged.
            template_id: The template or its id; either this or `variant_id`.
            variant_id: A saved preset of a template, or its id.
            webhook_url: A URL to which this video's events are sent. `{create_token}` in it is replaced by a random
                token: see the client's `confirm_create`.
            options: `resolution` (`720p`, `1080p` or `4k`; videos of a test key are always 720p) and `watermark` (a
                bool, test keys only). Sent unchanged.
            idempotency_key: The `Idempotency-Key` header, the same in all attempts; default: a random one. It prevents
                no second bill: the API does not promise to recognise a repeated key.
            key: Your own key of this video, such as the id of a task; needs the client's option `shared`. A second call
                with it, in any process, returns the first one's video, also if that has failed.

        Returns:
            The video, queued, with its id and `credits_charged`.

        Raises:
            InvalidArgumentError: Neither or both of the ids, an argument of the wrong type, a misspelt option, or a
                context that does not fit the template's schema, if that was read within the last hour. Nothing was
                sent.
            ValidationError: The server refuses the request, for example because the template is unknown.
            InsufficientCreditsError: The account has too few credits.
            AmbiguousCreateError: The video may have been created and billed; `candidates` are the possible videos.
        """
        arguments = parts.check_arguments(context, template_id, variant_id, webhook_url, options)
        video = await parts.create_checked(self._session, arguments, idempotency_key, key)
        report_if_dropped(video.id)
        return video

    async def start(
        self,
        context: Context | Mapping[str, Any],
        template_id: KnownTemplate | str | Template | None = None,
        variant_id: str | TemplateVariant | None = None,
        webhook_url: str | None = None,
        options: VideoOptions | Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        key: str | None = None,
    ) -> VideoJob:
        """
        Create a video as `create` does, and return its handle: a VideoJob, which waits, saves, and can be stored.

        Args:
            context: The content of the video, as in `create`. Sent unchanged.
            template_id: The template or its id; either this or `variant_id`.
            variant_id: A saved preset of a template, or its id.
            webhook_url: A URL to which this video's events are sent.
            options: `resolution` (`720p`, `1080p` or `4k`) and `watermark` (a bool, test keys only).
            idempotency_key: The `Idempotency-Key` header, the same in all attempts; default: a random one. It prevents
                no second bill: the API does not promise to recognise a repeated key.
            key: Your own key of this video, as in `create`.

        Raises:
            InvalidArgumentError: An argument is invalid. Nothing was sent.
            InsufficientCreditsError: The account has too few credits.
            AmbiguousCreateError: The video may have been created and billed; `candidates` are the possible videos.
            BlumaError: The create failed, as `create` would.
        """
        sent = uuid.uuid4().hex if idempotency_key is None else idempotency_key
        begin_job = parts.begin_job  # loaded before the create is paid
        video = await self.create(context, template_id, variant_id, webhook_url, options, idempotency_key=sent, key=key)
        return begin_job(self._session, self._hub, video, sent)

    def job(self, saved: SavedJob) -> VideoJob:
        """
        Pick up the handle of a video, which any process has started with this key. Nothing is sent.

        Args:
            saved: What `to_json` of a VideoJob returned, as text, bytes or a mapping; or a VideoJob that was unpickled.

        Raises:
            InvalidArgumentError: It is not a handle, or it is of another base URL or API key.
        """
        return parts.open_job(self._session, self._hub, saved)

    async def estimate(
        self,
        context: Context | Mapping[str, Any],
        template_id: KnownTemplate | str | Template | None = None,
        variant_id: str | TemplateVariant | None = None,
        options: VideoOptions | Mapping[str, Any] | None = None,
    ) -> VideoEstimate:
        """
        Return the probable price of a video, and check its arguments as `create` does. Nothing is created.

        The price is what the API has charged this process for such a video; without that, what it lists for the
        template now, times the factor of the resolution in its documents. The template is read, and for a variant the
        lists of variants, to find its template.

        Args:
            context: The content of the video, as in `create`.
            template_id: The template or its id; either this or `variant_id`.
            variant_id: A saved preset of a template, or its id.
            options: `resolution` and `watermark`, as in `create`.

        Raises:
            InvalidArgumentError: An argument is invalid, or the context does not fit the template's schema.
            NotFoundError: There is no template with this id.
        """
        arguments = parts.check_arguments(context, template_id, variant_id, None, options)
        return await parts.estimate_video(self._session, arguments)

    async def generate(
        self,
        context: Context | Mapping[str, Any],
        template_id: KnownTemplate | str | Template | None = None,
        variant_id: str | TemplateVariant | None = None,
        webhook_url: str | None = None,
        options: VideoOptions | Mapping[str, Any] | None = None,
        *,
        save_to: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        verify: Literal["size", "container", "none"] = "size",
        poll_interval: float = 5.0,
        timeout: float = 600.0,
        on_progress: Callable[[int], Any] | None = None,
        on_status: Callable[[StatusInfo], Any] | None = None,
        final_statuses: Collection[str] = (),
        idempotency_key: str | None = None,
        key: str | None = None,
    ) -> Video:
        """
        Create a video, wait for it, and save it: `create`, `wait_for` and `save` in one call.

        Args:
            context: The content of the video: `prompt`, and where the template uses them `system_prompt`,
                `brand_assets`, `brand_id` and `custom_data`. Sent unchanged.
            template_id: The template or its id; either this or `variant_id`.
            variant_id: A saved preset of a template, or its id.
            webhook_url: A URL to which this video's events are sent. `{create_token}` in it is replaced by a random
                token: see the client's `confirm_create`.
            options: `resolution` (`720p`, `1080p` or `4k`) and `watermark` (a bool, test keys only).
            save_to: The path of the file, or a URL as in `save`; None to write no file. A folder must exist. That
                it can be written is tried before the create; until this call ends, no other call can save to it.
            overwrite: Whether an existing file may be replaced.
            verify: What of the file is compared with its description, as in `save`.
            poll_interval: Seconds between two polls; at least 0.001.
            timeout: Seconds to wait; at least 0.
            on_progress: Called with each new percentage that the server reports, 0 to 100. May be async.
            on_status: Called with a StatusInfo for each new status, and once if no answer comes for 10 s. May be async.
            final_statuses: Statuses that end the wait, besides `completed` and `failed`. Such a video is not saved.
            idempotency_key: The `Idempotency-Key` header, the same in all attempts; default: a random one. It prevents
                no second bill: the API does not promise to recognise a repeated key.
            key: Your own key of this video, as in `create`.

        Returns:
            The video, completed or failed: see its `status`. A failed video has no file.

        Raises:
            InvalidArgumentError: The file exists, it cannot be written, or an argument is invalid. Nothing was sent.
            InsufficientCreditsError: The account has too few credits.
            AmbiguousCreateError: The video may have been created and billed; `candidates` are the possible videos.
            WaitTimeoutError: The video was not finished in time. The render continues.
            BlumaError: Another step failed. If its `video_id` is set, the video is paid: wait for it and save it by
                that id. Other exceptions after the create, such as one of `on_progress`, or a cancellation, have
                `video_id` too, and the id is logged at WARNING.
        """
        save_video = parts.save_video  # loaded before the create is paid, like that of the wait
        parts.require_wait(poll_interval, timeout, on_progress, on_status, final_statuses)
        with PaidId() as paid:
            async with AsyncExitStack() as stack:
                place = None
                if save_to is not None:
                    parts.require_verify(verify)
                    place = await stack.enter_async_context(parts.reserved(save_to, overwrite=overwrite))
                video = await self.create(
                    context, template_id, variant_id, webhook_url, options, idempotency_key=idempotency_key, key=key
                )
                paid.job_id = video.id
                done = await self.wait_for(
                    video.id, poll_interval, timeout, on_progress, on_status=on_status, final_statuses=final_statuses
                )
                done = mark_reused(done, video.reused)
                if place is not None and done.status == VideoStatus.COMPLETED:
                    await save_video(self._session, done, place, verify)
        return done

    async def get(self, video_id: str | Video) -> Video:
        """
        Return the present state of a video.

        Raises:
            NotFoundError: There is no video with this id; perhaps it was deleted.
        """
        return await self._session.send(get_call(require_id("video_id", video_id, Video), self._session.evidence))

    async def wait_for(
        self,
        video_id: str | Video,
        poll_interval: float = 5.0,
        timeout: float = 600.0,
        on_progress: Callable[[int], Any] | None = None,
        *,
        on_status: Callable[[StatusInfo], Any] | None = None,
        final_statuses: Collection[str] = (),
    ) -> Video:
        """
        Return a video when it is completed or failed: see its `status`.

        All waits of a client share their polls: one poll serves all waits for a video, and many videos are read by
        pages. Where the key's hourly budget would not last, polls are further apart than `poll_interval`. A poll that
        fails with a transient error (no answer, 429, 5xx) does not end the wait; a wrong key or an unknown id does. For
        60 s after this process has created a video, 404 does not end the wait for it: reads may lag behind creates.

        A status that this version does not know is logged once at WARNING, and polled further: it may be final, or not.
        If no answer has come for 10 s since the wait began, that is logged at WARNING too, and polling goes on.

        Args:
            video_id: The video or its id.
            poll_interval: Seconds between two polls; at least 0.001.
            timeout: Seconds to wait; at least 0. The last poll is at their end, and may take one second more, so that 0
                polls once. Neither a slow server nor a hook of the client extends this.
            on_progress: Called with each new percentage that the server reports, an int from 0 to 100 that never
                decreases, and with 100 when the video is completed. May be async. Its exceptions end the wait.
            on_status: Called with a StatusInfo for each new status, known or not, and once if no answer has come for
                10 s. May be async. Its exceptions end the wait.
            final_statuses: Statuses that end the wait, besides `completed` and `failed`, such as `["cancelled"]`.

        Raises:
            InvalidArgumentError: An argument is invalid. Nothing was sent.
            WaitTimeoutError: The video was not finished in time. Its text and `last` say what is known of it; wait
                again with the same id.
            NotFoundError: There is no video with this id; perhaps it was deleted.
        """
        return await parts.wait_for_video(
            parts.find_source(self._session),
            self._hub,
            video_id,
            poll_interval,
            timeout,
            on_progress,
            on_status=on_status,
            final_statuses=final_statuses,
        )
