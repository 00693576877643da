"""
Sort the rows of a plan: check each, and count it by its kind.

Rule 1: what is decided by the shape of a CSV row is decided once. Its shape is the template, variant, resolution and
watermark, and which of its cells are blank; two rows of one shape differ in texts and keys only. If no text can break a
rule of the template's schema, only the key and a blank prompt are left to look at.
Rule 2: a row that needs more than that is parsed like a row of a run, by the same functions.
Rule 3: a template is read before its first row is checked. The sorter cannot wait for that, so it stops at such a row.
"""

from __future__ import annotations

import re
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Callable, Dict, Hashable, Iterator, List, Set, Tuple, TypeVar

from bluma_async._wire.contexts.plain import fits_text
from bluma_async.batch.keys import find_key_problem
from bluma_async.batch.parsing import CANONICAL, CONTEXT, parse_row, row_error
from bluma_async.batch.tally import Fate, Kind
from bluma_async.errors import InvalidArgumentError
from bluma_async.stores.keys import fold_key

if TYPE_CHECKING:
    from bluma_async._wire.contexts.plain import Rule
    from bluma_async.batch.parsing import ParsedRow
    from bluma_async.batch.row_checks import RowChecks
    from bluma_async.batch.rows import Row
    from bluma_async.batch.tally import Tally

__all__ = ["CsvSorter", "RowSorter", "find_kind"]

