"""
Compute the keys of the jobs of CSV rows that have none of their own, without parsing each row.

Reason: a run compares the keys of jobs, so a plan must compare the same ones, and a key is a hash of the job's whole
content. Rows of one shape differ in texts only, so one row is parsed, and the texts of the others are put in its place.
"""

from __future__ import annotations

import re
import uuid
from json.encoder import encode_basestring as encode
from typing import Callable, Collection, Hashable, List

from bluma_async.batch.parsing import hash_body, parse_row

__all__ = ["FindKey", "compile_key"]

FindKey = Callable[[List[str]], Hashable]  # from the cells of a row


def compile_key(header: List[str], cells: List[str], deciding: Collection[str]) -> FindKey:
    """
    Return a function that returns the keys of all rows that differ from this one in texts only.

    Args:
        header: The names of the columns.
        cells: The cells of the row, which is valid and has no key of its own.
        deciding: The columns whose cells are the same in all of these rows.
    """
    mark = f"https://{uuid.uuid4().hex}/"  # no other text of the row contains it; a column of URLs accepts it too
    row = {
        name: cell if name in deciding or not cell else f"{mark}{number}"
        for number, (name, cell) in enumerate(zip(header, cells))
    }
    parts = re.split(f'"{re.escape(mark)}(\\d+)"', parse_row(row, "").body)
    form = "%s".join(part.replace("%", "%%") for part in parts[::2])
    indexes = [int(index) for index in parts[1::2]]
    return lambda cells: hash_body(form % tuple([encode(cells[index]) for index in indexes]))  # faster than a generator
