"""
Evaluate a schema with `jsonschema`: the only module that imports it, and one that is imported when it is needed.

Reason: most contexts are accepted by `plain`, and the import takes longer than everything else that a create does.
"""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any, Callable, Iterable, List, Mapping, NamedTuple

import jsonschema as untyped  # type: ignore[import-untyped]  # it has no types
import referencing

from bluma_async._wire.contexts.limits import UnusableSchemaError, inline, restrict
from bluma_async._wire.contexts.nested import Accepts, read_nested_schema
from bluma_async._wire.contexts.patterns import find_longest_text
from bluma_async._wire.json_values import is_list

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
        removed: The patterns that are not checked.
        weight: How many parts of the schema an evaluation visits at most for each value.
        patterns: The patterns that are checked, and how often each is applied to a text at most.
    """

    evaluate: Evaluate
    accepts: Accepts
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
        inline(usable.root)
        own = {
            "pattern": _bound_pattern(draft.VALIDATORS["pattern"]),
            "uniqueItems": _check_unique,
            "multipleOf": _check_multiple,
        }
        validator = jsonschema.validators.extend(draft, own)(usable.root, registry=NO_DOCUMENTS)
    except jsonschema.SchemaError as problem:
        place = ".".join(map(str, problem.absolute_path))
        raise UnusableSchemaError(f"it is invalid at {place or 'its top'}") from problem
    except Exception as problem:
        raise UnusableSchemaError(f"{type(problem).__name__} was raised when it was read") from problem
    accepts = read_nested_schema(usable.root)
    return CompiledSchema(validator.iter_errors, accepts, usable.removed, usable.weight, usable.patterns)


def _bound_pattern(check: Any) -> Any:
    """Return the check of the keyword `pattern`, for texts that are short enough for their pattern."""

    def bounded(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterable[Any]:
        if isinstance(instance, str) and len(instance) <= (find_longest_text(pattern) or 0):
            yield from check(validator, pattern, instance, schema)

    return bounded


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