R = TypeVar("R", bound="Tuple[int, Any]")
# Keys that can be file names on every system, which is decided without a closer look. The others are device names.
PLAIN_KEY = re.compile(r"(?!(?i:con|prn|aux|nul|com[1-9]|lpt[1-9])$)[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
DECIDING = ("template_id", "variant_id", "resolution", "watermark")
NEEDED = ("prompt", "context.prompt", "webhook_url")  # texts that must not be blank if they are given
MOST_SHAPES = 10_000


# The slot of the rows of one shape, a hash of their kind, and the rules of the texts in some of their cells.
Shape = Tuple[int, int, Tuple[Tuple[int, "Rule"], ...]]


class UnreadTemplate(Exception):  # noqa: N818 - it is no error
    """A row names a template that was not read yet."""


class RowSorter:
    """Sorts rows that are mappings. It blocks: use it in a thread."""

    def __init__(self, tally: Tally, checks: RowChecks) -> None:
        self._tally = tally
        self._checks = checks
        self.read: Set[str] = set()  # the templates that were read, or do not exist

    def sort(self, rows: Iterator[Row]) -> Tuple[str, Iterator[Row]] | None:
        """
        Count rows that no journal knows.

        Returns:
            The template that must be read first, and the rows that are left; None if there are none.
        """
        for number, row in rows:
            try:
                parsed = self.check(number, row)
            except UnreadTemplate as stop:
                return str(stop), chain([(number, row)], rows)
            if parsed is not None and self.accepts_key(number, parsed):
                self.count(number, parsed, Fate.NEW)
        return None

    def check(self, number: int, row: object) -> ParsedRow | None:
        """
        Return a row that a run accepts so far; None if it does not, which is counted.

        Raises:
            UnreadTemplate: Its template was not read yet.
        """
        try:
            parsed = parse_row(row, f"{self._tally.label} {number}")
            template_id = parsed.arguments["template_id"]
            if template_id is not None and template_id not in self.read:
                raise UnreadTemplate(template_id)
            self._checks.require_template(parsed)
            self._checks.require_valid(parsed)
            parsed.body  # noqa: B018 - refuses values that are no JSON
        except InvalidArgumentError as problem:
            self._tally.refuse(number, str(problem))
            return None
        return parsed

    def accepts_key(self, number: int, parsed: ParsedRow) -> bool:
        """Return whether a new job can have its key; one that cannot is counted."""
        problem = find_key_problem(parsed.key or "")
        if problem:
            self._tally.refuse(number, str(row_error(parsed.origin, "key", problem)))
        return not problem

    def count(self, number: int, parsed: ParsedRow, fate: Fate) -> None:
        """Count a row."""
        kind = find_kind(parsed)
        slot = self._tally.find_slot(kind, fate, has_key=parsed.key is not None)
        self._tally.counts[slot] += 1
        content = hash((kind, CANONICAL.encode(parsed.arguments["context"])))
        self._tally.contents.add(content, number, slot)
        if parsed.key is not None:
            self._tally.keys.add(hash(fold_key(parsed.key)), number, slot)


class CsvSorter(RowSorter):
    """Sorts the rows of a CSV file, which are lists of cells."""

    def __init__(self, tally: Tally, checks: RowChecks, header: List[str]) -> None:
        super().__init__(tally, checks)
        self._header = header
        self._key = header.index("key") if "key" in header else None
        self._needed = [header.index(name) for name in NEEDED if name in header]
        self._get_deciding = _getter([header.index(name) for name in DECIDING if name in header])
        others = [index for index, name in enumerate(header) if name not in (*DECIDING, "key", "webhook_url")]
        self._get_texts = _getter(others)
        self._columns: Dict[str, List[int]] = {}  # by name in the context
        for index, name in enumerate(header):
            if name == "prompt" or name.startswith(CONTEXT):
                self._columns.setdefault(name[len(CONTEXT) :] if name != "prompt" else name, []).append(index)
        self._shapes: Dict[Hashable, Shape] = {}

    def sort(self, rows: Iterator[Row]) -> Tuple[str, Iterator[Row]] | None:
        """Count rows that no journal knows; names in local variables, because each lookup counts here."""
        width, key_index, (first, *others) = len(self._header), self._key, self._needed
        find_shape, get_deciding, get_texts = self._shapes.get, self._get_deciding, self._get_texts
        counts, add_content, add_key = self._tally.counts, self._tally.contents.add, self._tally.keys.add
        for number, cells in rows:
            if len(cells) != width:
                cells.extend([""] * (width - len(cells)))
            shape = (get_deciding(cells), tuple(map(bool, cells)))
            known = find_shape(shape)
            key = "" if key_index is None else cells[key_index]
            is_blank = cells[first].isspace() or (others and any(cells[index].isspace() for index in others))
            is_odd = key and not PLAIN_KEY.fullmatch(key)
            if known is None or is_blank or is_odd or (known[2] and _breaks_rule(cells, known)):
                try:
                    known = self._look_closely(number, cells, shape)
                except UnreadTemplate as stop:
                    return str(stop), chain([(number, cells)], rows)
            if known is not None:
                slot, kind, _ = known
                counts[slot] += 1
                add_content(hash((kind, get_texts(cells))), number, slot)
                if key:
                    add_key(hash(fold_key(key)), number, slot)
        return None

    def _look_closely(self, number: int, cells: List[str], shape: Hashable) -> Shape | None:
        """Return the shape of a row; None if a run refuses it."""
        parsed = self.check(number, dict(zip(self._header, cells)))
        if parsed is None or not self.accepts_key(number, parsed):
            return None
        kind = find_kind(parsed)
        slot = self._tally.find_slot(kind, Fate.NEW, has_key=parsed.key is not None)
        texts = self._checks.list_text_rules(kind.template_id)
        if texts is None:
            return slot, hash(kind), ()
        if len(self._shapes) >= MOST_SHAPES:
            self._shapes.clear()
        rules = ((index, rule) for name, rule in texts.items() for index in self._columns.get(name, ()))
        known = self._shapes[shape] = (slot, hash(kind), tuple(entry for entry in rules if cells[entry[0]]))
        return known


def find_kind(parsed: ParsedRow) -> Kind:
    """Return the kind of a row."""
    arguments = parsed.arguments
    options: Dict[str, Any] = arguments["options"] or {}
    others = {name: value for name, value in options.items() if name != "resolution"}
    text = CANONICAL.encode(others) if others else ""
    return Kind(arguments["template_id"], arguments["variant_id"], parsed.resolution, text)


def _breaks_rule(cells: List[str], shape: Shape) -> bool:
    return not all(fits_text(cells[index], rule) for index, rule in shape[2])


def _getter(indexes: List[int]) -> Callable[[List[str]], Hashable]:
    return itemgetter(*indexes) if indexes else lambda _: None
