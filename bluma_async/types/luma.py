"""The models of Luma generations, the same for all providers."""

from datetime import datetime
from typing import Any, List, Optional, Union

import attrs

from bluma_async.types._model import AttrDict, Model, OpenEnum, model, without_query


class GenerationState(OpenEnum):
    """The state of a generation, mapped from the provider's own names."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"  # the provider sent a name that this version does not know; not final

    @property
    def is_final(self) -> bool:
        """Whether the state will not change any more."""
        return self in (GenerationState.SUCCEEDED, GenerationState.FAILED)


@model
class GeneratedVideo(Model):
    """A file of a generation; `kind` is the provider's name for it. Sizes in pixels, `duration` in seconds."""

    url: str = attrs.field(repr=without_query)
    kind: str = "video"
    width: Optional[int] = None
    height: Optional[int] = None
    duration: Optional[float] = None


@model
class Generation(Model):
    """
    A generation, in any state.

    Attributes:
        id: The provider's id.
        provider: `kie`, `umami` or `vapi`.
        kind: `generation`, `extension` or `modification`.
        state: Its state.
        raw_state: The provider's own name or number of the state.
        prompt: The prompt, if the provider returns it or this client sent it.
        url: The best of its videos: without a watermark, if there is one.
        videos: All its files, the best first.
        thumbnail_url: A link to a still picture.
        source_urls: Links to the files that it was made from.
        created_at: When it was created, if the provider says so.
        completed_at: When it was finished, if the provider says so.
        estimate_wait: Seconds until it is finished, if the provider estimates them.
        error: `code` and `message` of a failed generation.
        callback_failed: Whether it succeeded, but the provider could not deliver its callback.
        result_missing: Whether it succeeded, but the provider returned no file in several reads.
        parent_id: The id of the generation that it extends, if this client extended it.
        raw: The provider's answer, decoded from JSON but otherwise unchanged.
    """

    id: str
    provider: str
    kind: str = "generation"
    state: GenerationState = GenerationState.UNKNOWN
    raw_state: Union[str, int, None] = None
    prompt: Optional[str] = None
    url: Optional[str] = attrs.field(default=None, repr=without_query)
    videos: List[GeneratedVideo] = attrs.field(factory=lambda: [])
    thumbnail_url: Optional[str] = None
    source_urls: List[str] = attrs.field(factory=lambda: [])
    created_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None
    estimate_wait: Optional[float] = None
    error: Optional[AttrDict] = None
    callback_failed: bool = False
    result_missing: bool = False
    parent_id: Optional[str] = None
    raw: Any = attrs.field(default=None, repr=False)
