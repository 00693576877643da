"""
List the problems of a context: its unknown names, and the errors that `jsonschema` finds.

Rule: an unknown name is an error if it is close to a known one that is missing, or if `jsonschema` refuses it. Any
other one is a warning: the schema allows it.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple

import attrs

from bluma_async._runtime.closeness import find_close
from bluma_async._wire.contexts.names import KnownNames, Step
from bluma_async._wire.contexts.problems import DOCUMENTED, Problem, describe, format_path, is_certain, say_unknown
from bluma_async._wire.json_values import is_list, is_object

__all__ = ["list_problems"]

MOST_PROBLEMS = 10  # of one context; so many errors, and so many warnings
MOST_UNKNOWN = 1000
MOST_COMPARED = 1_000_000  # characters of names, times those of the known names, in one context: a tenth of a second
CLOSING = ("additionalProperties", "unevaluatedProperties")
NEEDED = ("dependentRequired", "dependencies")
ALTERNATIVES = ("anyOf", "oneOf")
OWN = ("properties", "patternProperties")
Found = Any  # an error of `jsonschema`, whose attributes have no types
Path = Tuple[Step, ...]


class UnknownName(NamedTuple):
    """A name that the schema does not list, the path of its object, and that of the name that it may stand for."""

    problem: Problem
    place: str
    meant: Optional[str]


def list_problems(known: KnownNames, errors: Iterable[Found], context: Mapping[str, Any]) -> List[Problem]:
    """
    Return the first errors and the first warnings about a context, unknown names before others.

    Args:
        known: The names of the schema.
        errors: The errors of `jsonschema`, which are evaluated one by one.
        context: The context.
    """
    unknown = {found.problem.path: found for found in islice(_find_unknown(known, context), MOST_UNKNOWN)}
    refused: Dict[str, str] = {}  # the unknown names that are an error for `jsonschema` too, with the rule
    others = list(_select(_list_others(known, errors, unknown, refused)))
    names = (
        attrs.evolve(found.problem, rule=refused[path], is_error=True) if path in refused else found.problem
        for path, found in unknown.items()
    )
    return list(_select(chain(names, others)))


def _list_others(
    known: KnownNames, errors: Iterable[Found], unknown: Mapping[str, UnknownName], refused: Dict[str, str]
) -> Iterator[Problem]:
    """Yield the problems that no unknown name explains, and note the unknown names that are refused."""
    meant = {found.meant for found in unknown.values()}
    misspelt = {found.place for found in unknown.values() if found.meant is not None}
    for error in errors:
        for problem in _read_error(error, known):
            if problem.path in unknown:
                refused.update({problem.path: problem.rule} if problem.is_error else {})
            elif problem.path not in meant and not (problem.rule in ALTERNATIVES and problem.path in misspelt):
                yield problem


def _select(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield the first errors, and the first warnings; of each value one error and one warning at most."""
    seen: Dict[bool, Set[str]] = {True: set(), False: set()}
    for problem in problems:
        paths = seen[problem.is_error]
        if problem.path not in paths and len(paths) < MOST_PROBLEMS:
            paths.add(problem.path)
            yield problem
        if len(seen[True]) == MOST_PROBLEMS:
            return


def _find_unknown(known: KnownNames, context: Mapping[str, Any]) -> Iterator[UnknownName]:
    """Yield the names that the schema does not list, in all objects of a context; the outer ones first."""
    left = MOST_COMPARED
    for path, names, value in _list_objects(known, context):
        if names.listed is None or names.listed >= value.keys():
            continue
        listed = names.listed if path else names.listed | DOCUMENTED.keys()
        for name in [name for name in value if name not in listed and not names.has(name)] if listed else ():
            missing = sorted(listed - value.keys())
            cost = len(name) * sum(map(len, missing))
            close = find_close(name, missing) if cost <= left else None
            left -= cost if cost <= left else 0
            yield _build_unknown(path, name, close)


