"""The behaviour of a client with the option `shared`; a client without it does not load this module."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, AsyncGenerator, Coroutine

from bluma_async.resources._videos.source import VideoSource

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async.sharing.coordinator import AccountCoordinator
    from bluma_async.types import Video, VideoEvent
    from bluma_async.waiting.hub import PollHub

__all__ = ["find_account", "find_source", "tell_others", "watch", "watching"]


def find_account(session: Session) -> AccountCoordinator | None:
    """Return the agreement with other processes of a client with `shared`; None for other clients and batches."""
    if session.coordinator is None:
        return None
    from bluma_async.sharing.coordinator import AccountCoordinator  # noqa: PLC0415 - few programs need it

    return session.coordinator if isinstance(session.coordinator, AccountCoordinator) else None


def find_source(session: Session) -> VideoSource:
    """Return the source of a client's videos."""
    account = find_account(session)
    if account is None:
        return VideoSource(session)
    from bluma_async.resources._videos.shared_wait import SharedVideoSource  # noqa: PLC0415 - few programs need it

    return SharedVideoSource(session, account)


def watch(
    session: Session, hub: PollHub, video_id: str, interval: float, work: Coroutine[Any, Any, Video]
) -> Coroutine[Any, Any, Video]:
    """Return a wait that ends early when another process learns that its video has ended."""
    account = find_account(session)
    if account is None:
        return work
    from bluma_async.resources._videos.shared_wait import watch_shared  # noqa: PLC0415 - few programs need it

    return watch_shared(account, hub, video_id, interval, work)


@asynccontextmanager
async def watching(session: Session, hub: PollHub, video_id: str, interval: float) -> AsyncGenerator[None, None]:
    """Within the block, take in what other processes learn about a video."""
    account = find_account(session)
    if account is None:
        yield
        return
    from bluma_async.resources._videos.shared_wait import watching_shared  # noqa: PLC0415 - few programs need it

    async with watching_shared(account, hub, video_id, interval):
        yield


def tell_others(session: Session, event: VideoEvent) -> None:
    """Tell other processes about the event of a webhook. May be called from any thread."""
    account = find_account(session)
    if account is not None:
        from bluma_async.resources._videos.shared_wait import publish_event  # noqa: PLC0415 - few programs need it

        publish_event(account, event)
