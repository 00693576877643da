"""Generations and modifications: start them, see how they are doing, and get what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping

from bluma_async.luma.adapter import unsupported

if TYPE_CHECKING:
    import os

    from bluma_async.luma.work import Work
    from bluma_async.types import Generation

__all__ = ["Generations", "Modifications"]


class Generations:
    """Make videos from prompts, and longer ones: UmamiAI and V-API."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def create(
        self,
        prompt: str,
        *,
        aspect_ratio: str | None = None,
        expand_prompt: bool | None = None,
        image_url: str | bytes | None = None,
        image_end_url: str | bytes | None = None,
        loop: bool | None = None,
        callback_url: str | None = None,
    ) -> Generation:
        """
        Start a generation. It is billed when it is accepted.

        No provider knows idempotency or lists what was made: a create that got no certain answer is not repeated.

        Args:
            prompt: What it is about.
            aspect_ratio: Such as `16:9`, UmamiAI's default here; others than those a provider is known to take are
                sent with a warning.
            expand_prompt: Whether the provider may embellish the prompt.
            image_url: The first frame: a URL, or with V-API also bytes, base64, or a data URI of an image.
            image_end_url: The last frame; at most one of the two can be data.
            loop: Whether the end is to join the start; V-API.
            callback_url: Where to be told when it is over; V-API.

        Raises:
            InvalidArgumentError: An argument cannot be right, or the provider cannot do it. Nothing was sent.
            InsufficientCreditsError: The account cannot pay for it.
            AmbiguousCreateError: It may have been accepted; with `on_ambiguous="retry"` it is repeated instead.
        """
        if not self._work.adapter.capabilities.generate:
            raise unsupported(self._work.adapter, "generate videos from prompts")
        arguments = {
            "prompt": prompt,
            "aspect_ratio": aspect_ratio,
            "expand_prompt": expand_prompt,
            "image_url": image_url,
            "image_end_url": image_end_url,
            "loop": loop,
            "callback_url": callback_url,
        }
        return await self._work.start(arguments, "generation")

    async def extend(
        self,
        generation_id: str,
        prompt: str,
        *,
        aspect_ratio: str | None = None,
        expand_prompt: bool | None = None,
        image_url: str | bytes | None = None,
        image_end_url: str | bytes | None = None,
        loop: bool | None = None,
        callback_url: str | None = None,
    ) -> Generation:
        """
        Make a generation longer, by some five seconds. It is a new one, with a new id, and its `parent_id` is this.

        Args:
            generation_id: What to extend; it must have succeeded.
            prompt: How it goes on.
            aspect_ratio: By default that of what is extended, if this client made it; V-API keeps it always.
            expand_prompt: Whether the provider may embellish the prompt.
            image_url: The first frame.
            image_end_url: The last frame.
            loop: No provider loops an extension; refused.
            callback_url: Where to be told when it is over; V-API.

        Raises:
            BlumaError: As in `create`.
        """
        if not self._work.adapter.capabilities.extend:
            raise unsupported(self._work.adapter, "extend videos")
        if loop is not None:
            raise unsupported(self._work.adapter, "loop an extension")
        arguments = {
            "prompt": prompt,
            "aspect_ratio": aspect_ratio,
            "expand_prompt": expand_prompt,
            "image_url": image_url,
            "image_end_url": image_end_url,
            "callback_url": callback_url,
        }
        return await self._work.start(arguments, "extension", generation_id)

    async def get(self, generation_id: str) -> Generation:
        """
        Return a generation as it is now.

        Raises:
            NotFoundError: The provider does not know it, or not yet.
        """
        return await self._work.source.read(generation_id)

    async def wait_for(
        self, generation: Generation | str, *, poll_interval: float | None = None, timeout: float | None = None
    ) -> Generation:
        """
        Return it once it has succeeded, or failed: see its `state`.

        All waits of a client share their polls, and come together in one request where the provider can read several.
        A poll that gets no answer, a 429 or a 5xx does not end the wait; nor does a provider that does not know a new
        id yet.

        Args:
            generation: What to wait for, or its id. One that is over already is returned as it is.
            poll_interval: Seconds between two polls, above 0; default: what the provider advises, 5 s.
            timeout: Seconds to wait, at least 0; default: 600 s.

        Raises:
            WaitTimeoutError: It goes on, and so can the wait: call again with the same id.
            NotFoundError: The provider does not know it.
        """
        return await self._work.wait_for(generation, poll_interval, timeout)

    async def save(
        self,
        generation: Generation | str,
        path: str | os.PathLike[str],
        *,
        index: int = 0,
        overwrite: bool = False,
        on_progress: Callable[[int, int | None], Any] | None = None,
    ) -> int:
        """
        Write a file of a generation that has succeeded, and return its size in bytes.

        The file is either absent or whole, and fetching goes on where it was cut, as with Bluma's videos. A link that
        has expired is read again, once. The API key is not sent to where the file is.

        Args:
            generation: What to save, or its id.
            path: Where to write it; its folder must exist.
            index: Which of its `videos`; the first is the best.
            overwrite: Whether a file that is already there may be replaced.
            on_progress: Called with the bytes written so far and the bytes there are, if known. May be async.

        Raises:
            InvalidArgumentError: The file is there, its folder is not, or there is nothing to save.
            NetworkError: The connection broke too often; save it again to go on.
        """
        return await self._work.save(generation, path, index=index, overwrite=overwrite, on_progress=on_progress)

    async def receive_callback(self, body: bytes, headers: Mapping[str, str]) -> Generation:
        """
        Take in what the provider sent to a `callback_url`: read the generation it tells of, and return it.

        Nothing in the body is believed but the id. Where the client has a `webhook_secret` and the provider signs, the
        signature is checked first. Whoever waits for it looks at once.

        Args:
            body: The raw request body.
            headers: The request's headers.

        Raises:
            WebhookVerificationError: The signature is wrong, or the body names nothing.
            InvalidArgumentError: The provider does not call back.
        """
        return await self._work.receive_callback(body, headers)


