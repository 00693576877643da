"""
Types of arguments, for type checkers and editors. The API may take more than they name, so no method requires them.

The documented values stand here once: the checks of creates, and the command line, read them from these types.
"""

from typing import Any, Literal, Mapping, TypedDict, Union

KnownTemplate = Literal[
    "consumerclub-discord-zoomed",
    "cat-explainer-v2",
    "rick-morty-explainer",
    "steel-griffin-explainer",
    "ugc-text-overlay",
]
KnownResolution = Literal["720p", "1080p", "4k"]
KnownStatus = Literal["queued", "processing", "completed", "failed"]
KnownEventType = Literal[
    "video.queued",
    "video.processing",
    "video.completed",
    "video.failed",
    "video.deleted",
    "credits.low",
    "credits.exhausted",
]


class RequiredContext(TypedDict):
    """The names that each `context` has."""

    prompt: str


class Context(RequiredContext, total=False):
    """
    The names of a `context` that every template may use. `bluma types` writes the names of each template.

    Attributes:
        system_prompt: Instructions for the writer of the script.
        brand_assets: Links by name, such as `logo`.
        brand_id: The id of a brand.
        custom_data: Values that replace parts of the template.
    """

    system_prompt: str
    brand_assets: Mapping[str, Any]
    brand_id: str
    custom_data: Mapping[str, Any]


class VideoOptions(TypedDict, total=False):
    """
    The `options` of a create.

    Attributes:
        resolution: The resolution; videos of a test key are always 720p.
        watermark: Whether the video has a watermark; for test keys only.
    """

    resolution: Union[KnownResolution, str]
    watermark: bool
