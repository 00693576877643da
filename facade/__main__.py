"""`python -m facade` writes the blocking twin; `--check` writes nothing, and fails if the twin is not up to date."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from facade.files import find_differences, generate, write
from facade.source import RefusedError


def main() -> int:
    """Run the command line, and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m facade", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file would change")
    parser.add_argument("--root", type=Path, default=Path(), help="the folder with bluma_async and bluma_sync")
    arguments = parser.parse_args()
    try:
        wanted = generate(arguments.root)
    except RefusedError as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    if not arguments.check:
        write(arguments.root, wanted)
        return 0
    found = find_differences(arguments.root, wanted)
    sys.stderr.write("".join(f"{line}\n" for line in found))
    sys.stdout.write(f"{len(wanted)} modules compared\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
