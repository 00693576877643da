"""What generations and modifications have in common: to be read, waited for, saved, and told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping

from bluma_async._wire.checks import invalid
from bluma_async.transfer.download import require_place, save_link
from bluma_async.types import Generation, GenerationState

if TYPE_CHECKING:
    import os

    from bluma_async._session.session import Session
    from bluma_async.luma.adapter import Adapter
    from bluma_async.luma.source import GenerationSource
    from bluma_async.waiting.hub import PollHub

__all__ = ["Work"]


class Work:
    """The generations of one account, and what is done with them."""

    def __init__(self, session: Session, adapter: Adapter, source: GenerationSource, hub: PollHub) -> None:
        self.session = session
        self.adapter = adapter
        self.source = source
        self._hub = hub

    async def start(self, arguments: Mapping[str, Any], kind: str, parent_id: str | None = None) -> Generation:
        """Start a generation, and remember what it is."""
        ratio = arguments.get("aspect_ratio")
        if parent_id is None:
            call = self.adapter.create(arguments)
        else:
            if ratio is None and self.adapter.capabilities.extension_ratio:
                ratio = self.source.ratio_of(parent_id)
            call = self.adapter.extend(parent_id, {**arguments, "aspect_ratio": ratio})
        made = await self.session.send(call)
        made.kind, made.parent_id, made.prompt = kind, parent_id, made.prompt or arguments.get("prompt")
        self.source.remember(made, ratio)
        return made

    async def wait_for(self, work: Generation | str, poll_interval: float | None, timeout: float | None) -> Generation:
        """Wait for a generation, unless it is known to be over."""
        if isinstance(work, Generation) and work.state.is_final:
            return work
        can = self.adapter.capabilities
        identifier = id_of(work)
        self.adapter.read([identifier])  # refuses what cannot be an id
        return await self._hub.wait(
            self.source,
            identifier,
            poll_interval=can.poll_interval if poll_interval is None else poll_interval,
            timeout=can.timeout if timeout is None else timeout,
        )

    async def save(
        self,
        work: Generation | str,
        path: str | os.PathLike[str],
        *,
        index: int,
        overwrite: bool,
        on_progress: Callable[[int, int | None], Any] | None,
    ) -> int:
        """Save one of its files; a link that has expired is read again, once."""
        await require_place(path, overwrite=overwrite)
        told = [work] if isinstance(work, Generation) and work.videos else []

        async def sign() -> str:
            done = told.pop() if told else await self.source.read(id_of(work))
            if done.state != GenerationState.SUCCEEDED:
                raise invalid("generation", f"Generation {done.id} is {done.state}; only one that succeeded has files.")
            if not 0 <= index < len(done.videos):
                raise invalid("index", f"Generation {done.id} has {len(done.videos)} files, and no number {index}.")
            return done.videos[index].url

        return await save_link(self.session, sign, path, overwrite=overwrite, on_progress=on_progress)

    async def receive_callback(self, body: bytes, headers: Mapping[str, str]) -> Generation:
        """Read what a callback tells of, and have whoever waits for it look too."""
        identifier = self.adapter.callback(body, headers, self.session.options.webhook_secret)
        self._hub.learn(identifier)
        return await self.source.read(identifier)


def id_of(work: Generation | str) -> str:
    """Return the id of a generation, or the id itself."""
    return work.id if isinstance(work, Generation) else work
