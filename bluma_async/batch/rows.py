"""Rows of a CSV or JSONL file, one at a time, each with the place it comes from."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, TextIO, Tuple

from bluma_async._wire.checks import invalid
from bluma_async.batch.jobs import COLUMNS, wrong

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Row", "rows_of"]

Row = Tuple[str, Any]  # where it comes from, and what it says


def rows_of(path: Path) -> Iterator[Row]:
    """
    Give the rows of a file; the header of a CSV is its row 1. Blocks: run it off the loop.

    Raises:
        InvalidArgumentError: There is no such file, it is of another kind, or a row cannot be read.
    """
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise invalid("jobs", f"{path} must end in .csv or .jsonl, so that it is known how to read it.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from reader(path.name, file)
    except OSError as problem:
        raise invalid("jobs", f"{path} cannot be read: {problem.strerror}.") from problem
    except UnicodeDecodeError as problem:
        raise invalid("jobs", f"{path} is not UTF-8: {problem}.") from problem


def _csv_rows(name: str, file: TextIO) -> Iterator[Row]:
    reader = csv.reader(file, strict=True)
    header: List[str] = []
    try:
        for number, cells in enumerate(reader, 1):
            origin = f"{name}, row {number}"
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(name, cells)
            elif len(cells) > len(header):
                raise wrong(origin, "row", f"it has {len(cells)} cells, and the header has {len(header)}")
            else:
                yield origin, dict(zip(header, cells))
    except csv.Error as problem:
        raise wrong(f"{name}, line {reader.line_num}", "row", f"it is no CSV: {problem}") from problem


def _header(name: str, cells: List[str]) -> List[str]:
    header, origin = [cell.strip() for cell in cells], f"{name}, row 1"
    for column in header:
        if column not in COLUMNS[:7] and not column.startswith("context."):
            raise wrong(
                origin,
                column or "(no name)",
                f"there is no such column; there are {', '.join(COLUMNS[:7])} and context.NAME",
            )
        if header.count(column) > 1:
            raise wrong(origin, column, "there are two columns of this name")
    if "template_id" not in header and "variant_id" not in header:
        raise wrong(origin, "template_id", "this column is missing, or else variant_id")
    if "prompt" not in header and "context.prompt" not in header:
        raise wrong(origin, "prompt", "this column is missing")
    return header


def _json_rows(name: str, file: TextIO) -> Iterator[Row]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row: Dict[str, Any] = json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise wrong(f"{name}, row {number}", "row", f"it is no JSON: {problem}") from problem
        yield f"{name}, row {number}", row
