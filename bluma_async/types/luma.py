"""The models that all providers of Luma have in common."""

from datetime import datetime
from typing import Any, List, Optional, Union

import attrs

from bluma_async.types._html import build_card, build_player
from bluma_async.types._model import AttrDict, Model, OpenEnum, model, without_queries, without_query


class GenerationState(OpenEnum):
    """The state of a generation; each word of a provider is one of these."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"  # a word that the SDK does not know; not final, because the generation may still succeed

    @property
    def is_final(self) -> bool:
        """Whether the generation has ended."""
        return self in (GenerationState.SUCCEEDED, GenerationState.FAILED)


@model
class GeneratedVideo(Model):
    """A file of a generation; `kind` is its role at the provider. Sizes are in pixels, the duration is in seconds."""

    url: str = attrs.field(repr=without_query)
    kind: str = "video"
    width: Optional[int] = None
    height: Optional[int] = None
    duration: Optional[float] = None


@model
class Generation(Model):
    """
    A generation, an extension or a modification, finished or not.

    Attributes:
        id: The provider's id.
        provider: The provider's name, such as `kie`.
        kind: `generation`, `extension` or `modification`.
        state: The state, in the words of the SDK.
        raw_state: The state, in the provider's own words.
        prompt: The prompt, as the provider returns it, or as this client sent it.
        url: The URL of the best video: one without a watermark, if there is one.
        videos: All files, the best one first.
        thumbnail_url: The URL of a preview image.
        source_urls: The URLs of the videos that were modified.
        created_at: The time of the create, by the provider's clock.
        completed_at: The time of the end, by the provider's clock.
        estimate_wait: The provider's estimate of the remaining seconds.
        error: `code` and `message` of a failed generation.
        callback_failed: Whether the generation succeeded but the provider's callback failed.
        result_missing: Whether the generation succeeded but the provider returned no file.
        parent_id: The id of the extended generation, if this client extended it.
        raw: The provider's answer, unchanged.
    """

    id: str
    provider: str
    kind: str = "generation"
    state: GenerationState = GenerationState.UNKNOWN
    raw_state: Union[str, int, None] = None
    prompt: Optional[str] = None
    url: Optional[str] = attrs.field(default=None, repr=without_query)
    videos: List[GeneratedVideo] = attrs.field(factory=lambda: [])
    thumbnail_url: Optional[str] = attrs.field(default=None, repr=without_query)
    source_urls: List[str] = attrs.field(factory=lambda: [], repr=without_queries)
    created_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None
    estimate_wait: Optional[float] = None
    error: Optional[AttrDict] = None
    callback_failed: bool = False
    result_missing: bool = False
    parent_id: Optional[str] = None
    raw: Any = attrs.field(default=None, repr=False)

    def to_html(self, *, links: bool = False) -> str:
        """
        Return a table of the state, with a player of a finished video, as notebooks show it.

        Args:
            links: Whether signed links are shown too. Their query gives access to the file, also in a saved notebook.
        """
        facts = {
            "state": self.state,
            "provider": self.provider,
            "kind": self.kind,
            "prompt": self.prompt,
            "error": self.error.message if self.error and "message" in self.error else None,
        }
        title = f"{self.kind.capitalize()} {self.id}"
        return build_card(title, facts, build_player(self.url, self.thumbnail_url, links=links))

    def _repr_html_(self) -> str:
        return self.to_html()
