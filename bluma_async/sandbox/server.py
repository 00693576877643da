"""The sandbox: a local server that behaves like the API, down to the files."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, List, TypeVar

from aiohttp import web

from bluma_async.sandbox.app import make_app
from bluma_async.sandbox.luma.provider_api import load_apis
from bluma_async.sandbox.settings import Settings
from bluma_async.sandbox.state import State
from bluma_async.sandbox.tables import Store

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from bluma_async.sandbox.faults import Faults
    from bluma_async.sandbox.journal import RequestRecord
    from bluma_async.sandbox.ledger import Ledger

__all__ = ["Sandbox"]

T = TypeVar("T")


class Sandbox:
    """
    A local Bluma.

        async with Sandbox() as sandbox:
            client = AsyncBluma(sandbox.test_key, base_url=sandbox.base_url)

    Takes the arguments that `Settings` describes. It answers while it is open, on 127.0.0.1 and a free port by default.
    """

    def __init__(self, **settings: Any) -> None:
        try:
            self.settings: Settings = Settings(**settings)
        except TypeError as wrong:
            raise ValueError(f"{wrong}; a sandbox takes {', '.join(Settings.__annotations__)}.") from None
        self._state: State | None = None
        self._open: AsyncExitStack | None = None
        self.origin: str = ""

    @property
    def base_url(self) -> str:
        """What to give a client as `base_url`."""
        return f"{self.origin}/api/v1"

    def luma_url(self, provider: str) -> str:
        """Return what to give a client of the Luma family as `base_url`."""
        return f"{self.origin}{load_apis()[provider].base_path}"

    @property
    def test_key(self) -> str:
        """A test key."""
        return self.settings.test_key

    @property
    def live_key(self) -> str:
        """A live key; its videos are billed."""
        return self.settings.live_key

    @property
    def webhook_secret(self) -> str:
        """What signs the events of a create's own `webhook_url`."""
        return self.settings.webhook_secret

    @property
    def faults(self) -> Faults:
        """What is to go wrong."""
        return self._running.faults

    @property
    def ledger(self) -> Ledger:
        """What was billed."""
        return self._running.ledger

    @property
    def requests(self) -> List[RequestRecord]:
        """Every API request, newest last."""
        return self._running.journal.records

    def watch(self, listener: Callable[[RequestRecord], Any]) -> None:
        """Have a function called with every API request from now on. If it is async, the answer waits for it."""
        self._running.journal.listeners.append(listener)

    def state(self) -> Dict[str, Any]:
        """Return jobs made, renders billed, the balance, and how many requests were served."""
        return self._running.summary()

    def advance(self, seconds: float) -> Awaitable[None]:
        """
        Move a manual clock. What is due happens at once; await the result to have deliveries and renders done too.

        Raises:
            ValueError: The clock is not a manual one.
        """
        return self._running.advance(seconds)

    async def start(self) -> None:
        """Begin to answer; does nothing if it does already. What fails half-way leaves nothing behind."""
        if self._open is not None:
            return
        async with AsyncExitStack() as opened:
            self._state = await self._begin(opened)
            self._open = opened.pop_all()

    async def stop(self) -> None:
        """Answer no more, and leave nothing behind; does nothing if it was not started."""
        opened, self._open = self._open, None
        if opened is not None:
            await opened.aclose()

    async def _begin(self, opened: AsyncExitStack) -> State:
        folder = await _in_thread(self._make_folder, opened)
        store = Store(self.settings.data / "sandbox.sqlite" if self.settings.data else None)
        await _in_thread(store.open)
        opened.push_async_callback(_in_thread, store.close)
        state = State(self.settings, folder, store)
        await _in_thread(state.files.open)
        runner = web.AppRunner(make_app(state), access_log=None, shutdown_timeout=1.0, handle_signals=False)
        await runner.setup()
        opened.push_async_callback(runner.cleanup)
        opened.push_async_callback(state.stop)
        site = web.TCPSite(runner, self.settings.host, self.settings.port, backlog=1024)
        await site.start()
        opened.push_async_callback(site.stop)  # first of all: nobody comes in any more
        host, port = runner.addresses[0][:2]
        self.origin = state.files.origin = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        await state.start()
        return state

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def _running(self) -> State:
        if self._state is None:
            raise RuntimeError("The sandbox was not started; use `async with Sandbox() as sandbox`.")
        return self._state

    def _make_folder(self, opened: AsyncExitStack) -> Path:
        if self.settings.data is not None:
            self.settings.data.mkdir(parents=True, exist_ok=True)
            return self.settings.data / "files"
        folder = tempfile.TemporaryDirectory(prefix="bluma-sandbox-")
        opened.push_async_callback(_in_thread, folder.cleanup)
        return Path(folder.name)


async def _in_thread(function: Callable[..., T], *args: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, function, *args)
