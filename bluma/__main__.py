"""Run the command line with `python -m bluma`."""

from __future__ import annotations

from bluma_command import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
