"""Messages between a coroutine in the loop and the blocking caller in another thread, and the errors they carry."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar

from bluma_async._runtime.tracebacks import keep_frames
from bluma_sync import _thread

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Callback", "Item", "Outcome", "strip_own_frames"]

T = TypeVar("T")
OWN_FILES = {str(Path(__file__).with_name(name)) for name in ("_messages.py", "_portal.py", "_thread.py")}


class _Question:
    """A message from the coroutine to its caller, which the caller must answer."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[tuple[Any, Exception | None]] = self._loop.create_future()

    async def wait_answer(self) -> Any:
        """Return the caller's answer, or raise its error. Runs in the loop."""
        value, error = await self._answer
        if error is not None:
            raise error
        return value

    def answer(self, value: object = None, error: Exception | None = None) -> None:
        """Send a value or an error to the coroutine. Runs in the caller's thread."""
        try:
            self._loop.call_soon_threadsafe(self._settle, value, error)
        except RuntimeError as closed:
            _thread.refuse_at_exit(_thread.INTERRUPTED, closed)

    def _settle(self, value: object, error: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_result((value, error))


class Item(_Question):
    """A value for the caller, which answers when it requests the next one."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Callback(_Question):
    """A function of the user, to be called in the caller's thread."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        super().__init__()
        self._function = function
        self._args = args

    def run(self) -> None:
        """
        Call the function and send its result.

        An exception is raised in the coroutine, as it would be in the async client. KeyboardInterrupt and SystemExit
        are raised here, and cancel the coroutine.
        """
        try:
            self.answer(self._function(*self._args))
        except Exception as error:  # noqa: BLE001 - a user's function can raise anything
            self.answer(error=error.with_traceback(strip_own_frames(error.__traceback__)))


class Outcome(Generic[T]):
    """The result of a coroutine, or its error."""

    def __init__(self, value: Any = None, error: BaseException | None = None) -> None:
        self.value: T = value
        self.error = error

    def get(self) -> T:
        """Return the result, or raise the error."""
        error, self.error = self.error, None
        if error is None:
            return self.value
        try:
            raise _translate(error).with_traceback(strip_own_frames(error.__traceback__))
        finally:
            del error  # its traceback refers to this frame: a reference cycle


def strip_own_frames(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of the portal, which would hide the user's own."""
    return keep_frames(trace, lambda entry: entry.tb_frame.f_code.co_filename not in OWN_FILES)


def _translate(error: BaseException) -> BaseException:
    """
    Return the error for the caller: CancelledError, which blocking code does not expect, becomes a BlumaError.

    Raises:
        BlumaError: The call needed a new thread, and the interpreter is shutting down.
    """
    _thread.refuse_shutdown_error(error)
    if not isinstance(error, asyncio.CancelledError):
        return error
    from bluma_async.errors import BlumaError  # noqa: PLC0415 - loaded by every client, and not needed without one

    translated = BlumaError(
        "The call was cancelled in the event loop; a request that was sent may have been processed."
    )
    translated.__cause__ = error
    return translated
