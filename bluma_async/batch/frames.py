"""
Data frames as rows of a batch, and back: of pandas, polars and others that narwhals reads.

Rule 1: a cell that is None, NaN or NaT is blank, as an empty cell of a CSV file is. In objects within a cell, blank
names are left out: a frame gives all its objects the same names.
Rule 2: a float without a fraction is sent as an integer. pandas makes floats of integers if a cell of their column is
blank; a job's content, and so its identity, must not depend on the other rows.
Rule 3: everything else is a value of the user's: what JSON does not have, such as bytes and dates, is refused by the
same check as in other rows, which names the row and the column. Of numpy, only booleans, numbers and texts are
converted: its dates would become numbers of nanoseconds, and be sent and billed.
Rule 4: rows are numbered from 0, as by `iloc` and `frame[n]`.
"""

from __future__ import annotations

import contextlib
import importlib
import math
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Mapping, Sequence, cast

from bluma_async._wire.checks import invalid
from bluma_async._wire.json_values import is_list, is_object
from bluma_async.batch.parsing import row_error, say_no_column

if TYPE_CHECKING:
    from typing_extensions import Protocol

    from bluma_async.batch.rows import Row

    class Frame(Protocol):
        """A data frame of pandas, polars, or another library that narwhals reads."""

        @property
        def columns(self) -> Any:
            """The names of its columns."""
            ...

        def join(self, *args: Any, **kwargs: Any) -> Any:
            """Join it with another one."""
            ...


__all__ = ["LABEL", "add_columns", "build_frame", "is_frame", "read_frame", "require_frame"]

LABEL = "frame, row"  # stands before the number of a row in messages
NAMES = ("template_id", "variant_id", "prompt", "key", "resolution", "watermark", "webhook_url", "context", "options")
BLANK_TYPES = {"NAType", "NaTType"}  # of pandas; their values are not equal to themselves, and one has no truth value
PLAIN_KINDS = "biufUTO"  # of numpy: booleans, numbers, texts, and objects, which are looked at one by one
DATE_KINDS = "mM"
EXACT = 2**53  # floats above this have no fraction, and are not exact
LIBRARIES = ("polars", "pandas")


def is_frame(jobs: object) -> bool:
    """Return whether jobs are a data frame, or a lazy one: its columns are not read here, since that runs its query."""
    kind = type(jobs)
    return hasattr(kind, "columns") and hasattr(kind, "join")


def require_frame(frame: object) -> None:
    """
    Require a data frame that can be read, and the library that reads it. Blocks: it may import the library.

    Raises:
        InvalidArgumentError: narwhals is not installed, or it cannot read the frame.
    """
    _read_native(frame)


def read_frame(frame: object) -> Iterator[Row]:
    """
    Yield the rows of a data frame, each with its number from 0. Blank cells are None.

    Raises:
        InvalidArgumentError: It is not a data frame, or a column is missing, unknown or there twice.
    """
    table = _read_native(frame)
    _require_columns(list(table.columns))
    binary = {name for name, kind in table.schema.items() if str(kind) == "Binary"}
    for number, row in enumerate(table.iter_rows(named=True)):
        for name in binary.intersection(name for name, value in row.items() if is_list(value)):
            row[name] = bytes(row[name])  # polars 1.8 gives a list of numbers, which JSON would have
        yield number, {name: _to_plain(value) for name, value in row.items()}


def add_columns(frame: object, columns: Mapping[str, Sequence[Any]]) -> Any:
    """Return a data frame with more columns of results, as an object of its own library. Blocks."""
    narwhals, table = _load(), _read_native(frame)
    kinds, backend = _find_kinds(narwhals, columns), narwhals.get_native_namespace(table)
    series = [narwhals.new_series(name, list(values), kinds[name], backend=backend) for name, values in columns.items()]
    return table.with_columns(*series).to_native()


def build_frame(columns: Mapping[str, Sequence[Any]], library: str | None) -> Any:
    """
    Return a data frame of a library, `pandas` or `polars`; None takes the one that is installed, polars first. Blocks.

    Raises:
        InvalidArgumentError: The library is unknown or not installed.
    """
    narwhals = _load()
    if library is not None and library not in LIBRARIES:
        raise invalid("library", f"library must be 'pandas' or 'polars', not {library!r}.")
    schema = _find_kinds(narwhals, columns)
    for name in LIBRARIES if library is None else (library,):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
            table = narwhals.from_dict({key: list(values) for key, values in columns.items()}, schema, backend=name)
            return table.to_native()
    wanted = library or "pandas or polars"
    raise invalid("library", f"A data frame needs {wanted}, which is not installed: pip install {library or 'polars'}.")


def _find_kinds(narwhals: Any, names: Iterable[str]) -> Dict[str, Any]:
    """Return the types of columns of results."""
    known = {"credits_charged": narwhals.Int64, "reused": narwhals.Boolean}
    return {name: known.get(name, narwhals.String) for name in names}


def _load() -> Any:
    try:
        import narwhals.stable.v1 as narwhals  # noqa: PLC0415 - an extra, which few programs need
    except ImportError:
        raise invalid("jobs", 'A data frame needs narwhals: pip install "bluma[frames]".') from None
    return narwhals


def _read_native(frame: object) -> Any:
    narwhals = _load()
    if hasattr(frame, "collect"):
        raise invalid("jobs", "jobs must be a data frame whose rows are there, not a query: pass frame.collect().")
    try:
        return narwhals.from_native(frame, eager_only=True)
    except (TypeError, ValueError) as problem:
        names = [str(name) for name in cast("Any", frame).columns]
        for name in names:
            if names.count(name) > 1:
                raise row_error("frame", name, "there are two columns of this name") from None
        raise invalid("jobs", f"This data frame cannot be read: {problem}") from problem


def _require_columns(columns: List[object]) -> None:
    for name in columns:
        if name not in NAMES and not (isinstance(name, str) and name.startswith("context.")):
            raise row_error("frame", str(name) or "(no name)", say_no_column(name))
    if "template_id" not in columns and "variant_id" not in columns:
        raise row_error("frame", "template_id", "this column is missing; variant_id can be used instead")
    if not {"prompt", "context.prompt", "context"}.intersection(cast("List[str]", columns)):
        raise row_error("frame", "prompt", "this column is missing")


def _to_plain(value: Any) -> Any:
    """Return the value of a cell with Python's own types; None if it is blank."""
    if type(value).__module__ == "numpy":
        value = _convert_numpy(value)
    if isinstance(value, float):
        return _to_number(value)
    if is_object(value):
        plain = {name: _to_plain(inner) for name, inner in value.items()}
        return {name: inner for name, inner in plain.items() if inner is not None}
    if is_list(value):
        return [_to_entry(entry) for entry in value]
    return None if type(value).__name__ in BLANK_TYPES else value


def _convert_numpy(value: Any) -> Any:
    """Return a value of numpy with Python's own types. What JSON does not have stays, and is refused by its path."""
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    if kind is None or kind in PLAIN_KINDS:
        return value if kind is None else value.tolist()
    if value.ndim:
        return list(value)
    return None if kind in DATE_KINDS and value != value else value  # noqa: PLR0124 - NaT, which is blank


def _to_number(value: float) -> float | int | None:
    if math.isnan(value):
        return None
    return int(value) if value.is_integer() and abs(value) < EXACT else value


def _to_entry(value: Any) -> Any:
    """Return an entry of a list. One that is blank cannot be left out: NaN is refused later, by its path."""
    return value if isinstance(value, float) and math.isnan(value) else _to_plain(value)
