"""
One template's schema, and the problems of a context.

Rule 1: nothing is compiled before there is a context that `plain` cannot accept; then once.
Rule 2: a schema that cannot be compiled is reported and not used. An error while a context is evaluated concerns that
context alone: it is reported and sent, and the schema still checks the others.
Rule 3: an evaluation blocks the event loop, so a context that would take long is not evaluated.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Tuple

from bluma_async._wire.contexts.findings import list_problems
from bluma_async._wire.contexts.limits import UnusableSchemaError
from bluma_async._wire.contexts.patterns import find_cost
from bluma_async._wire.contexts.plain import read_plain_schema
from bluma_async._wire.contexts.problems import Problem
from bluma_async._wire.json_values import is_list, is_object

if TYPE_CHECKING:
    from bluma_async._wire.contexts.engine import CompiledSchema
    from bluma_async._wire.contexts.patterns import PatternCost
    from bluma_async._wire.contexts.plain import PlainSchema

__all__ = ["ContextSchema"]

# Of one context. Each takes a few tenths of a second at most.
MOST_VISITS = 300_000  # values, times parts of the schema
MOST_PATTERN_STEPS = 40_000_000  # of patterns, by their own count


TOO_LARGE = Problem(path="context", rule="size", message="it is too large to be checked", is_error=False)


class ContextSchema:
    """
    The schema of one template.

    Attributes:
        raw: The schema as the server sent it.
        flaws: Why the schema, or a part of it, is not used; filled when it is compiled.
        plain: The schema, if it is a plain one.
        is_compiled: Whether `find_problems` needs no compiling, which can take a tenth of a second.
    """

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self.flaws: List[str] = []
        self.is_compiled: bool = False
        self.plain: PlainSchema | None = read_plain_schema(raw)
        self._compiled: CompiledSchema | None = None
        self._patterns: List[Tuple[PatternCost, int]] = []  # the patterns, and how often each is applied to a text

    def accepts(self, context: Mapping[str, Any]) -> bool:
        """Return whether a context certainly fits, without `jsonschema`. False decides nothing."""
        return self.plain is not None and self.plain.accepts(context)

    def find_problems(self, context: Mapping[str, Any]) -> List[Problem]:
        """Return the problems of a context that can be sent as JSON. Blocks if the schema is not compiled yet."""
        if self.accepts(context):
            return []
        if not self.is_compiled:
            self.compile()
        if self._compiled is None:
            return []
        try:
            return self._find_problems(self._compiled, context)
        except Exception as problem:  # noqa: BLE001 - a foreign schema can make `jsonschema` raise anything
            message = f"it cannot be checked, because {type(problem).__name__} was raised"
            return [Problem(path="context", rule="check", message=message, is_error=False)]

    def compile(self) -> None:
        """Make the schema ready for `find_problems`, or note why it is not used. Blocks; compiling again is safe."""
        from bluma_async._wire.contexts.engine import compile_schema  # noqa: PLC0415 - loads `jsonschema`

        try:
            compiled = compile_schema(self.raw)
            costs = ((find_cost(pattern), count) for pattern, count in compiled.patterns.items())
            self._patterns = [(cost, count) for cost, count in costs if cost is not None]
            self._compiled = compiled
            self.flaws = [f"its pattern {pattern!r} is not checked" for pattern in compiled.removed]
        except UnusableSchemaError as problem:
            self._give_up(str(problem))
        self.is_compiled = True

    def _find_problems(self, compiled: CompiledSchema, context: Mapping[str, Any]) -> List[Problem]:
        if self._is_small(compiled, context) and compiled.accepts(context):
            return []
        found: Dict[str, Any] = json.loads(json.dumps(context))  # as the server sees it: tuples are arrays there
        if not self._is_small(compiled, found):
            return [TOO_LARGE]
        # Without nulls, because the API treats a missing name and null alike.
        needed = compiled.names.needed
        given = {name: value for name, value in found.items() if value is not None or name in needed}
        return list_problems(compiled.names, compiled.evaluate(given), given)

    def _give_up(self, reason: str) -> None:
        self._compiled, self.plain = None, None
        self.flaws = [f"it is not used, because {reason}"]

    def _is_small(self, compiled: CompiledSchema, context: Mapping[str, Any]) -> bool:
        values = _list_values(context)
        return len(values) * compiled.weight <= MOST_VISITS and self._count_steps(values) <= MOST_PATTERN_STEPS

    def _count_steps(self, values: List[Any]) -> int:
        """Return how many steps the patterns take at most, for the texts and names among values."""
        if not self._patterns:
            return 0
        lengths = [len(value) for value in values if isinstance(value, str)]
        lengths += [len(str(name)) for value in values if is_object(value) for name in value]
        return sum(count * cost.count_steps(length) for cost, count in self._patterns for length in lengths)


def _list_values(context: Mapping[str, Any]) -> List[Any]:
    """Return all values in a context, itself included."""
    found: List[Any] = [context]
    for value in found:  # which grows meanwhile
        found.extend(value.values() if is_object(value) else value if is_list(value) else ())
    return found
