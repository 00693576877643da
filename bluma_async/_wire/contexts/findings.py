"""Turn what is found in a context, unknown names and errors of `jsonschema`, into problems."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Mapping, Tuple

from bluma_async._runtime.closeness import find_close
from bluma_async._wire.contexts.problems import DOCUMENTED, Problem, describe, format_path, is_certain
from bluma_async._wire.json_values import is_list, is_object

__all__ = ["find_unknown", "read_error"]

# With one of these, the names of a context need not all stand under `properties`.
SPREAD = {"$ref", "allOf", "anyOf", "oneOf", "if", "patternProperties", "dependentSchemas", "unevaluatedProperties"}
Found = Any  # an error of `jsonschema`, whose attributes have no types


def find_unknown(schema: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[Tuple[Problem, str | None]]:
    """Yield a problem for each name that the schema does not list, and the listed name that it may stand for."""
    named, extra = schema.get("properties"), schema.get("additionalProperties")
    if not is_object(named) or SPREAD & schema.keys() or extra not in (None, False):
        return
    known = {*map(str, named), *DOCUMENTED}
    for name in context:
        if name not in known:
            close = find_close(name, sorted(known - context.keys()))
            rule = "additionalProperties" if extra is False else "properties"
            is_error = extra is False or close is not None
            yield Problem(path=format_path([name]), rule=rule, message=_say_unknown(close), is_error=is_error), close


def read_error(error: Found) -> Iterator[Problem]:
    """Yield the problems that one error of `jsonschema` stands for. Unknown names of the context are reported above."""
    path: List[object] = list(error.absolute_path)
    rule, wanted, found = str(error.validator), error.validator_value, error.instance
    if rule == "required" and is_list(wanted):
        missing: Iterable[str] = (name for name in wanted if name not in found)
        for name in missing:
            yield Problem(path=format_path([*path, name]), rule=rule, message="it is missing")
    elif rule == "additionalProperties" and wanted is False:
        for name, close in _find_extra(error.schema, found) if path else ():
            is_error = is_certain(path, rule, found)
            yield Problem(path=format_path([*path, name]), rule=rule, message=_say_unknown(close), is_error=is_error)
    else:
        message = describe(rule, wanted, found)
        yield Problem(path=format_path(path), rule=rule, message=message, is_error=_is_error(error))


def _is_error(error: Found) -> bool:
    branches: Dict[object, bool] = {}
    for inner in error.context or ():
        branch = inner.schema_path[0]
        branches[branch] = branches.get(branch, False) or _is_error(inner)
    return all(branches.values()) and is_certain(list(error.absolute_path), str(error.validator), error.instance)


def _find_extra(schema: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Tuple[str, str | None]]:
    named: Mapping[str, Any] = schema.get("properties") or {}
    for name in found:
        if name not in named:
            yield name, find_close(name, [known for known in named if known not in found])


def _say_unknown(close: str | None) -> str:
    return f"there is no such name; did you mean {close!r}?" if close else "the template's schema has no such name"
