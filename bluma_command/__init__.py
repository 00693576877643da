"""
The start of the command `bluma`.

It is a package of its own, because Python imports a package before the modules in it: from the first line of this file,
Ctrl-C ends the command without a traceback, also while the SDK and its libraries are loading. SIGTERM ends it too, also
as the first process of a container.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False  # `typing` would load a dozen modules before Ctrl-C is handled
if TYPE_CHECKING:
    from typing import Any

__all__ = ["main"]

signals: Any = __import__("_signal")  # the module `signal` loads others first
PYTHONS_HANDLER = signals.default_int_handler


def _end_at_interrupt() -> None:
    """
    Let Ctrl-C end the process as the system does it: at once, and with exit code 130 in a shell.

    A process that a shell has started in the background ignores Ctrl-C, and goes on doing so.
    """
    if signals.getsignal(signals.SIGINT) == PYTHONS_HANDLER:
        signals.signal(signals.SIGINT, signals.SIG_DFL)


def _end_at_sigterm() -> None:
    """
    Let SIGTERM end the first process of a container, until the chosen command handles it.

    For that process, the system ignores signals whose action is the default: a worker that was stopped while it was
    loading would create videos until it is killed.
    """
    if os.getpid() == 1 and signals.getsignal(signals.SIGTERM) == signals.SIG_DFL:
        signals.signal(signals.SIGTERM, _terminate)


def _terminate(_: int, __: object) -> None:
    os._exit(143)  # the code that a shell shows for SIGTERM


def main() -> None:
    """Run the command line, or print which extra to install. The chosen command sets Python's own handler again."""
    _end_at_interrupt()
    _end_at_sigterm()
    gc.disable()  # imports make no garbage, and the collector would look at all that they make, again and again
    try:
        from bluma_async.cli import run  # noqa: PLC0415 - needs the extra `cli`
    except ModuleNotFoundError as missing:
        sys.exit(f'The command line needs {missing.name}: pip install "bluma[cli]"')
    finally:
        gc.enable()
    code = run()
    if signals.getsignal(signals.SIGINT) != signals.SIG_IGN:
        signals.signal(signals.SIGINT, signals.SIG_DFL)  # the end of the interpreter is not part of the command
    sys.exit(code)
