"""Read the rows of a CSV or JSONL file one at a time, each with its number."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generator, Iterator, List, TextIO, Tuple

from bluma_async._wire.checks import invalid
from bluma_async._wire.json_values import parse_json
from bluma_async.batch.parsing import COLUMNS, row_error, say_no_column

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CsvRows", "Row", "open_csv", "read_rows"]

Row = Tuple[int, Any]  # its number, and its values
CsvRows = Tuple[List[str], Iterator[Tuple[int, List[str]]]]  # the header, and the number and the cells of each row


def read_rows(path: Path) -> Iterator[Row]:
    """
    Yield the rows of a file; the header of a CSV file is its row 1. Blocks: call it in a thread.

    Raises:
        InvalidArgumentError: The file is missing or of an unknown kind, or a row cannot be parsed.
    """
    readers = {".csv": _read_csv, ".jsonl": _read_json, ".ndjson": _read_json}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise invalid("jobs", f"{path} must end in .csv or .jsonl, which decides how it is parsed.")
    with _opened(path) as file:
        yield from reader(path.name, file)


@contextmanager
def open_csv(path: Path) -> Generator[CsvRows, None, None]:
    """
    Give the header of a CSV file, and its rows as they are, which is faster than `read_rows`. Blocks.

    Raises:
        InvalidArgumentError: The file is missing, or a row cannot be parsed.
    """
    with _opened(path) as file:
        rows = _read_cells(path.name, file)
        yield next(rows)[1], rows


@contextmanager
def _opened(path: Path) -> Generator[TextIO, None, None]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except OSError as problem:
        raise invalid("jobs", f"{path} cannot be read: {problem.strerror}.") from problem
    except UnicodeDecodeError as problem:
        raise invalid("jobs", f"{path} is not UTF-8: {problem}.") from problem


def _read_csv(name: str, file: TextIO) -> Iterator[Row]:
    rows = _read_cells(name, file)
    header = next(rows)[1]
    for number, cells in rows:
        yield number, dict(zip(header, cells))


def _read_cells(name: str, file: TextIO) -> Iterator[Tuple[int, List[str]]]:
    """Yield the header, which must be there, and then the rows. Blank rows are left out, but counted."""
    reader = csv.reader(file, strict=True)
    header: List[str] = []
    try:
        for number, cells in enumerate(reader, 1):
            if not cells or not (cells[0].strip() or any(map(str.strip, cells))):
                continue
            if not header:
                header = _parse_header(name, cells)
                yield number, header
                continue
            if len(cells) > len(header):
                origin = f"{name}, row {number}"
                raise row_error(origin, "row", f"it has {len(cells)} cells, and the header has {len(header)}")
            yield number, cells
    except csv.Error as problem:
        raise row_error(f"{name}, line {reader.line_num}", "row", f"this is not valid CSV: {problem}") from problem
    if not header:
        raise row_error(f"{name}, row 1", "row", "the file is empty; it must begin with a header: template_id,prompt")


def _parse_header(name: str, cells: List[str]) -> List[str]:
    header, origin = [cell.strip() for cell in cells], f"{name}, row 1"
    for column in header:
        if column not in COLUMNS[:7] and not column.startswith("context."):
            raise row_error(origin, column or "(no name)", say_no_column(column))
        if header.count(column) > 1:
            raise row_error(origin, column, "there are two columns of this name")
    if "template_id" not in header and "variant_id" not in header:
        raise row_error(origin, "template_id", "this column is missing; variant_id can be used instead")
    if "prompt" not in header and "context.prompt" not in header:
        raise row_error(origin, "prompt", "this column is missing")
    return header


def _read_json(name: str, file: TextIO) -> Iterator[Row]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row: Any = parse_json(line)
        except ValueError as problem:
            raise row_error(f"{name}, row {number}", "row", f"this is not valid JSON: {problem}") from problem
        yield number, row
