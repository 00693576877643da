"""
Evaluate a schema with `jsonschema`: the only module that imports it, and one that is imported when it is needed.

Reason: most contexts are accepted by `plain`, and the import takes longer than everything else that a create does.
"""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple

import jsonschema as untyped  # type: ignore[import-untyped]  # it has no types
import referencing

from bluma_async._wire.contexts.limits import UnusableSchemaError, inline, restrict
from bluma_async._wire.contexts.names import KnownNames
from bluma_async._wire.contexts.nested import Accepts, read_nested_schema
from bluma_async._wire.contexts.patterns import compile_pattern, find_longest_text, translate_pattern
from bluma_async._wire.json_values import is_list, is_object

__all__ = ["CompiledSchema", "Evaluate", "compile_schema"]

Evaluate = Callable[[Any], Iterable[Any]]  # from a context to the errors of `jsonschema`
jsonschema: Any = untyped
registry: Any = referencing.Registry
NO_DOCUMENTS = registry()  # that a reference may lead to, so that nothing is fetched


class CompiledSchema(NamedTuple):
    """
    A schema that is ready to be used.

    Attributes:
        evaluate: Yields the errors of a context.
        accepts: Returns whether a context certainly fits; False decides nothing.
        names: The names of its objects.
        removed: The patterns that are not checked.
        weight: How many parts of the schema an evaluation visits at most for each value.
        patterns: The patterns that are checked, and how often each is applied to a text at most.
    """

    evaluate: Evaluate
    accepts: Accepts
    names: KnownNames
    removed: List[str]
    weight: int
    patterns: Mapping[str, int]


def compile_schema(raw: Mapping[str, Any]) -> CompiledSchema:
    """
    Return a schema that is ready to evaluate contexts.

    Raises:
        UnusableSchemaError: The schema cannot be evaluated, or not safely.
    """
    usable = restrict(raw)
    try:
        draft = jsonschema.validators.validator_for({"$schema": usable.draft}, default=jsonschema.Draft202012Validator)
        draft.check_schema(usable.root)
        for part in inline(usable.root):
            _translate_names(part)
        own = {
            "pattern": _check_pattern,
            "propertyNames": _check_names,
            "uniqueItems": _check_unique,
            "multipleOf": _check_multiple,
        }
        validator = jsonschema.validators.extend(draft, own)(usable.root, registry=NO_DOCUMENTS)
    except jsonschema.SchemaError as problem:
        place = ".".join(map(str, problem.absolute_path))
        raise UnusableSchemaError(f"it is invalid at {place or 'its top'}") from problem
    except Exception as problem:
        raise UnusableSchemaError(f"{type(problem).__name__} was raised when it was read") from problem
    accepts, names = read_nested_schema(usable.root), KnownNames(usable.root, [usable.root])
    return CompiledSchema(validator.iter_errors, accepts, names, usable.removed, usable.weight, usable.patterns)


def _translate_names(part: Dict[str, Any]) -> None:
    """Translate the patterns of names, which several keywords of `jsonschema` apply."""
    named = part.get("patternProperties")
    if is_object(named):
        part["patternProperties"] = {translate_pattern(pattern): entry for pattern, entry in named.items()}


def _check_pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterable[Any]:
    """Check `pattern`, for texts that are short enough for it."""
    is_short = isinstance(instance, str) and len(instance) <= (find_longest_text(pattern) or 0)
    if is_short and not compile_pattern(pattern).search(instance):
        yield jsonschema.ValidationError("it does not match")


def _check_names(validator: Any, wanted: Any, instance: Any, _: Any) -> Iterable[Any]:
    """Check `propertyNames`. The path of an error has the name; `jsonschema` reports the object alone."""
    for name in instance if is_object(instance) else ():
        errors = list(validator.descend(name, wanted))
        if errors:
            yield jsonschema.ValidationError("the name does not fit", path=[name], context=errors)


def _check_multiple(_: Any, step: Any, instance: Any, __: Any) -> Iterable[Any]:
    """Check `multipleOf` by the numbers as they are written; `jsonschema` divides floats, and refuses 0.3 for 0.1."""
    value, unit = _read_exactly(instance), _read_exactly(step)
    if value is None or not unit:
        return
    if value.numerator * unit.denominator % (unit.numerator * value.denominator) != 0:
        yield jsonschema.ValidationError("it is not a multiple")


def _read_exactly(number: object) -> Fraction | None:
    """Return the number that JSON text stands for; None for other values. The exponent of a float has a bound."""
    if type(number) is float and math.isfinite(number):
        return Fraction(repr(number))
    return Fraction(number) if type(number) is int else None


def _check_unique(_: Any, wanted: Any, instance: Any, __: Any) -> Iterable[Any]:
    """Check `uniqueItems` in linear time; `jsonschema` compares each object with each other one."""
    items = instance if wanted is True and is_list(instance) else []
    if len({json.dumps(item, sort_keys=True) for item in items}) < len(items):
        yield jsonschema.ValidationError("the items are not unique")
