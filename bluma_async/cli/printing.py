"""
Print results in one way for all commands: JSON with `--json`, a table on a terminal, tab-separated lines elsewhere.

Rule 1: a command that prints data names the class of its records. The fields of that class are the fields of its JSON,
and the documents list them. `bluma batch status --watch` adds those of the view, as a dict.
Rule 2: a list is one JSON object a line; a single result is one object.
Rule 3: a price that is not known is null, and not 0: programs sum these fields.
"""

from __future__ import annotations

import functools
import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, List, Mapping, Sequence, Tuple, TypeVar

import attrs
import click

from bluma_async.cli.output import clean, find_width, is_terminal, say
from bluma_async.types._model import Model, to_json

if TYPE_CHECKING:
    from bluma_async.types import Video

__all__ = ["Printer", "Record", "find_price", "fit_columns", "prints"]

F = TypeVar("F", bound=Callable[..., Any])
WIDEST = 1000
NARROWEST = 8  # columns that a cut text needs to say something
GAP = 2  # columns between two
TAB = "\t"


@attrs.frozen(kw_only=True)
class Record:
    """The base of records that only commands print. Their fields are those of the JSON."""


class Printer:
    """Prints the results of one command."""

    def __init__(self, columns: Sequence[str], *, is_json: bool) -> None:
        self.is_json = is_json
        self._columns = columns

    def show(self, record: Any) -> None:
        """Print one record: each field that has a value, in a line of its own."""
        if self.is_json:
            self._print(_encode(record))
            return
        fields = {name: value for name, value in _to_dict(record).items() if value not in (None, "", [], {})}
        values = dict(_flatten(fields))
        width = max(map(len, values), default=0) + GAP if is_terminal(sys.stdout) else 0
        for name, value in values.items():
            self._print(f"{name.ljust(width) if width else name + TAB}{_format(value)}")

    def show_all(self, records: Iterable[Any]) -> None:
        """Print records, one a line."""
        if self.is_json:
            for record in records:
                self._print(_encode(record))
            return
        rows = [[_format(_to_dict(record).get(name)) for name in self._columns] for record in records]
        if is_terminal(sys.stdout):
            self._print_table(rows)
            return
        for row in rows:
            self._print(TAB.join(row))

    def say(self, text: str) -> None:
        """Print a line for people, which JSON has no place for."""
        if not self.is_json:
            self._print(text)

    def _print_table(self, rows: List[List[str]]) -> None:
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
        from rich.table import Table  # noqa: PLC0415 - only a terminal needs it
        from rich.text import Text  # noqa: PLC0415 - only a terminal needs it

        heads = [name.replace("_", " ").upper() for name in self._columns]
        width = find_width(WIDEST)
        widths = fit_columns([heads, *rows], width)
        console = Console(width=max(width, widths[0]))
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
        for head, width in zip(heads, widths):
            table.add_column(head, width=width, overflow="ellipsis", no_wrap=True)
        for row in rows:
            table.add_row(*map(Text, row[: len(widths)]))
        with console.capture() as captured:
            console.print(table)
        self._print("\n".join(line.rstrip() for line in captured.get().splitlines()))

    def _print(self, line: str) -> None:
        """Print a line; end the command if nobody reads it."""
        if not say(line):
            raise click.exceptions.Exit(0)


def prints(record: type[Any], *columns: str) -> Callable[[F], F]:
    """
    Return a decorator that adds `--json`, and passes a Printer to a command as `printer`.

    Args:
        record: The class of the records.
        *columns: The fields that a table has, the most useful first: a narrow terminal leaves the last ones out.
    """

    def add(command: F) -> F:
        @click.option("--json", "is_json", is_flag=True, help="Print JSON: one object, or one a line.")
        @functools.wraps(command)
        def run(*args: Any, is_json: bool, **options: Any) -> Any:
            return command(*args, printer=Printer(columns, is_json=is_json), **options)

        run.record = record  # type: ignore[attr-defined]  # the documents of the commands are made from it
        return run  # type: ignore[return-value]  # click passes the options by name

    return add


def fit_columns(rows: Sequence[Sequence[str]], total: int) -> List[int]:
    """
    Return the widths of the columns that fit into a terminal.

    The first column has the id, and is never cut. The last one that fits may be; those behind it are left out.

    Args:
        rows: The head and the rows.
        total: The columns of the terminal.
    """
    from rich.cells import cell_len  # noqa: PLC0415 - only a terminal needs it

    widths: List[int] = []
    left = total
    for column in zip(*rows):
        natural = max(map(cell_len, column))
        if widths and left < min(natural, NARROWEST):
            break
        widths.append(natural if not widths else min(natural, left))
        left -= widths[-1] + GAP
    return widths


def _to_dict(record: Any) -> Any:
    if isinstance(record, dict):
        return record  # pyright: ignore[reportUnknownVariableType]  # the fields of a record and more
    if not isinstance(record, Model):
        return to_json(attrs.asdict(record, recurse=False))
    from bluma_async.types import Video  # noqa: PLC0415 - `bluma --help` need not load it

    fields = record.to_dict()
    return {**fields, "credits_charged": find_price(record)} if isinstance(record, Video) else fields


def _flatten(fields: Mapping[str, Any]) -> Iterator[Tuple[str, Any]]:
    """Yield fields by their names; those of an object with plain values by `object.name`, as people read them."""
    for name, value in fields.items():
        if isinstance(value, dict) and not any(isinstance(inner, (dict, list)) for inner in value.values()):  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]  # JSON
            yield from ((clean(f"{name}.{inner}"), value[inner]) for inner in value)  # pyright: ignore[reportUnknownVariableType]  # JSON
        else:
            yield name, value


def find_price(video: Video) -> int | None:
    """Return the credits that a video was charged; None if no answer that this process has read says so."""
    return video.credits_charged if video.reused else video.credits_charged or None


def _encode(record: Any) -> str:
    """Return a record as JSON; in ASCII where the output cannot show all characters."""
    is_ascii = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "") != "utf8"
    return json.dumps(_to_dict(record), ensure_ascii=is_ascii)


def _format(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list) and all(isinstance(each, str) for each in value):  # pyright: ignore[reportUnknownVariableType]  # JSON
        return clean(", ".join(value))  # pyright: ignore[reportUnknownArgumentType]  # JSON
    if isinstance(value, (dict, list)):
        return clean(json.dumps(value, ensure_ascii=False))
    return clean(str(value))
