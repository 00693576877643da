"""
Report what a program that was written for bluma 1.2.0 must change, and rewrite what has a direct replacement.

    python docs/migrate.py src/*.py             print each place: file, line, and what to write instead
    python docs/migrate.py --write src/*.py     also rewrite the calls that have a direct replacement

Only files that import bluma are examined. A name such as `model_dump` may belong to an object of another library: check
each change. A line with the comment `# migrated` is not reported: write it where you have decided that nothing must
change. The exit code is 0 if nothing is left to do, and 1 if there is, or if a file cannot be examined.
"""

from __future__ import annotations

import argparse
import io
import sys
import tokenize
from pathlib import Path
from typing import List, Tuple

from migrate_program import Program
from migrate_rules import Change, list_changes

PLACE = "{path}:{line}: {advice}"
UNREADABLE = "{path}: it stays as it is: {reason}"
DONE = " (rewritten)"


def rewrite(program: Program, changes: List[Change]) -> str:
    """
    Return the source with the changes that need no hand.

    Raises:
        ValueError: The result would not be a program, or would need the same changes again.
    """
    data = program.data
    for start, end, new in sorted({span for change in changes for span in change.spans}, reverse=True):
        data = data[:start] + new + data[end:]
    source = data.decode("utf-8")
    if any(change.spans for change in list_changes(Program(source))):
        raise ValueError("its changes could not be written")
    return source


def read(path: Path) -> Tuple[Program, str]:
    """
    Return a program and its encoding.

    Raises:
        OSError: The file cannot be read.
        SyntaxError: It is not Python.
        ValueError: It is not text in its encoding.
    """
    raw = path.read_bytes()
    encoding = tokenize.detect_encoding(io.BytesIO(raw).readline)[0]
    return Program(raw.decode(encoding)), encoding


def migrate(path: Path, *, writes: bool) -> int:
    """Print the changes of a file, and rewrite it if that is wanted; return how many are left to do."""
    try:
        program, encoding = read(path)
        changes = list_changes(program)
        done = {change for change in changes if change.spans} if writes else set()
        if done:
            path.write_bytes(rewrite(program, changes).encode(encoding))
    except (OSError, SyntaxError, ValueError, RecursionError) as problem:
        print(UNREADABLE.format(path=path, reason=problem), file=sys.stderr)
        return 1
    for change in changes:
        print(PLACE.format(path=path, line=change.line, advice=change.advice + (DONE if change in done else "")))
    return len(changes) - len(done)


def main() -> int:
    """Examine the files of the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true", help="rewrite what has a direct replacement")
    arguments = parser.parse_args()
    left = sum(migrate(path, writes=arguments.write) for path in arguments.files)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
