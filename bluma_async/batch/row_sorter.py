"""
Sort the rows of a plan: check each, and count it by its kind.

Rule 1: what is decided by the shape of a CSV row is decided once. Its shape is the template, variant, resolution and
watermark, and which of its cells are blank; two rows of one shape differ in texts and keys only. If no text can break a
rule of the template's schema, only the key, a blank prompt and the callback URL are left to look at.
Rule 2: a row that needs more than that is parsed like a row of a run, by the same functions.
Rule 3: a template is read before its first row is checked. The sorter cannot wait for that, so it stops at such a row.
"""

from __future__ import annotations

import re
from itertools import chain
from operator import itemgetter
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Hashable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Set,
    Tuple,
)

from bluma_async._wire.content import CANONICAL, build_content
from bluma_async._wire.contexts.plain import Rule, fits_text
from bluma_async._wire.prices import drop_default_resolution
from bluma_async.batch.keys import find_key_problem
from bluma_async.batch.parsing import CONTEXT, MalformedRow, parse_row, row_error
from bluma_async.batch.row_keys import FindKey, compile_key
from bluma_async.batch.tally import Fate, Kind
from bluma_async.errors import InvalidArgumentError
from bluma_async.stores.keys import fold_key

if TYPE_CHECKING:
    from bluma_async.batch.parsing import ParsedRow
    from bluma_async.batch.row_checks import RowChecks
    from bluma_async.batch.rows import Row
    from bluma_async.batch.tally import Tally

__all__ = ["CsvSorter", "RowSorter", "find_kind"]

