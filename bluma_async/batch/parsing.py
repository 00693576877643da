"""
Parse one row into a job, or report the column that is invalid.

Rule 1: the identity of a job is its key and its content. A job without a key of its own gets a short hash of its
content.
Rule 2: a plan parses hundreds of thousands of rows, so what most rows lack costs nothing: the canonical JSON of a row
is built when it is needed, and no request is built at all.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, List, Mapping, Sequence

from bluma_async._runtime.closeness import find_close
from bluma_async._wire.content import CANONICAL
from bluma_async._wire.contexts.problems import say_unknown
from bluma_async._wire.json_values import encode_json
from bluma_async.batch.keys import find_key_problem, is_key
from bluma_async.errors import InvalidArgumentError
from bluma_async.resources._creates.call import check_arguments
from bluma_async.stores.jobs import Job

__all__ = [
    "COLUMNS",
    "MOST_ERRORS",
    "MalformedRow",
    "ParsedRow",
    "hash_body",
    "join_errors",
    "parse_job",
    "parse_row",
    "row_error",
    "say_no_column",
]

COLUMNS = ("template_id", "variant_id", "prompt", "key", "resolution", "watermark", "webhook_url", "context", "options")
KNOWN = frozenset(COLUMNS)
CONTEXT = "context."
MOST_ERRORS = 20  # of rows, or of columns, that one error message reports
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
BIGGEST_KEY = 10**100  # far above any number of a row, and Python can write it


class MalformedRow(List[str]):
    """
    A row of a file that has no values, such as a line that is not JSON. It takes its place among the other rows.

    Raising the error while the file is read would hide the errors of the other rows.
    """

    def __init__(self, problem: InvalidArgumentError) -> None:
        super().__init__()
        self.problem: InvalidArgumentError = problem


class ParsedRow:
    """A row whose columns are valid. `key` is its own key, or None."""

    __slots__ = ("_body", "arguments", "key", "origin", "resolution")

    def __init__(self, origin: str, arguments: Dict[str, Any], key: str | None) -> None:
        self.origin: str = origin
        self.arguments: Dict[str, Any] = arguments
        self.key: str | None = key
        options: Dict[str, Any] | None = arguments["options"]
        self.resolution: str | None = None if options is None else options.get("resolution")
        self._body: str | None = None

    @property
    def job_key(self) -> str:
        """
        The key of its job: its own, or a hash of its content.

        Raises:
            InvalidArgumentError: A value is not JSON.
        """
        return hash_body(self.body) if self.key is None else self.key

    @property
    def body(self) -> str:
        """
        The arguments of the create as canonical JSON.

        Raises:
            InvalidArgumentError: A value is not JSON.
        """
        if self._body is None:
            try:
                body = CANONICAL.encode(self.arguments)
                body.encode()
            except (TypeError, ValueError, RecursionError):
                # If it can be sent after all, it has names of several types, which can be sorted when they are text.
                self.arguments = json.loads(self._encode())
                body = CANONICAL.encode(self.arguments)
            self._body = body
        return self._body

    def to_job(self) -> Job:
        """
        Return the row as a job for a store.

        Raises:
            InvalidArgumentError: A value is not JSON.
        """
        body, key, template_id = self.body, self.job_key, self.arguments["template_id"]
        return Job(key, body, template_id, self.resolution, self.origin, key_problem=find_key_problem(key))

    def _encode(self) -> bytes:
        try:
            return encode_json(self.arguments)
        except InvalidArgumentError as problem:
            raise column_error(self.origin, problem) from problem


def hash_body(body: str) -> str:
    """Return the key of a job that has none of its own, from its arguments as canonical JSON."""
    return hashlib.sha256(body.encode()).hexdigest()[:12]


def parse_job(row: object, origin: str) -> Job:
    """
    Return the job of a row. A value that is None or empty text counts as absent.

    Raises:
        InvalidArgumentError: The row is invalid; `validation_errors` name the column.
    """
    return parse_row(row, origin).to_job()


def parse_row(row: object, origin: str) -> ParsedRow:
    """
    Return a row with its columns checked, but not yet that its values are JSON.

    Raises:
        InvalidArgumentError: A column is invalid; `validation_errors` name it.
    """
    if isinstance(row, MalformedRow):
        raise row.problem
    if not isinstance(row, (dict, Mapping)):
        example = "{'template_id': ..., 'prompt': ...}"
        raise row_error(origin, "row", f"a job must be a mapping such as {example}, not {row!r}")
    given: Dict[Any, Any] = {name: value for name, value in row.items() if not _is_blank(value)}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # a user's mapping has no types
    arguments: Dict[str, Any] = {
        "context": _parse_context(given, origin),
        "template_id": given.get("template_id"),
        "variant_id": given.get("variant_id"),
        "webhook_url": given.get("webhook_url"),
        "options": _parse_options(given, origin),
    }
    try:
        checked = check_arguments(**arguments)
    except InvalidArgumentError as problem:
        raise column_error(origin, problem) from problem
    options = checked.options or None
    arguments.update(template_id=checked.template_id, variant_id=checked.variant_id, options=options)
    return ParsedRow(origin, arguments, _parse_key(given, origin) if "key" in given else None)


def _is_blank(value: object) -> bool:
    """Return whether a value counts as absent. Nothing is compared: NA of pandas and arrays raise then."""
    return value is None or (isinstance(value, str) and not value)


def row_error(origin: str, column: str, message: str, **details: str) -> InvalidArgumentError:
    """Return the error for an invalid row."""
    text = f"{origin}, {column}: {message}" + ("" if message.endswith("?") else ".")
    entry = {"field": column, "message": text, "row": origin, **details}
    return InvalidArgumentError(text, validation_errors=[entry])


def join_errors(errors: Sequence[InvalidArgumentError]) -> InvalidArgumentError:
    """Return the error for several problems of one row."""
    entries = [entry for error in errors for entry in error.validation_errors]
    text = "; ".join(str(error).rstrip(".") for error in errors)
    return InvalidArgumentError(text + ("" if text.endswith("?") else "."), validation_errors=entries)


def column_error(origin: str, problem: InvalidArgumentError) -> InvalidArgumentError:
    """Return the error for a row with an invalid argument."""
    return row_error(origin, problem.field or "row", problem.validation_errors[0]["message"].rstrip("."))


def say_no_column(name: object) -> str:
    """Return the message for a column that does not exist, with the nearest one that does."""
    close = find_close(name, COLUMNS)
    hint = f"did you mean {close!r}?" if close else f"there are {', '.join(COLUMNS[:7])} and {CONTEXT}NAME"
    return f"there is no such column; {hint}"


def _parse_context(given: Mapping[Any, Any], origin: str) -> Dict[str, Any]:
    whole = given.get("context", {})
    if not isinstance(whole, (dict, Mapping)):
        raise row_error(origin, "context", f"it must be an object such as {{'prompt': '...'}}, not {whole!r}")
    context: Dict[str, Any] = dict(whole)  # pyright: ignore[reportUnknownArgumentType]  # a user's mapping has no types
    for name in given if not KNOWN.issuperset(given) else ():
        if name not in KNOWN:
            _add_part(context, name, given[name], origin)
    if "prompt" in given:
        if "prompt" in context:
            raise row_error(origin, CONTEXT + "prompt", "it is given twice")
        context["prompt"] = given["prompt"]
    _require_prompt(context, origin)
    return context


def _require_prompt(context: Mapping[str, Any], origin: str) -> None:
    prompt = context.get("prompt")
    if isinstance(prompt, str) and prompt.strip():
        return
    misspelt = next((name for name in context if find_close(name, ["prompt"])), None) if prompt is None else None
    if misspelt not in (None, "prompt"):
        message = f"{say_unknown('prompt')} (rule properties)"
        raise row_error(origin, f"{CONTEXT}{misspelt}", message, rule="properties")
    rule = "required" if prompt is None else "minLength" if isinstance(prompt, str) else "type"
    raise row_error(origin, "prompt", f"it must be a text that is not empty, not {prompt!r}", rule=rule)


def _add_part(context: Dict[str, Any], column: object, value: object, origin: str) -> None:
    if not isinstance(column, str) or not column.startswith(CONTEXT) or column == CONTEXT:
        raise row_error(origin, str(column), say_no_column(column))
    name = column[len(CONTEXT) :]
    if name in context:
        raise row_error(origin, column, "it is given twice")
    context[name] = value


def _parse_options(given: Mapping[Any, Any], origin: str) -> Dict[str, Any] | None:
    whole = given.get("options", {})
    if not isinstance(whole, (dict, Mapping)):
        raise row_error(origin, "options", f"it must be an object such as {{'resolution': '1080p'}}, not {whole!r}")
    options: Dict[str, Any] = dict(whole)  # pyright: ignore[reportUnknownArgumentType]  # a user's mapping has no types
    if "resolution" in given:
        options["resolution"] = given["resolution"]
    if "watermark" in given:
        options["watermark"] = _parse_flag(given["watermark"], origin)
    return options or None


def _parse_flag(value: object, origin: str) -> bool:
    known = value if isinstance(value, bool) else FLAGS.get(str(value).strip().lower())
    if known is None:
        raise row_error(origin, "watermark", f"it must be true or false, not {value!r}")
    return known


def _parse_key(given: Mapping[Any, Any], origin: str) -> str:
    key = given["key"]
    if type(key) is int and -BIGGEST_KEY < key < BIGGEST_KEY:  # numbers of rows, which a data frame has as integers
        return str(key)
    if not is_key(key):
        raise row_error(origin, "key", f"it names a file, so it must be letters, digits or the like, not {key!r}")
    return str(key)
