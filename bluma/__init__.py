"""The Bluma SDK: the names its documents import."""

from bluma_async import AsyncBluma

__all__ = ["AsyncBluma"]
