"""
Let a signal end a server that reads its requests from the standard input, as the end of that input does.

Rule 1: a thread that waits for a line cannot be cancelled, so that a server that is cancelled would hang until the next
line. The signal ends its input instead, and the server ends as it does after its last request: creates that have begun
get their grace, and the journal is closed.
Rule 2: the input ends also when nobody reads the answers any more. The server would fail at its next answer, and hang
until the next line as well.
"""

from __future__ import annotations

import asyncio
import io
import os
import select
import signal
import sys
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Generator, Sequence

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["EndingInput", "input_ends_at"]


class EndingInput(io.RawIOBase):
    """
    The bytes of a descriptor, until it ends, nobody reads the output, or `end` is called.

    Attributes:
        signal: The signal that has ended it first; None while none has.
    """

    def __init__(self, descriptor: int, output: int) -> None:
        """
        Set up an input.

        Args:
            descriptor: Where the bytes come from.
            output: The descriptor to which the answers go.
        """
        super().__init__()
        self._descriptor = descriptor
        self._output = output
        self._ended, self._end = os.pipe()  # the first stays open: a thread may wait for it when its reader is closed
        self.signal: int | None = None

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Wait for bytes, and return how many were read; 0 at the end."""
        ready = select.poll()
        for watched, wanted in ((self._descriptor, select.POLLIN), (self._ended, select.POLLIN), (self._output, 0)):
            ready.register(watched, wanted)  # of the output, only an error is reported: its other end is closed
        if any(found != self._descriptor for found, _ in ready.poll()):
            return 0
        view = memoryview(buffer).cast("B")
        data = os.read(self._descriptor, len(view))
        view[: len(data)] = data
        return len(data)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End the input because of a signal, for every further read and for one that waits."""
        if self.signal is None:
            self.signal = number
            os.close(self._end)

    def discard(self) -> None:
        """Close the descriptors of an input that nobody has read."""
        self.end()
        os.close(self._ended)


@contextmanager
def input_ends_at(*numbers: int) -> Generator[EndingInput | None, None, None]:
    """
    End the standard input, which the block gets, at these signals; a signal that is ignored stays ignored.

    Where there are no signals (on Windows, in other threads) or no descriptor is behind it, nothing is changed.
    """
    with ExitStack() as opened:
        source: EndingInput | None = None
        with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError, OSError):
            source = opened.enter_context(_open(numbers))
        if source is not None:
            opened.callback(setattr, sys, "stdin", sys.stdin)
            sys.stdin = io.TextIOWrapper(io.BufferedReader(source), encoding="utf-8")
        yield source


@contextmanager
def _open(numbers: Sequence[int]) -> Generator[EndingInput, None, None]:
    """Open an input that the signals end. If something is refused, nothing stays open."""
    loop = asyncio.get_running_loop()
    with ExitStack() as opened, ExitStack() as refused:
        output = os.dup(sys.stdout.fileno())  # a server may put another file in its place
        opened.callback(os.close, output)
        source = EndingInput(sys.stdin.fileno(), output)
        refused.callback(source.discard)
        for number in numbers:
            if signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, source.end, number)
                opened.callback(loop.remove_signal_handler, number)
        refused.pop_all()
        yield source