def _build_unknown(path: Path, name: str, close: str | None) -> UnknownName:
    is_error = close is not None and is_certain([*path, name], "properties", None)
    place = format_path([*path, name])
    problem = Problem(path=place, rule="properties", message=say_unknown(close), is_error=is_error)
    return UnknownName(problem, format_path(path), None if close is None else format_path([*path, close]))


def _read_error(error: Found, known: KnownNames) -> Iterator[Problem]:
    """Yield the problems that one error of `jsonschema` stands for."""
    path, is_error = list(error.absolute_path), _is_error(error, known)
    names = _list_wrong_names(error, known)
    for name, message in names.items():
        place = format_path([*path, name])
        yield Problem(path=place, rule=str(error.validator), message=message, is_error=is_error)
    if not names and not _is_documented(error, known):
        rule, message = describe(error)
        yield Problem(path=format_path(path), rule=rule, message=message, is_error=is_error)


def _list_wrong_names(error: Found, known: KnownNames) -> Dict[str, str]:
    """Return the names that an error is about, each with a message; none if it is about a value."""
    rule, wanted, found = str(error.validator), error.validator_value, error.instance
    if rule == "required" and is_list(wanted):
        return {name: "it is missing" for name in wanted if name not in found}
    if rule in NEEDED and is_object(wanted):
        return {name: f"it is missing, and {other!r} needs it" for name, other in _list_needed(wanted, found)}
    if rule in CLOSING and wanted is False:
        return dict.fromkeys(_list_extra(error, known), say_unknown(None))
    return {}


def _list_objects(known: KnownNames, context: Mapping[str, Any]) -> Iterator[Tuple[Path, KnownNames, Dict[str, Any]]]:
    """Yield the objects of a context of which the schema knows something."""
    waiting: List[Tuple[Path, KnownNames, Any]] = [((), known, context)]
    for path, names, value in waiting:  # which grows meanwhile
        if is_object(value):
            yield path, names, value
        for step, inner in value.items() if is_object(value) else enumerate(value):
            if is_object(inner) or is_list(inner):
                inside = names.find_inside(step)
                if inside is not None:
                    waiting.append(((*path, step), inside, inner))


def _is_error(error: Found, known: KnownNames) -> bool:
    """Return whether an error of `jsonschema` is one by the documents too."""
    if error.context and str(error.validator) != "propertyNames":
        branches: Dict[object, bool] = {}
        for inner in error.context:
            branch = inner.schema_path[0]
            branches[branch] = branches.get(branch, False) or _is_error(inner, known)
        if not all(branches.values()):
            return False
    is_sure = is_certain(list(error.absolute_path), str(error.validator), error.instance)
    return is_sure and not _is_documented(error, known)


def _is_documented(error: Found, known: KnownNames) -> bool:
    """Return whether an error may concern only documented names of the context, which every template may use."""
    path, rule = list(error.absolute_path), str(error.validator)
    if rule == "propertyNames":
        return len(path) == 1 and path[0] in DOCUMENTED
    if rule not in CLOSING or error.validator_value is not False or path:
        return False
    return not _list_extra(error, known) and any(name in DOCUMENTED for name in error.instance)


def _list_extra(error: Found, known: KnownNames) -> List[str]:
    """Return the names of an object that are neither listed nor documented."""
    path: List[Any] = list(error.absolute_path)
    if error.validator == "additionalProperties":  # the names of other keywords do not count
        names: KnownNames | None = KnownNames({}, [{name: error.schema.get(name) for name in OWN}])
    else:
        names = known
        for step in path:
            names = None if names is None else names.find_inside(step)
    found: List[str] = [name for name in error.instance if names is None or not names.has(name)]
    return [name for name in found if path or name not in DOCUMENTED]


def _list_needed(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Tuple[str, str]]:
    """Yield the names that are missing because of others, each with the other one."""
    for other, names in wanted.items():
        for name in names if other in found and is_list(names) else ():
            if name not in found:
                yield name, other