class Modifications:
    """Change videos: kie.ai."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def create(
        self,
        prompt: str,
        *,
        video_url: str,
        watermark: str | None = None,
        callback_url: str | None = None,
    ) -> Generation:
        """
        Start to change a video. It is billed when it is accepted.

        No idempotency is known, and nothing lists what was made: a create that got no certain answer is not repeated.

        Args:
            prompt: What to make of it; in English.
            video_url: What to change: an MP4, MOV or AVI at a public URL, of 500 MB and 10 s at most.
            watermark: What to mark it with.
            callback_url: Where to be told when it is over.

        Raises:
            InvalidArgumentError: An argument cannot be right, or the provider cannot do it. Nothing was sent.
            InsufficientCreditsError: The account cannot pay for it.
            AmbiguousCreateError: It may have been accepted; with `on_ambiguous="retry"` it is repeated instead.
        """
        if not self._work.adapter.capabilities.modify:
            raise unsupported(self._work.adapter, "modify videos")
        arguments = {"prompt": prompt, "video_url": video_url, "watermark": watermark, "callback_url": callback_url}
        return await self._work.start(arguments, "modification")

    async def get(self, modification_id: str) -> Generation:
        """
        Return a modification as it is now.

        Raises:
            NotFoundError: The provider does not know it, or not yet.
        """
        return await self._work.source.read(modification_id)

    async def wait_for(
        self, modification: Generation | str, *, poll_interval: float | None = None, timeout: float | None = None
    ) -> Generation:
        """
        Return it once it has succeeded, or failed: see its `state`.

        All waits of a client share their polls, and come together in one request where the provider can read several.
        A poll that gets no answer, a 429 or a 5xx does not end the wait; nor does a provider that does not know a new
        id yet.

        Args:
            modification: What to wait for, or its id. One that is over already is returned as it is.
            poll_interval: Seconds between two polls, above 0; default: what the provider advises, 30 s.
            timeout: Seconds to wait, at least 0; default: 1800 s.

        Raises:
            WaitTimeoutError: It goes on, and so can the wait: call again with the same id.
            NotFoundError: The provider does not know it.
        """
        return await self._work.wait_for(modification, poll_interval, timeout)

    async def save(
        self,
        modification: Generation | str,
        path: str | os.PathLike[str],
        *,
        index: int = 0,
        overwrite: bool = False,
        on_progress: Callable[[int, int | None], Any] | None = None,
    ) -> int:
        """
        Write a file of a modification that has succeeded, and return its size in bytes.

        The file is either absent or whole, and fetching goes on where it was cut, as with Bluma's videos. A link that
        has expired is read again, once. The API key is not sent to where the file is.

        Args:
            modification: What to save, or its id.
            path: Where to write it; its folder must exist.
            index: Which of its `videos`; the first is the best.
            overwrite: Whether a file that is already there may be replaced.
            on_progress: Called with the bytes written so far and the bytes there are, if known. May be async.

        Raises:
            InvalidArgumentError: The file is there, its folder is not, or there is nothing to save.
            NetworkError: The connection broke too often; save it again to go on.
        """
        return await self._work.save(modification, path, index=index, overwrite=overwrite, on_progress=on_progress)

    async def receive_callback(self, body: bytes, headers: Mapping[str, str]) -> Generation:
        """
        Take in what the provider sent to a `callback_url`: read the modification it tells of, and return it.

        Nothing in the body is believed but the id. Where the client has a `webhook_secret` and the provider signs, the
        signature is checked first. Whoever waits for it looks at once.

        Args:
            body: The raw request body.
            headers: The request's headers.

        Raises:
            WebhookVerificationError: The signature is wrong, or the body names nothing.
            InvalidArgumentError: The provider does not call back.
        """
        return await self._work.receive_callback(body, headers)
