"""`python -m bluma`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    try:
        from bluma_async.cli import run  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError as missing:
        sys.exit(f'The command line needs {missing.name}: pip install "bluma[cli]"')
    sys.exit(run())


if __name__ == "__main__":
    main()
