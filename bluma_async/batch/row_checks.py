"""
Check rows by what the documents and their templates say, before the first create.

Rule 1: the client's option `validate` decides, as for a single create. In a file or a list, a template that does not
exist is refused whatever it says, because every create from it would fail.
Rule 2: a template that cannot be read now checks nothing here.
Rule 3: a warning names its row, and is given once, also if rows are read twice. Planned jobs are not checked again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Set

from bluma_async._wire.create_options import check_options
from bluma_async.batch.parsing import column_error, join_errors, row_error
from bluma_async.errors import InvalidArgumentError
from bluma_async.resources._creates.checking import find_problems, split_problems, warn_of

if TYPE_CHECKING:
    from bluma_async._session.session import Session
    from bluma_async._wire.contexts.plain import Rule
    from bluma_async._wire.contexts.schema import ContextSchema
    from bluma_async.batch.catalog import Catalog
    from bluma_async.batch.parsing import ParsedRow

__all__ = ["RowChecks"]

MOST_ROWS = 20  # that are named with the same doubt
MOST_DOUBTS = 1000  # that are remembered; names can come from a user's own users


class RowChecks:
    """Checks rows by their templates, which the catalog has read before. Blocks while a schema is compiled."""

    def __init__(self, session: Session, catalog: Catalog) -> None:
        self._schemas = session.shared.schemas
        self._options = session.options
        self._catalog = catalog
        self._warned: Dict[str, Set[str]] = {}  # the rows that were named with each doubt

    def require_template(self, row: ParsedRow) -> None:
        """
        Require that the template of a row exists, as far as that is known.

        Raises:
            InvalidArgumentError: The API has answered that there is no such template.
        """
        template_id = row.arguments["template_id"]
        if self._catalog.is_missing(template_id):
            raise row_error(row.origin, "template_id", self._catalog.describe_missing(template_id))

    def require_valid(self, row: ParsedRow) -> None:
        """
        Refuse a row that would be billed in vain, and warn about values that may be mistakes.

        Raises:
            InvalidArgumentError: The row is invalid; `validation_errors` name each column and rule.
        """
        template_id, validate = row.arguments["template_id"], self._options.validate
        options = row.arguments["options"]
        doubts = [] if options is None or validate == "never" else self._check_options(row, options)
        schema = None if validate == "never" else self._schemas.find(self._options, template_id)
        if schema is not None and not schema.accepts(row.arguments["context"]):
            doubts += self._check_context(row, schema)
        self._warn(row.origin, doubts)

    def list_text_rules(self, template_id: str | None) -> Mapping[str, Rule] | None:
        """Return the names in contexts of a template whose texts have rules; None if only the schema can tell."""
        schema = None if self._options.validate == "never" else self._schemas.find(self._options, template_id)
        if schema is None:
            return {}
        return None if schema.plain is None else schema.plain.texts

    def _check_context(self, row: ParsedRow, schema: ContextSchema) -> List[str]:
        template_id, validate = row.arguments["template_id"], self._options.validate
        row.body  # noqa: B018 - refuses values that are not JSON, which no schema can judge
        problems = find_problems(schema, row.arguments["context"], template_id)
        errors, doubts = split_problems(problems, template_id, validate)
        if errors:
            raise join_errors(
                [row_error(row.origin, p.path, f"{p.message} (rule {p.rule})", rule=p.rule) for p in errors]
            )
        return doubts

    def _warn(self, origin: str, doubts: Iterable[str]) -> None:
        for doubt in doubts:
            if len(self._warned) >= MOST_DOUBTS:
                self._warned.clear()
            rows = self._warned.setdefault(doubt, set())
            if origin not in rows and len(rows) < MOST_ROWS:
                rows.add(origin)
                warn_of([doubt if len(rows) < MOST_ROWS else f"{doubt} No more rows are named for this."], origin)

    def _check_options(self, row: ParsedRow, options: Dict[str, Any]) -> List[str]:
        template = self._catalog.find(row.arguments["template_id"])
        offered: List[str] = template.supported_resolutions if template is not None else []
        try:
            doubts = check_options(options, self._options.validate, offered)
        except InvalidArgumentError as problem:
            raise column_error(row.origin, problem) from problem
        if row.resolution and offered and row.resolution not in offered and self._options.validate == "error":
            message = f"{row.arguments['template_id']} has {', '.join(offered)}, and no {row.resolution!r}"
            raise row_error(row.origin, "resolution", message)
        return doubts
