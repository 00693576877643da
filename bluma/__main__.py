"""Run the command line with `python -m bluma`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line, or print which extra to install."""
    try:
        from bluma_async.cli import run  # noqa: PLC0415 - needs the extra `cli`
    except ModuleNotFoundError as missing:
        sys.exit(f'The command line needs {missing.name}: pip install "bluma[cli]"')
    sys.exit(run())


if __name__ == "__main__":
    main()
