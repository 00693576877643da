"""The life of a generation or modification, from its start to its file: the same steps for both, for all providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping

from bluma_async._runtime.paid_ids import report_if_dropped
from bluma_async._wire.checks import invalid, require_bool, require_id, require_text
from bluma_async.errors import WebhookVerificationError
from bluma_async.luma.adapter import unsupported
from bluma_async.transfer.checks import require_verify
from bluma_async.transfer.download import save_link
from bluma_async.transfer.places import reserved
from bluma_async.transfer.remote import RemoteFile
from bluma_async.types import Generation, GenerationState

if TYPE_CHECKING:
    import os

    from bluma_async._session.session import Session
    from bluma_async.luma.adapter import Adapter
    from bluma_async.luma.source import GenerationSource
    from bluma_async.transfer.checks import Verify
    from bluma_async.waiting.hub import PollHub

__all__ = ["Lifecycle"]


class Lifecycle:
    """Starts, waits for, saves and receives the generations of one account with a provider."""

    def __init__(self, session: Session, adapter: Adapter, source: GenerationSource, hub: PollHub) -> None:
        self.session = session
        self.adapter = adapter
        self.source = source
        self._hub = hub

    async def start(self, arguments: Mapping[str, Any], kind: str, parent_id: str | None = None) -> Generation:
        """Start a generation or, with a parent, an extension. Remember its arguments: providers do not return them."""
        _require_arguments(arguments)
        ratio = arguments.get("aspect_ratio")
        if parent_id is None:
            call = self.adapter.build_create(arguments)
        else:
            if ratio is None and self.adapter.capabilities.extension_ratio:
                ratio = self.source.find_ratio(parent_id)
            call = self.adapter.build_extend(parent_id, {**arguments, "aspect_ratio": ratio})
        started = await self.session.send(call)
        report_if_dropped(started.id, "Generation")
        started.kind, started.parent_id, started.prompt = kind, parent_id, started.prompt or arguments.get("prompt")
        self.source.remember(started, ratio)
        return started

    async def wait_for(
        self, generation: Generation | str, poll_interval: float | None, timeout: float | None, **reports: Any
    ) -> Generation:
        """Wait until a generation is final; return one that is final already without a request."""
        if isinstance(generation, Generation) and generation.state.is_final:
            return generation
        defaults = self.adapter.capabilities
        generation_id = _get_id(generation)
        self.adapter.build_read([generation_id])  # refuses an invalid id now, instead of at the first poll
        work = self._hub.wait(
            self.source,
            generation_id,
            poll_interval=defaults.poll_interval if poll_interval is None else poll_interval,
            timeout=defaults.timeout if timeout is None else timeout,
            **reports,
        )
        return await self.session.report("wait", generation_id, work)

    async def save(
        self,
        generation: Generation | str,
        path: str | os.PathLike[str],
        *,
        index: int,
        overwrite: bool,
        verify: Verify,
        on_progress: Callable[[int, int | None], Any] | None,
    ) -> int:
        """Save one of its files; an expired link is renewed once, by reading the generation again."""
        require_verify(verify)
        generation_id = _get_id(generation)
        given = [generation] if isinstance(generation, Generation) and generation.videos else []

        async def sign() -> str:
            current = given.pop() if given else await self.source.read(generation_id)
            if current.state != GenerationState.SUCCEEDED:
                message = f"Generation {current.id} is {current.state}; only one that succeeded has files."
                raise invalid("generation", message)
            if not 0 <= index < len(current.videos):
                message = f"Generation {current.id} has {len(current.videos)} files, and no number {index}."
                raise invalid("index", message)
            return current.videos[index].url

        async def find_size() -> None:
            return None  # no provider names the size of a file

        async with reserved(path, overwrite=overwrite) as place:
            key = f"{self.adapter.name} {generation_id} {index}"
            command = f"save({generation_id!r}, {str(place.target)!r})"
            remote = RemoteFile(generation_id, f"Generation {generation_id}", key, sign, find_size, command)
            work = save_link(self.session, remote, place, verify=verify, on_progress=on_progress)
            return await self.session.report("save", generation_id, work)

    async def receive_callback(self, body: bytes, headers: Mapping[str, str]) -> Generation:
        """Read the generation that a callback names, and have all waits for it poll at once."""
        generation_id = self._parse_callback(body, headers)
        self._hub.learn(generation_id)
        return await self.source.read(generation_id)

    def _parse_callback(self, body: bytes, headers: Mapping[str, str]) -> str:
        """
        Return the id in a callback, which can be read.

        Raises:
            WebhookVerificationError: There is none, or the signature is wrong. Anybody can send a callback, so whatever
                an adapter raises for one means this.
        """
        if not self.adapter.capabilities.callback:
            raise unsupported(self.adapter, "call back")
        try:
            generation_id = self.adapter.parse_callback(bytes(body), headers, self.session.options.webhook_secret)
            self.adapter.build_read([generation_id])
        except WebhookVerificationError:
            raise
        except Exception as problem:
            raise WebhookVerificationError(
                f"The callback cannot be read ({type(problem).__name__}), so it was not used."
            ) from problem
        return generation_id


def _get_id(generation: Generation | str) -> str:
    return require_id("generation", generation, Generation)


def _require_arguments(arguments: Mapping[str, Any]) -> None:
    """Check those arguments of a create that mean the same for every provider; the adapters check the others."""
    for name in ("expand_prompt", "loop"):
        if arguments.get(name) is not None:
            require_bool(name, arguments[name])
    if arguments.get("watermark") is not None:
        require_text("watermark", arguments["watermark"])