# Keys that can be file names on every system, which is decided without a closer look. The others are device names.
PLAIN_KEY = re.compile(r"(?!(?i:con|prn|aux|nul|com[1-9]|lpt[1-9])$)[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
# URLs that `require_link` accepts, or none. The others, such as those with a port, get a closer look.
PLAIN_LINK = re.compile(r"(?:https?://[A-Za-z0-9][A-Za-z0-9.-]*(?:/.*)?)?", re.DOTALL)
DECIDING = ("template_id", "variant_id", "resolution", "watermark")
NEEDED = ("prompt", "context.prompt")  # texts that must not be blank if they are given
MOST_SHAPES = 10_000


class Shape(NamedTuple):
    """
    The common properties of the rows of one shape.

    Attributes:
        slot: Their slot in the tally.
        content: A hash of their kind and of the names in their contexts; the default resolution is the same as none.
        get_texts: Returns the texts in a row's context, in the order of their names.
        rules: The rules of the texts in some of their cells.
        find_key: Returns what decides the key of a row without a key of its own; None if rows have their own.
    """

    slot: int
    content: int
    get_texts: Callable[[List[str]], Hashable]
    rules: Tuple[Tuple[int, Rule], ...]
    find_key: Optional[FindKey] = None


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
        if fate is not Fate.LEFT:  # the video of a job that has failed is no other job's
            self._tally.contents.add(hash(build_content(parsed.arguments)), number, slot)
        self._tally.keys.add(hash(fold_key(parsed.job_key)), number, slot)


class CsvSorter(RowSorter):
    """Sorts the rows of a CSV file, which are lists of cells."""

    def __init__(self, tally: Tally, checks: RowChecks, header: List[str]) -> None:
        super().__init__(tally, checks)
        self._header = header
        self._key = header.index("key") if "key" in header else None
        self._webhook = header.index("webhook_url") if "webhook_url" in header else None
        self._needed = [header.index(name) for name in NEEDED if name in header]
        self._get_deciding = _getter([header.index(name) for name in DECIDING if name in header])
        self._columns: Dict[str, List[int]] = {}  # by name in the context
        for index, name in enumerate(header):
            if name == "prompt" or name.startswith(CONTEXT):
                self._columns.setdefault(name[len(CONTEXT) :] if name != "prompt" else name, []).append(index)
        self._shapes: Dict[Hashable, Shape] = {}  # of rows that need no closer look
        self._checked: Dict[Hashable, Shape] = {}  # of all rows

    def sort(self, rows: Iterator[Row]) -> Tuple[str, Iterator[Row]] | None:
        """Count rows that no journal knows; names in local variables, because each lookup counts here."""
        width, key_index, webhook, (first, *others) = len(self._header), self._key, self._webhook, self._needed
        find_shape, get_deciding = self._shapes.get, self._get_deciding
        counts, add_content, add_key = self._tally.counts, self._tally.contents.add, self._tally.keys.add
        for number, cells in rows:
            if len(cells) != width and not self._complete(number, cells):
                continue
            shape = (get_deciding(cells), tuple(map(bool, cells)))
            known = find_shape(shape)
            key = "" if key_index is None else cells[key_index]
            is_blank = cells[first].isspace() or (others and any(cells[index].isspace() for index in others))
            is_odd = key and not PLAIN_KEY.fullmatch(key)
            is_odd = is_odd or (webhook is not None and not PLAIN_LINK.fullmatch(cells[webhook]))
            if known is None or is_blank or is_odd or (known.rules and _breaks_rule(cells, known)):
                try:
                    known = self._look_closely(number, cells, shape)
                except UnreadTemplate as stop:
                    return str(stop), chain([(number, cells)], rows)
            if known is not None:
                slot, content, get_texts, _, find_key = known
                counts[slot] += 1
                add_content(hash((content, get_texts(cells))), number, slot)
                add_key(hash(fold_key(key) if find_key is None else find_key(cells)), number, slot)
        return None

    def _complete(self, number: int, cells: List[str]) -> bool:
        """Fill up a row that is too short, and return True; a malformed one is counted."""
        if isinstance(cells, MalformedRow):
            self.check(number, cells)
            return False
        cells.extend([""] * (len(self._header) - len(cells)))
        return True

    def _look_closely(self, number: int, cells: List[str], shape: Hashable) -> Shape | None:
        """Return the shape of a row; None if a run refuses it."""
        parsed = self.check(number, dict(zip(self._header, cells)))
        if parsed is None or not self.accepts_key(number, parsed):
            return None
        if shape not in self._checked:
            if len(self._checked) >= MOST_SHAPES:
                self._checked.clear()
                self._shapes.clear()
            self._checked[shape] = self._describe(parsed, cells)
        known = self._checked[shape]
        if self._checks.list_text_rules(parsed.arguments["template_id"]) is not None:
            self._shapes[shape] = known
        return known

    def _describe(self, parsed: ParsedRow, cells: List[str]) -> Shape:
        """Return the shape of a row that a run accepts."""
        kind, has_key = find_kind(parsed), parsed.key is not None
        slot = self._tally.find_slot(kind, Fate.NEW, has_key=has_key)
        places = {name: index for name, indexes in self._columns.items() for index in indexes if cells[index]}
        rules = self._checks.list_text_rules(kind.template_id) or {}
        found = tuple((places[name], rule) for name, rule in rules.items() if name in places)
        content = hash((kind._replace(resolution=drop_default_resolution(kind.resolution)), *places))
        shape = Shape(slot, content, _getter(list(places.values())), found)
        return shape if has_key else shape._replace(find_key=self._compile_key(hash((kind, *places)), shape, cells))

    def _compile_key(self, kind: int, shape: Shape, cells: List[str]) -> FindKey:
        """
        Return what finds the keys of rows that have none of their own.

        If the file has no keys, the contents are compared themselves: to hash each like a run would cost more.
        """
        if self._key is not None:
            return compile_key(self._header, cells, DECIDING)
        get_texts, webhook = shape.get_texts, self._webhook
        if webhook is None:
            return lambda cells: (kind, get_texts(cells))
        return lambda cells: (kind, get_texts(cells), cells[webhook])


def find_kind(parsed: ParsedRow) -> Kind:
    """Return the kind of a row."""
    arguments = parsed.arguments
    options: Dict[str, Any] = arguments["options"] or {}
    others = {name: value for name, value in options.items() if name != "resolution"}
    text = CANONICAL.encode(others) if others else ""
    return Kind(arguments["template_id"], arguments["variant_id"], parsed.resolution, text)


def _breaks_rule(cells: List[str], shape: Shape) -> bool:
    return not all(fits_text(cells[index], rule) for index, rule in shape.rules)


def _getter(indexes: List[int]) -> Callable[[List[str]], Hashable]:
    return itemgetter(*indexes) if indexes else lambda _: None
