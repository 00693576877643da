"""The Bluma SDK: the names its documents import. Each loads what it needs when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bluma_async import AsyncBluma

__all__ = ["AsyncBluma"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import bluma_async  # noqa: PLC0415 - when it is first used

    return getattr(bluma_async, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
