# Generated from bluma_async/luma/resources.py by `nox -s facade`: change that, not this.
"""Generations and modifications: start them, read them, wait for them, and save their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Collection, Mapping

from bluma_sync._portal import run

if TYPE_CHECKING:
    import os

    from typing_extensions import Literal

    from bluma_async.luma import resources as asynchronous
    from bluma_async.types import Generation
    from bluma_async.waiting.announcer import StatusInfo

__all__ = ["BaseGenerations", "Generations", "Modifications"]


class BaseGenerations:
    """The operations that are the same for generations and modifications."""

    def __init__(self, twin: asynchronous.BaseGenerations) -> None:
        self._async = twin

    def get(self, generation_id: Generation | str) -> Generation:
        """
        Return the current state of a generation or modification.

        Raises:
            NotFoundError: The provider does not know the id, or does not know it yet.
        """
        return run(self._async.get(generation_id))

    def wait_for(
        self,
        generation: Generation | str,
        *,
        poll_interval: float | None = None,
        timeout: float | None = None,
        on_status: Callable[[StatusInfo], Any] | None = None,
        final_statuses: Collection[str] = (),
    ) -> Generation:
        """
        Return the generation or modification once it has succeeded or failed; its `state` says which.

        All waits of a client share their polls; where the provider can read several generations with one request, the
        polls share requests too. A failed poll (network, 429, 5xx) does not end the wait. An id that the provider does
        not know yet does not end it either, for the first 30 s.

        Args:
            generation: The generation or its id. A generation that is final already is returned without a request.
            poll_interval: Seconds between two polls, above 0. Default: `capabilities.poll_interval`, which is 30 s for
                kie.ai and 5 s for the other providers.
            timeout: Seconds to wait, at least 0. Default: `capabilities.timeout`, which is 1800 s for kie.ai and 600 s
                for the other providers.
            on_status: Called with a StatusInfo for each new word of the provider for the state, and once if no answer
                has come for 10 s. May be async.
            final_statuses: Words of the provider that end the wait, besides those that are known to be final.

        Raises:
            WaitTimeoutError: The generation is not final yet. Its text and `last` say what is known of it; call again
                with the same id.
            NotFoundError: The provider does not know the id.
        """
        return run(
            self._async.wait_for(
                generation,
                poll_interval=poll_interval,
                timeout=timeout,
                on_status=on_status,
                final_statuses=final_statuses,
            )
        )

    def save(
        self,
        generation: Generation | str,
        path: str | os.PathLike[str],
        *,
        index: int = 0,
        overwrite: bool = False,
        verify: Literal["size", "container", "none"] = "size",
        on_progress: Callable[[int, int | None], Any] | None = None,
    ) -> int:
        """
        Write a file of a generation or modification that has succeeded, and return its size in bytes.

        The file at `path` is complete or absent. An interrupted download is resumed by the next call, as with Bluma's
        videos, and the same rules bound it. An expired link is renewed once. The API key is not sent to the host of
        the file.

        Args:
            generation: The generation or its id.
            path: The file to write; its folder must exist.
            index: The index in `videos`; index 0 is the best file.
            overwrite: Whether an existing file may be replaced. Only a regular file is.
            verify: `size` compares the size that the answer names with the bytes that arrived, and refuses empty files,
                web pages and JSON; if no size is known, the container is checked. `container` also checks that the file
                is a whole MP4. `none` takes any file, of at most 8 GiB if its size is unknown.
            on_progress: Called with the number of bytes written and the total, or None if it is unknown. May be async.

        Raises:
            InvalidArgumentError: The file exists, the path cannot be written to, another call is saving to it, or the
                generation has no such file.
            FileContentError: The file is not what was described. Its `part` is the path of the bytes.
            NetworkError: The connection failed too often, or the deadline has passed; call again to resume.
        """
        return run(
            self._async.save(generation, path, index=index, overwrite=overwrite, verify=verify, on_progress=on_progress)
        )

    def receive_callback(self, body: bytes, headers: Mapping[str, str]) -> Generation:
        """
        Read and return the generation or modification that a callback names.

        The callback is untrusted: only its id is used, and the generation is fetched again. If the client has a
        `webhook_secret` and the provider signs callbacks, the signature is verified first. All waits for the generation
        poll at once.

        Args:
            body: The raw body of the request to `callback_url`.
            headers: The headers of that request.

        Raises:
            WebhookVerificationError: The signature is wrong, or the body has no id.
            InvalidArgumentError: The provider has no callbacks.
        """
        return run(self._async.receive_callback(body, headers))


class Generations(BaseGenerations):
    """Make videos from prompts, and extend them: UmamiAI and V-API."""

    def __init__(self, twin: asynchronous.Generations) -> None:
        self._async: asynchronous.Generations = twin

    def create(
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

        A create with an uncertain outcome is not retried: the providers have no idempotency keys and no list of
        generations, so nothing can prove that it was not accepted.

        Args:
            prompt: A description of the video.
            aspect_ratio: Such as `16:9`, which is the default for UmamiAI. A ratio that is not documented by the
                provider is sent with a warning.
            expand_prompt: Whether the provider may add details to the prompt.
            image_url: The first frame: a URL; for V-API also bytes, base64, or a data URI of an image.
            image_end_url: The last frame. At most one of the two frames can be data.
            loop: Whether to join the end of the video to its start; V-API only.
            callback_url: A URL that the provider calls when the generation ends; V-API only.

        Raises:
            InvalidArgumentError: An argument is invalid, or the provider does not support it. Nothing was sent.
            InsufficientCreditsError: The account has too few credits.
            AmbiguousCreateError: It was accepted, and the answer has no id that can be read; or it may have been
                accepted. With `on_ambiguous="retry"` it is retried in the second case, and may be billed twice.
        """
        return run(
            self._async.create(
                prompt,
                aspect_ratio=aspect_ratio,
                expand_prompt=expand_prompt,
                image_url=image_url,
                image_end_url=image_end_url,
                loop=loop,
                callback_url=callback_url,
            )
        )

    def extend(
        self,
        generation_id: Generation | str,
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
        Extend a generation by about five seconds. The extension is a new generation, with a new id and a `parent_id`.

        Args:
            generation_id: The generation to extend, or its id; it must have succeeded.
            prompt: A description of the added part.
            aspect_ratio: Default: the ratio of the extended generation, if this client created it. V-API always keeps
                that ratio, and accepts no other.
            expand_prompt: Whether the provider may add details to the prompt.
            image_url: The first frame.
            image_end_url: The last frame.
            loop: Refused: no provider loops an extension.
            callback_url: A URL that the provider calls when the extension ends; V-API only.

        Raises:
            BlumaError: For the same reasons as in `create`.
        """
        return run(
            self._async.extend(
                generation_id,
                prompt,
                aspect_ratio=aspect_ratio,
                expand_prompt=expand_prompt,
                image_url=image_url,
                image_end_url=image_end_url,
                loop=loop,
                callback_url=callback_url,
            )
        )


class Modifications(BaseGenerations):
    """Change videos: kie.ai."""

    def __init__(self, twin: asynchronous.Modifications) -> None:
        self._async: asynchronous.Modifications = twin

    def create(
        self,
        prompt: str,
        *,
        video_url: str,
        watermark: str | None = None,
        callback_url: str | None = None,
    ) -> Generation:
        """
        Start the modification of a video. It is billed when it is accepted.

        A create with an uncertain outcome is not retried: kie.ai has no idempotency keys and no list of tasks, so
        nothing can prove that it was not accepted.

        Args:
            prompt: A description of the change, in English.
            video_url: The video to change: an MP4, MOV or AVI at a public URL, of at most 500 MB and 10 s.
            watermark: A text to mark the video with.
            callback_url: A URL that the provider calls when the modification ends.

        Raises:
            InvalidArgumentError: An argument is invalid, or the provider does not support it. Nothing was sent.
            InsufficientCreditsError: The account has too few credits.
            AmbiguousCreateError: It was accepted, and the answer has no id that can be read; or it may have been
                accepted. With `on_ambiguous="retry"` it is retried in the second case, and may be billed twice.
        """
        return run(self._async.create(prompt, video_url=video_url, watermark=watermark, callback_url=callback_url))
