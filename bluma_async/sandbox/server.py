"""The `Sandbox` class: start, stop and inspect a local server. `app.py` draws the path of a request through it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Awaitable, Callable, ContextManager, Dict, List, Tuple, TypeVar

from aiohttp import web

from bluma_async.sandbox.app import make_app
from bluma_async.sandbox.files import make_folder
from bluma_async.sandbox.luma.provider_api import load_apis
from bluma_async.sandbox.own_thread import OwnThread, Pending, find_loop
from bluma_async.sandbox.rendering import load_drawing
from bluma_async.sandbox.second_port import SecondPort, serve_second_port
from bluma_async.sandbox.settings import Settings
from bluma_async.sandbox.state import State
from bluma_async.sandbox.tables import Database
from bluma_async.sandbox.threads import in_thread
from bluma_async.sandbox.videos import accepted_view

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from bluma_async.sandbox.cruelty import Cruelty
    from bluma_async.sandbox.faults import Faults
    from bluma_async.sandbox.ledger import Ledger
    from bluma_async.sandbox.outlook import Outlook
    from bluma_async.sandbox.recorder import SentDelivery
    from bluma_async.sandbox.request_log import RequestRecord

__all__ = ["Sandbox"]

T = TypeVar("T")
logger: logging.Logger = logging.getLogger("bluma.sandbox")


class Sandbox:
    """
    A local server that speaks the Bluma API, and those of the Luma providers.

        async with Sandbox() as sandbox:
            client = AsyncBluma(sandbox.test_key, base_url=sandbox.base_url)

    Takes the keyword arguments that `Settings` describes. It serves on 127.0.0.1 and a free port by default, from
    `start` to `stop`, or inside of `async with`. In blocking code, `with Sandbox() as sandbox` serves from a thread of
    its own; every method and attribute may then be used in any other thread.
    """

    def __init__(self, **settings: Any) -> None:
        try:
            self.settings: Settings = Settings(**settings)
        except TypeError as error:
            raise ValueError(f"{error}; a sandbox takes {', '.join(Settings.__annotations__)}.") from None
        if self.settings.render:
            load_drawing()
        self._state: State | None = None
        self._opened: AsyncExitStack | None = None
        self._runner: web.AppRunner | None = None
        self._thread: OwnThread | None = None
        self.loop: asyncio.AbstractEventLoop | None = None

    @property
    def origin(self) -> str:
        """The origin (scheme, host and port) of every URL of the sandbox; empty before the first start."""
        return "" if self._state is None else self._state.files.origin

    @origin.setter
    def origin(self, origin: str) -> None:
        self._running.files.origin = origin

    @property
    def base_url(self) -> str:
        """The `base_url` for a client of the Bluma API."""
        return f"{self.origin}/api/v1"

    def luma_url(self, provider: str) -> str:
        """Return the `base_url` for a client of a Luma provider."""
        return f"{self.origin}{load_apis()[provider].base_path}"

    @property
    def test_key(self) -> str:
        """A test key; its videos are not billed."""
        return self.settings.test_key

    @property
    def live_key(self) -> str:
        """A live key; its videos are billed."""
        return self.settings.live_key

    @property
    def webhook_secret(self) -> str:
        """The secret that signs events to the `webhook_url` of a create."""
        return self.settings.webhook_secret

    @property
    def faults(self) -> Faults:
        """The faults to inject."""
        return self._running.faults

    @property
    def cruelty(self) -> Cruelty:
        """The cruelty that applies; replace it at any time, for example with `sandbox.cruelty.change(list_lag=3)`."""
        return self.settings.make_cruelty() if self._state is None else self._state.cruelty.value

    @cruelty.setter
    def cruelty(self, cruelty: Cruelty) -> None:
        self._call(self._running.cruelty.replace, cruelty)

    @property
    def creates(self) -> List[Dict[str, Any]]:
        """The creates with their Idempotency-Keys and videos, as `GET /_sandbox/creates` shows them."""
        return self._running.list_creates()

    def count_bills(self, idempotency_key: str) -> int:
        """Return the number of videos that were billed for the creates with this Idempotency-Key."""
        return sum(create["is_billed"] for create in self.creates if create["idempotency_key"] == idempotency_key)

    def create_as_stranger(self, template_id: str, kind: str = "live") -> Dict[str, Any]:
        """
        Create a video as somebody else on the same account, and return it as the answer to its create shows it.

        Args:
            template_id: The template.
            kind: The kind of the key: a video of `live` is billed to the account, one of `test` is not.

        Raises:
            ValueError: There is no such template.
            ApiError: The balance is too low; nothing was created.
        """
        return accepted_view(self._call(self._running.strangers.create, template_id, kind))

    @property
    def ledger(self) -> Ledger:
        """The credits and transactions of the account."""
        return self._running.ledger

    @property
    def requests(self) -> List[RequestRecord]:
        """The log of API requests, newest last."""
        return self._running.request_log.records

    @property
    def activity(self) -> Tuple[bool, int]:
        """Whether a request, a render or a delivery is running, and how many requests have come."""
        state = self._running
        return state.activity.running > 0 or not state.workers.is_idle, state.activity.begun

    @property
    def outlook(self) -> Outlook:
        """The changes that will happen by themselves, and their times. Use it in the sandbox's thread."""
        return self._running.outlook

    def watch(self, listener: Callable[[RequestRecord], Any]) -> None:
        """
        Call a function with every further API request, before its answer is sent; async functions are awaited.

        It is called in the sandbox's thread.
        """
        self._running.request_log.listeners.append(listener)

    def watch_deliveries(self, listener: Callable[[SentDelivery], Any]) -> None:
        """Call a function with every further attempt to deliver an event or a callback, in the sandbox's thread."""
        self._running.recorder.listeners.append(listener)

    def pause(self, *, is_paused: bool = True) -> None:
        """
        Stop the real clock; with `is_paused=False`, let it go on. `advance` can move it in the meantime.

        Raises:
            ValueError: The clock is manual.
        """
        self._call(lambda: self._running.pause(is_paused=is_paused))

    def state(self) -> Dict[str, Any]:
        """Return the time, the jobs created, the renders billed, the balance, and the requests served."""
        return self._running.summary()

    def advance(self, seconds: float) -> Awaitable[None]:
        """
        Move a manual or paused clock; videos and events that are due change at once.

        Await the result to wait for the deliveries and renders that the move started. Outside of an event loop, the
        call itself waits for them.

        Raises:
            ValueError: The clock is neither manual nor paused.
        """
        if self._thread is None or find_loop() is self.loop:
            return self._running.advance(seconds)
        moved = self._thread.submit(self._advance(seconds))
        if find_loop() is None:
            moved.result()
        return Pending(moved)

    def serve_also_at(self, port: int) -> ContextManager[None]:
        """Serve at a second port too, inside of `with` in another thread. `origin` and all links name it meanwhile."""
        if self._thread is None or self._runner is None:
            raise RuntimeError("A second port needs a sandbox that `with Sandbox() as sandbox` has started.")
        return serve_second_port(SecondPort(self._runner, self._running, self.settings.host, port), self._thread)

    async def start(self) -> None:
        """
        Start serving; does nothing if it serves already. If a step fails, the steps before it are undone.

        Raises:
            OSError: The port is in use, or the folder of the data cannot be written to.
        """
        if self._opened is not None:
            return
        self.loop = asyncio.get_running_loop()
        async with AsyncExitStack() as opened:
            self._state = await self._open(opened)
            self._opened = opened.pop_all()

    async def stop(self) -> None:
        """Stop serving, and close everything; does nothing if it was not started."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.aclose()

    async def _open(self, opened: AsyncExitStack) -> State:
        folder = await in_thread(make_folder, self.settings.data, opened)
        database = Database(self.settings.data / "sandbox.sqlite" if self.settings.data else None)
        await in_thread(database.open)
        opened.push_async_callback(in_thread, database.close)
        state = State(self.settings, folder, database)
        opened.callback(state.save)
        await in_thread(state.files.open)
        runner = web.AppRunner(make_app(state), access_log=None, shutdown_timeout=1.0, handle_signals=False)
        await runner.setup()
        self._runner = runner
        opened.push_async_callback(runner.cleanup)
        opened.push_async_callback(state.stop)
        site = web.TCPSite(runner, self.settings.host, self.settings.port, backlog=1024)
        await site.start()
        opened.push_async_callback(site.stop)  # called first at the end: no new connections while the rest closes
        host, port = runner.addresses[0][:2]
        state.destinations.own_ports.add(port)
        state.files.origin = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        await state.start()
        if self.settings.profile is not None:
            # A warning, so that a test that fails shows the values with which it failed.
            logger.warning("The sandbox is cruel: %s.", state.cruelty.value)
        return state

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __enter__(self) -> Self:
        self._thread = OwnThread()
        try:
            self._thread.submit(self.start()).result()
        except BaseException:
            self._end_thread()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._thread is not None and self._thread.is_here:  # else the parent process still serves
                self._thread.submit(self.stop()).result()
        finally:
            self._end_thread()

    def _end_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()

    async def _advance(self, seconds: float) -> None:
        await self._running.advance(seconds)

    def _call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that starts timers or deliveries, in the sandbox's loop."""
        if self._thread is None or find_loop() is self.loop:
            return function(*args)
        return self._thread.call(function, *args)

    @property
    def _running(self) -> State:
        if self._state is None:
            raise RuntimeError("The sandbox was not started; use `with Sandbox() as sandbox`, or `async with`.")
        return self._state
