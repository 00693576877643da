"""A program with a client at module level: it is made when the module is imported."""

from __future__ import annotations

from bluma import AsyncBluma

client = AsyncBluma()  # the key is BLUMA_API_KEY


async def make_advert(product: str) -> str:
    """Make a video about a product, and return its link."""
    video = await client.videos.create({"prompt": f"Why everybody needs {product}"}, "ugc-text-overlay")
    done = await client.videos.wait_for(video)
    if done.url is None:
        raise ValueError(f"There is no advert for {product}: {done.error}")
    return done.url
