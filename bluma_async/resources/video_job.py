"""
The handle of a video that was started: it can be stored, sent to another process, and picked up there.

Rule 1: a handle has no secret. Its `account` is a fingerprint of the base URL and the key, and is compared before
anything is sent: another account could have a video with the same id.
Rule 2: a handle that is pickled or stored keeps no client. `client.videos.job` gives it one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Collection, Mapping, Tuple, Union, cast

import attrs

from bluma_async.errors import BlumaError
from bluma_async.resources._sharing import find_source
from bluma_async.resources._videos.calls import get_call
from bluma_async.resources._videos.job_facts import describe_job, read_job
from bluma_async.resources._videos.saving import save_to
from bluma_async.resources._videos.waits import wait_for_video, watch_video
from bluma_async.types import VideoStatus
from bluma_async.types._html import build_card
from bluma_async.types.videos import mark_reused, show_video

if TYPE_CHECKING:
    import os

    from typing_extensions import Literal, Protocol

    from bluma_async._session.session import Session
    from bluma_async.resources._videos.job_facts import JobFacts
    from bluma_async.types import Video
    from bluma_async.waiting.announcer import StatusInfo
    from bluma_async.waiting.hub import PollHub

    class HasJson(Protocol):
        """A handle of either package."""

        def to_json(self) -> str:
            """Return the handle as JSON."""
            ...

    SavedJob = Union[str, bytes, Mapping[str, Any], HasJson]

__all__ = ["VideoJob", "begin_job", "open_job"]


@attrs.frozen(eq=False)
class Binding:
    """The client of a handle. Pickling leaves it out, and copying shares it."""

    parts: Tuple[Session, PollHub] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Binding, ()

    def __copy__(self) -> Binding:
        return self

    def __deepcopy__(self, _: object) -> Binding:
        return self


class VideoJob:
    """
    A video that was started, as `client.videos.start` returns it.

    `to_json` and pickle store it, without a client and without a secret. `client.videos.job` picks it up again, in any
    process with the same key and base URL.
    """

    def __init__(self, facts: JobFacts, binding: Binding, video: Video | None = None) -> None:
        self._facts = facts
        self._binding = binding
        self._video = video

    @property
    def id(self) -> str:
        """The id of the video."""
        return self._facts.id

    @property
    def key(self) -> str:
        """The `Idempotency-Key` of the call that started it, and not its `key`; a reused video has sent none."""
        return self._facts.key

    @property
    def template_id(self) -> str:
        """The template of the video, also of one that was created from a variant; empty if the API did not name it."""
        return self._facts.template_id

    @property
    def account(self) -> str:
        """A fingerprint of the base URL and the API key, as 16 hex digits. The key cannot be found out from it."""
        return self._facts.account

    @property
    def video(self) -> Video | None:
        """The newest state that this object has seen; None if it was picked up, and has seen none yet."""
        return self._video

    def to_json(self) -> str:
        """Return the handle as JSON text, for `client.videos.job`: with the charge, without a secret or a state."""
        return self._facts.to_json()

    async def refresh(self) -> Video:
        """
        Return the present state of the video.

        Raises:
            NotFoundError: There is no video with this id; perhaps it was deleted.
            BlumaError: The handle has no client, because it was unpickled; or the request failed.
        """
        session, _ = self._require_client()
        return self._note(await session.send(get_call(self.id, session.evidence)))

    async def wait(
        self,
        poll_interval: float = 5.0,
        timeout: float = 600.0,
        on_progress: Callable[[int], Any] | None = None,
        *,
        on_status: Callable[[StatusInfo], Any] | None = None,
        final_statuses: Collection[str] = (),
    ) -> Video:
        """
        Return the video when it is completed or failed: see its `status`. It waits as `videos.wait_for` does.

        Args:
            poll_interval: Seconds between two polls; at least 0.001.
            timeout: Seconds to wait; at least 0.
            on_progress: Called with each new percentage that the server reports, 0 to 100. May be async.
            on_status: Called with a StatusInfo for each new status, and once if no answer comes for 10 s. May be async.
            final_statuses: Statuses that end the wait, besides `completed` and `failed`.

        Raises:
            InvalidArgumentError: An argument is invalid. Nothing was sent.
            WaitTimeoutError: The video was not finished in time. The render continues.
            BlumaError: The handle has no client, because it was unpickled; or the video cannot be read.
        """
        session, hub = self._require_client()
        video = await wait_for_video(
            find_source(session),
            hub,
            self.id,
            poll_interval,
            timeout,
            on_progress,
            on_status=on_status,
            final_statuses=final_statuses,
        )
        return self._note(video)

    async def events(
        self, *, poll_interval: float = 5.0, timeout: float = 600.0, final_statuses: Collection[str] = ()
    ) -> AsyncIterator[Video]:
        """
        Yield the states of the video, for example to send them on as server-sent events.

        The first state comes at once; then each one with a new status or a higher percentage; the last one is completed
        or failed. Polls are shared with the waits of the client. While the consumer works on a state, the video is not
        polled; the next state is the newest one.

        Args:
            poll_interval: Seconds between two polls; at least 0.001.
            timeout: Seconds until the last state, with the time that the consumer takes; at least 0.
            final_statuses: Statuses that end this, besides `completed` and `failed`.

        Raises:
            InvalidArgumentError: An argument is invalid. Nothing was sent.
            WaitTimeoutError: The video was not finished in time. The render continues.
            BlumaError: The handle has no client, because it was unpickled; or the video cannot be read.
        """
        session, hub = self._require_client()
        states = watch_video(
            find_source(session),
            hub,
            self.id,
            poll_interval=poll_interval,
            timeout=timeout,
            final_statuses=final_statuses,
        )
        try:
            async for state in states:
                yield self._note(state)
        finally:
            await cast("Any", states).aclose()

    async def save(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        verify: Literal["size", "container", "none"] = "size",
        on_progress: Callable[[int, int | None], Any] | None = None,
    ) -> int:
        """
        Write the completed video to a file, and return its size in bytes. It saves as `videos.save` does.

        Args:
            path: The path of the file, or a URL as in `videos.save`. Only a regular file is replaced.
            overwrite: Whether an existing file may be replaced.
            verify: What of the file is compared with its description, as in `videos.save`.
            on_progress: Called with the bytes written so far and the size of the file (None if unknown). May be async.

        Raises:
            InvalidArgumentError: The path cannot be written to, or the file exists. Nothing was sent.
            ValidationError: The video is not completed.
            BlumaError: The handle has no client, because it was unpickled; or the file could not be saved: the errors
                are those of `videos.save`.
        """
        session, _ = self._require_client()
        is_completed = self._video is not None and self._video.status == VideoStatus.COMPLETED
        video = cast("Video", self._video) if is_completed else self.id
        return await save_to(session, video, path, overwrite=overwrite, verify=verify, on_progress=on_progress)

    def to_html(self, *, links: bool = False) -> str:
        """
        Return a table of the newest state that this object has seen, as notebooks show it. Nothing is sent.

        Args:
            links: Whether signed links are shown too. Their query gives access to the file, also in a saved notebook.
        """
        title = f"Job of video {self.id}"
        if self._video is None:
            return build_card(title, {"status": "not read yet", "template": self.template_id or None})
        return show_video(self._video, title, links=links)

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        return f"VideoJob(id={self.id!r}, template_id={self.template_id!r})"

    def _note(self, video: Video) -> Video:
        """Return a new state of the video, with what the call that started it has told."""
        self._video = mark_reused(video, self._facts.reused)
        return self._video

    def _require_client(self) -> Tuple[Session, PollHub]:
        if self._binding.parts is None:
            raise BlumaError(
                f"The job of video {self.id} has no client, because it was unpickled. Nothing was sent: continue with "
                "client.videos.job(job)."
            )
        return self._binding.parts


def begin_job(session: Session, hub: PollHub, video: Video, key: str) -> VideoJob:
    """Return the handle of a video that was created just now."""
    return VideoJob(describe_job(session.options, session.shared.clock, video, key), Binding((session, hub)), video)


def open_job(session: Session, hub: PollHub, saved: SavedJob) -> VideoJob:
    """
    Return the handle that was saved. Its video is treated as if this process had created it at that time.

    Raises:
        InvalidArgumentError: It is not a handle, or is of another account or base URL.
    """
    facts, clock, evidence = read_job(session.options, saved), session.shared.clock, session.evidence
    if not evidence.knows_create(facts.id):  # reads may lag behind the create, and a wait for it is patient then
        evidence.mark_created(facts.id, clock.now() - facts.find_age(clock))
    evidence.note_charge(facts.id, facts.credits_charged)
    return VideoJob(facts, Binding((session, hub)))
