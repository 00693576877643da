"""Run the command line with `python -m bluma`."""

from __future__ import annotations

import signal
import sys
from typing import Any


def main() -> None:
    """Run the command line, or print which extra to install."""
    _end_at_interrupt()  # while it loads, Ctrl-C would print where in an import that was
    try:
        from bluma_async.cli import run  # noqa: PLC0415 - needs the extra `cli`
    except ModuleNotFoundError as missing:
        sys.exit(f'The command line needs {missing.name}: pip install "bluma[cli]"')
    _replace_handler(signal.SIG_DFL, signal.default_int_handler)
    code = run()
    _end_at_interrupt()  # the interpreter's own end is no part of the command
    sys.exit(code)


def _end_at_interrupt() -> None:
    """Let Ctrl-C end the process as the system does it: without a traceback, and with exit code 130 in a shell."""
    _replace_handler(signal.default_int_handler, signal.SIG_DFL)


def _replace_handler(present: Any, new: Any) -> None:
    """Replace the handler of Ctrl-C, if it is the present one: a shell lets background processes ignore it."""
    if signal.getsignal(signal.SIGINT) == present:
        signal.signal(signal.SIGINT, new)


if __name__ == "__main__":
    main()
