"""
Parse one row into a job, or report the column that is invalid.

Rule: the identity of a job is its key and its content. A job without a key of its own gets a short hash of its content.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, Mapping

from bluma_async.batch.keys import find_key_problem, is_key
from bluma_async.errors import InvalidArgumentError
from bluma_async.resources._creating import create_call
from bluma_async.stores.jobs import Job

__all__ = ["COLUMNS", "NO_SUCH_COLUMN", "parse_job", "row_error"]

COLUMNS = ("template_id", "variant_id", "prompt", "key", "resolution", "watermark", "webhook_url", "context", "options")
CONTEXT = "context."
NO_SUCH_COLUMN = f"there is no such column; there are {', '.join(COLUMNS[:7])} and {CONTEXT}NAME"
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse_job(row: object, origin: str) -> Job:
    """
    Return the job of a row. A value that is None or empty text counts as absent.

    Raises:
        InvalidArgumentError: The row is invalid; `validation_errors` name the column.
    """
    if not isinstance(row, Mapping):
        raise row_error(
            origin, "row", f"a job must be a mapping such as {{'template_id': ..., 'prompt': ...}}, not {row!r}"
        )
    given: Dict[str, Any] = {str(name): value for name, value in row.items() if value is not None and value != ""}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # a user's mapping has no types
    _require_known_columns(given, origin)
    options = _parse_options(given, origin)
    arguments: Dict[str, Any] = {
        "context": _parse_context(given, origin),
        "template_id": given.get("template_id"),
        "variant_id": given.get("variant_id"),
        "webhook_url": given.get("webhook_url"),
        "options": options,
    }
    try:
        call = create_call(**arguments, idempotency_key=None)
    except InvalidArgumentError as problem:
        message = problem.validation_errors[0]["message"].rstrip(".")
        raise row_error(origin, problem.field or "row", message) from problem
    body = json.dumps(arguments, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    key = _parse_key(given, body, origin)
    resolution = (options or {}).get("resolution")
    return Job(key, body, call.subject, resolution, origin, key_problem=find_key_problem(key))


def row_error(origin: str, column: str, message: str) -> InvalidArgumentError:
    """Return the error for an invalid row."""
    text = f"{origin}, {column}: {message}."
    return InvalidArgumentError(text, validation_errors=[{"field": column, "message": text, "row": origin}])


def _require_known_columns(given: Mapping[str, Any], origin: str) -> None:
    for name in given:
        if name not in COLUMNS and not (name.startswith(CONTEXT) and len(name) > len(CONTEXT)):
            raise row_error(origin, name, NO_SUCH_COLUMN)


def _parse_context(given: Mapping[str, Any], origin: str) -> Dict[str, Any]:
    whole = given.get("context", {})
    if not isinstance(whole, Mapping):
        raise row_error(origin, "context", f"it must be an object such as {{'prompt': '...'}}, not {whole!r}")
    parts = {name[len(CONTEXT) :]: value for name, value in given.items() if name.startswith(CONTEXT)}
    prompt = {"prompt": given["prompt"]} if "prompt" in given else {}
    for name in {**parts, **prompt}:
        if name in whole or (name in parts and name in prompt):
            raise row_error(origin, CONTEXT + name, "it is given twice")
    context: Dict[str, Any] = {**whole, **parts, **prompt}
    if not isinstance(context.get("prompt"), str) or not context["prompt"].strip():
        raise row_error(origin, "prompt", f"it must be a text that is not empty, not {context.get('prompt')!r}")
    return context


def _parse_options(given: Mapping[str, Any], origin: str) -> Dict[str, Any] | None:
    whole = given.get("options", {})
    if not isinstance(whole, Mapping):
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


def _parse_key(given: Mapping[str, Any], body: str, origin: str) -> str:
    if "key" not in given:
        return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    key = given["key"]
    if not is_key(key):
        raise row_error(origin, "key", f"it names a file, so it must be letters, digits or the like, not {key!r}")
    return str(key)
