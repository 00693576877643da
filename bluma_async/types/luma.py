"""What the providers of Luma return, in one form."""

from datetime import datetime
from typing import Any, List, Optional, Union

import attrs

from bluma_async.types._model import AttrDict, Model, OpenEnum, model, without_query


class GenerationState(OpenEnum):
    """Where a generation is in its life, whatever its provider calls that."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"  # a word the SDK has never heard of; not final

    @property
    def is_final(self) -> bool:
        """Whether it will not change any more."""
        return self in (GenerationState.SUCCEEDED, GenerationState.FAILED)


@model
class GeneratedVideo(Model):
    """A file that came of a generation; `kind` is the provider's name for it, sizes are in pixels and seconds."""

    url: str = attrs.field(repr=without_query)
    kind: str = "video"
    width: Optional[int] = None
    height: Optional[int] = None
    duration: Optional[float] = None


@model
class Generation(Model):
    """
    A generation, made or in the making.

    Attributes:
        id: The provider's id of it.
        provider: `kie`, `umami` or `vapi`.
        kind: `generation`, `extension` or `modification`.
        state: Where it is in its life.
        raw_state: What the provider calls that.
        url: The best of its videos: the one without a watermark where there is one.
        videos: All its files, the best first.
        thumbnail_url: A picture of it.
        source_urls: What it was made from.
        estimate_wait: Seconds until it is made, if the provider guesses.
        error: `code` and `message` of a failed one.
        callback_failed: Whether it was made, and the provider could not tell its callback.
        result_missing: Whether it succeeded, and no file came of it all the same.
        parent_id: What it extends, if this client extended it.
        raw: What the provider said, as it came.
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
