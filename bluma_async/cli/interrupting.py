"""
Ctrl-C between the choice of a command and the start of its event loop.

Rule 1: it is remembered, and not only raised: Python drops a KeyboardInterrupt that is raised while it runs a callback
of the garbage collector, as imports do. The command would go on, and create what its user has just stopped.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, List

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["forget_interrupts", "is_interrupted", "raise_at_interrupt"]

_came: List[int] = []


def raise_at_interrupt() -> None:
    """Let Ctrl-C raise KeyboardInterrupt, if it has ended the process at once while the command was loading."""
    forget_interrupts()
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _remember)


def is_interrupted() -> bool:
    """Return whether Ctrl-C has come, although Python may have dropped its exception."""
    return bool(_came)


def forget_interrupts() -> None:
    """Forget those of an earlier command in this process."""
    _came.clear()


def _remember(number: int, frame: FrameType | None) -> None:
    _came.append(number)
    signal.default_int_handler(number, frame)
