"""
Hear what other processes have learned, for the waits of one event loop.

Rule 1: one connection listens, as long as anything is watched. When it is lost it is opened again, and everything that
is watched is read again: messages that were sent in between are lost.
Rule 2: a message that this process sends to itself must arrive. If it does not, a pooler stands in between: the store
is read every half second instead, and a warning says so once.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from typing import TYPE_CHECKING, AsyncGenerator, Callable, Dict, List

from bluma_async._runtime.log import logger
from bluma_async._runtime.tasks import within
from bluma_async.errors import BlumaError

if TYPE_CHECKING:
    from bluma_async.stores.news import News

__all__ = ["Listener"]

SELF_TEST = 3.0  # seconds in which a message to itself must arrive
READ_INTERVAL = 0.5  # seconds between two reads of the store without messages
RECONNECT = (0.2, 5.0)  # seconds before the first attempt to listen again, and at most
Changed = Callable[[], None]


class Listener:
    """Calls functions when the rows that they watch have changed."""

    def __init__(self, news: News) -> None:
        self._news = news
        self._watched: Dict[str, List[Changed]] = {}
        self._task: asyncio.Task[None] | None = None
        self._token = uuid.uuid4().hex
        self._heard = asyncio.Event()
        self._failures = 0  # since it last listened

    @property
    def hears(self) -> bool:
        """Whether messages arrive."""
        return self._heard.is_set()

    @contextlib.asynccontextmanager
    async def watching(self, name: str, changed: Changed) -> AsyncGenerator[None, None]:
        """
        Call a function for each change of a row; and once for each reconnection, since changes may have been missed.

        Args:
            name: The kind and id of the row, as in `video batch_1`.
            changed: Called in the event loop.
        """
        self._watched.setdefault(name, []).append(changed)
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())
        try:
            yield
        finally:
            self._watched[name].remove(changed)
            if not self._watched[name]:
                del self._watched[name]

    async def close(self) -> None:
        """End listening."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        (first, most), pause = RECONNECT, 0.0
        while True:
            try:
                await self._listen()
            except BlumaError as problem:
                self._failures += 1
                if self._failures == 1:
                    logger.warning("%s They are read from the store meanwhile.", problem)
                self._change_all()
            pause = first if self._failures <= 1 else min(2 * pause, most)
            await asyncio.sleep(pause)

    async def _listen(self) -> None:
        """Pass messages on until the connection is lost."""
        test = None
        messages = self._news.listen()
        try:
            async for message in messages:
                if not message:  # it listens from here on
                    self._failures = 0
                    self._change_all()
                    test = asyncio.ensure_future(self._test())
                elif message == self._token:
                    self._heard.set()
                for changed in self._watched.get(message, [])[:]:
                    changed()
        finally:
            self._heard.clear()
            if test is not None:
                test.cancel()
                await asyncio.gather(test, return_exceptions=True)
            await messages.aclose()

    async def _test(self) -> None:
        """Send a message to this listener; read the store regularly if it does not arrive."""
        self._heard.clear()
        with contextlib.suppress(BlumaError, TimeoutError):
            await self._news.ring(self._token)
            await within(SELF_TEST, self._heard.wait())
        if self._heard.is_set():
            return
        logger.warning(
            "The database passes no messages on (LISTEN does not work, as behind a pooler that gives each transaction "
            "another connection). The store is read every %g s instead; name the database itself to avoid that.",
            READ_INTERVAL,
        )
        while not self._heard.is_set():
            await asyncio.sleep(READ_INTERVAL)
            self._change_all()

    def _change_all(self) -> None:
        for watchers in list(self._watched.values()):
            for changed in watchers[:]:
                changed()
