# Written by `bluma types`: do not edit.
"""The contexts of templates, for type checkers and editors."""

from typing import Any, Literal, Mapping, Sequence, TypedDict, Union


class UgcTextOverlayContextRequired(TypedDict):
    """The names that it needs."""

    prompt: str


class UgcTextOverlayContext(UgcTextOverlayContextRequired, total=False):
    """The context of the template ugc-text-overlay."""

    system_prompt: str
    brand_id: str
    brand_assets: Mapping[str, Any]
    custom_data: Mapping[str, Any]


class CatExplainerV2ContextBrandAssets(TypedDict, total=False):
    """A part of CatExplainerV2Context."""

    logo: str


class CatExplainerV2ContextScenes(TypedDict):
    """A part of CatExplainerV2Context."""

    text: str


class CatExplainerV2ContextRequired(TypedDict):
    """The names that it needs."""

    prompt: str
    voice: Literal["female-casual", "energetic-male"]


CatExplainerV2ContextOptional = TypedDict(
    "CatExplainerV2ContextOptional",
    {
        "system_prompt": str,
        "brand_id": str,
        "brand_assets": CatExplainerV2ContextBrandAssets,
        "custom_data": Mapping[str, Any],
        "class": Union[str, None],
        "scenes": Sequence[CatExplainerV2ContextScenes],
    },
    total=False,
)


class CatExplainerV2Context(CatExplainerV2ContextRequired, CatExplainerV2ContextOptional):
    """The context of the template cat-explainer-v2."""
