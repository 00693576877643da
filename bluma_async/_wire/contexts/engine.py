"""
Evaluate a schema with `jsonschema`: the only module that imports it, and one that is imported when it is needed.

Reason: most contexts are accepted by `plain`, and the import takes longer than everything else that a create does.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, List, Mapping, Tuple

import jsonschema as untyped  # type: ignore[import-untyped]  # it has no types
import referencing

from bluma_async._wire.contexts.limits import UnusableSchemaError, restrict
from bluma_async._wire.contexts.patterns import find_longest_text

__all__ = ["Evaluate", "compile_schema"]

Evaluate = Callable[[Any], Iterable[Any]]  # from a context to the errors of `jsonschema`
jsonschema: Any = untyped
registry: Any = referencing.Registry
NO_DOCUMENTS = registry()  # that a reference may lead to, so that nothing is fetched


def compile_schema(raw: Mapping[str, Any]) -> Tuple[Evaluate, List[str]]:
    """
    Return a function that evaluates contexts, and the patterns of the schema that it does not check.

    Raises:
        UnusableSchemaError: The schema cannot be evaluated, or not safely.
    """
    usable, removed = restrict(raw)
    try:
        draft = jsonschema.validators.validator_for(usable, default=jsonschema.Draft202012Validator)
        draft.check_schema(usable)
        bounded = {"pattern": _bound_pattern(draft.VALIDATORS["pattern"])}
        validator = jsonschema.validators.extend(draft, bounded)(usable, registry=NO_DOCUMENTS)
    except jsonschema.SchemaError as problem:
        place = ".".join(map(str, problem.absolute_path))
        raise UnusableSchemaError(f"it is invalid at {place or 'its top'}") from problem
    except Exception as problem:
        raise UnusableSchemaError(f"{type(problem).__name__} was raised when it was read") from problem
    return validator.iter_errors, removed


def _bound_pattern(check: Any) -> Any:
    """Return the check of the keyword `pattern`, for texts that are short enough for their pattern."""

    def bounded(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterable[Any]:
        if isinstance(instance, str) and len(instance) <= (find_longest_text(pattern) or 0):
            yield from check(validator, pattern, instance, schema)

    return bounded
