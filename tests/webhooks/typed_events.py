"""
What type checkers know about events. mypy and pyright read this file; nothing runs it.

Each `type: ignore` names the error that must be there. If mypy accepts the line, it reports the comment as unused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from bluma import CreditsEventData, VideoEventData, WebhookEventType, WebhookReceiver, verify_webhook

if TYPE_CHECKING:
    from typing_extensions import assert_never, assert_type

    from bluma import AttrDict, Bluma, CreditsEvent, Event, UnknownEvent, VideoEvent, WebhookEvent
    from bluma_async import AsyncBluma


def narrowed(body: bytes, signature: str) -> None:
    """A comparison of the type narrows the event, and so its data."""
    event = verify_webhook(body, signature, "whsec_x")
    assert_type(event.id, str)
    if event.type == "video.completed":
        assert_type(event, VideoEvent)
        assert_type(event.data, VideoEventData)
        assert_type(event.data.url, Optional[str])
    elif event.type == "credits.low" or event.type == "credits.exhausted":  # noqa: PLR1714 - the form that users write
        assert_type(event.data, CreditsEventData)
        assert_type(event.data.remaining, Optional[int])


def exhausted(event: Event) -> None:
    """`isinstance` narrows too, and a family that this version does not know cannot be forgotten."""
    from bluma import CreditsEvent, VideoEvent

    if isinstance(event, VideoEvent):
        assert_type(event.data, VideoEventData)
    elif isinstance(event, CreditsEvent):
        assert_type(event.data, CreditsEventData)
    else:
        assert_type(event, UnknownEvent)
        assert_type(event.data, AttrDict)


def compared_with_members(event: Event) -> None:
    """A comparison with a member of the enum is possible for both checkers; pyright narrows by it too."""
    if event.type == WebhookEventType.VIDEO_COMPLETED:
        assert_type(event.id, int)  # type: ignore[assert-type]  # pyright: ignore[reportAssertTypeFailure]  # reachable


def exhaustive(event: Event) -> None:
    """A family that this version does not know cannot be forgotten."""
    if event.type == "video.completed" or event.type == "video.failed":  # noqa: PLR1714 - the form that users write
        return
    assert_never(event)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # other events are left


def verified(client: AsyncBluma, blocking: Bluma) -> None:
    """The methods of both clients return the same union."""
    assert_type(client.webhooks.verify(b"", "", "whsec_x"), Event)
    assert_type(blocking.webhooks.verify(b"", "", "whsec_x"), Event)


receiver = WebhookReceiver("whsec_x")


@receiver.on("video.completed")
async def completed(event: VideoEvent) -> None:
    """A handler of a type gets the event of its family."""
    assert_type(event.data.url, Optional[str])


@receiver.on(WebhookEventType.CREDITS_LOW)
def low(event: CreditsEvent) -> None:
    """The members of the enum are the same types."""
    assert_type(event.data.remaining, Optional[int])


@receiver.on("video.*")
def family(event: VideoEvent) -> None:
    """A family is a type too."""


@receiver.on("*")
def everything(event: Event) -> None:
    """All events."""


@receiver.on("*")
@receiver.on("video.failed")
@receiver.on("credits.low")
def general(event: WebhookEvent) -> None:
    """A handler of the base class takes all of them, and stays the function that it is."""


@receiver.on("video.completed")  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]  # it is a VideoEvent
def wrong(event: CreditsEvent) -> None:
    """A handler of other events is refused."""


@receiver.on("*")  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]  # some events are not VideoEvents
def too_narrow(event: VideoEvent) -> None:
    """A handler of some events cannot take all."""


def unknown_at_check_time(name: str) -> None:
    """A type that is known at run time alone takes any handler; a decorated function keeps its own type."""
    receiver.on(name)(print)
    assert_type(general(UnknownEvent(id="e", type="x")), None)
