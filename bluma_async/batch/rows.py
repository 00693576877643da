"""
Read the rows of a CSV or JSONL file one at a time, each with its number.

Rule: a row that cannot be parsed is read as a `MalformedRow`, so that all mistakes in a file are reported together.
Only a mistake that concerns all rows is raised: a header without a column that is needed, or bytes that are not UTF-8.
"""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Generator, Iterator, List, TextIO, Tuple

from bluma_async._wire.checks import invalid
from bluma_async._wire.json_values import parse_json
from bluma_async.batch.parsing import COLUMNS, MOST_ERRORS, MalformedRow, join_errors, row_error, say_no_column

if TYPE_CHECKING:
    from pathlib import Path

    from bluma_async.errors import InvalidArgumentError

__all__ = ["CsvRows", "Row", "open_csv", "read_rows"]

Row = Tuple[int, Any]  # its number, and its values
CsvRows = Tuple[List[str], Iterator[Tuple[int, List[str]]]]  # the header, and the number and the cells of each row


def read_rows(path: Path) -> Iterator[Row]:
    """
    Yield the rows of a file; the header of a CSV file is its row 1. Blocks: call it in a thread.

    Raises:
        InvalidArgumentError: The file is missing, of an unknown kind, or not UTF-8, or its header is invalid.
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
        InvalidArgumentError: The file is missing or not UTF-8, or its header is invalid.
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
        yield number, cells if isinstance(cells, MalformedRow) else dict(zip(header, cells))


def _read_cells(name: str, file: TextIO) -> Iterator[Tuple[int, List[str]]]:
    """Yield the header, which must be there, and then the rows. Blank rows are left out, but counted."""
    header: List[str] = []
    for number, cells in _read_records(name, file):
        if isinstance(cells, MalformedRow) and not header:
            raise cells.problem
        if not header:
            header = _parse_header(name, cells)
            yield number, header
        elif len(cells) > len(header):
            problem = f"it has {len(cells)} cells, and the header has {len(header)}"
            yield number, MalformedRow(row_error(f"{name}, row {number}", "row", problem))
        else:
            yield number, cells
    if not header:
        raise row_error(f"{name}, row 1", "row", "the file is empty; it must begin with a header: template_id,prompt")


def _read_records(name: str, file: TextIO) -> Iterator[Tuple[int, List[str]]]:
    """Yield the rows that are not blank. After a mistake in the syntax, nobody knows where the next row begins."""
    number = 0
    try:
        for number, cells in enumerate(csv.reader(file, strict=True), 1):
            if cells and (cells[0].strip() or any(map(str.strip, cells))):
                yield number, cells
    except csv.Error as problem:
        message = f"this is not valid CSV: {problem}; the rows behind it were not read"
        yield number + 1, MalformedRow(row_error(f"{name}, row {number + 1}", "row", message))


def _parse_header(name: str, cells: List[str]) -> List[str]:
    header = [cell.strip() for cell in cells]
    problems = list(islice(_list_header_problems(f"{name}, row 1", header), MOST_ERRORS))
    if problems:
        raise join_errors(problems)
    return header


def _list_header_problems(origin: str, header: List[str]) -> Iterator[InvalidArgumentError]:
    for column in dict.fromkeys(header):
        if column not in COLUMNS[:7] and not column.startswith("context."):
            yield row_error(origin, column or "(no name)", say_no_column(column))
        if column and header.count(column) > 1:
            yield row_error(origin, column, "there are two columns of this name")
    if "template_id" not in header and "variant_id" not in header:
        yield row_error(origin, "template_id", "this column is missing; variant_id can be used instead")
    if "prompt" not in header and "context.prompt" not in header:
        yield row_error(origin, "prompt", "this column is missing")


def _read_json(name: str, file: TextIO) -> Iterator[Row]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row: Any = parse_json(line.rstrip("\r\n"))
        except ValueError as problem:
            row = MalformedRow(
                row_error(f"{name}, row {number}", "row", f"this is not valid JSON: {_describe(problem)}")
            )
        yield number, row


def _describe(problem: ValueError) -> str:
    """Return the reason without the number of the line, which is 1 in each row."""
    return f"{problem.msg} at column {problem.colno}" if isinstance(problem, json.JSONDecodeError) else str(problem)
