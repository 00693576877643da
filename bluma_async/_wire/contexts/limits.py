"""
Make of a template's schema one that can be evaluated safely, or say why it is not used.

Rule 1: nothing is fetched: a schema that refers to another document is not used.
Rule 2: an evaluation ends, and soon: a schema that refers to itself, is huge, or grows huge when its references are
followed is not used. A pattern that may take long is removed, and the rest of the schema is used.
Rule 3: a schema is read as one document of one draft: `jsonschema` would read parts of other drafts by other keywords,
which nothing here has weighed.
Rule 4: a schema that is not used is not an obstacle: the create is sent without this check.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import unquote

from bluma_async._wire.contexts.patterns import LONGEST_TEXT, find_longest_text
from bluma_async._wire.json_values import is_list, is_object

__all__ = ["SafeSchema", "UnusableSchemaError", "inline", "resolve", "restrict"]

MOST_CHARACTERS = 64 * 1024
MOST_DEPTH = 40
MOST_PARTS = 1000
# Keywords whose value is a schema, a list of schemas, or an object of schemas; some are both, by draft.
ONE = (
    "additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then",
    "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
LISTS = ("allOf", "anyOf", "items", "oneOf", "prefixItems")
OBJECTS = ("$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties")
DYNAMIC = ("$dynamicRef", "$recursiveRef")
UNEVALUATED = ("unevaluatedItems", "unevaluatedProperties")  # `jsonschema` visits the parts beside them three times
OLDEST_DRAFT = "draft-04"  # older ones have keywords that are not weighed here
IDS = ("$id", "id")  # in draft 4 the second one
OPEN = -1  # the weight of a part that is being weighed: to meet it again is a circle


class UnusableSchemaError(ValueError):
    """The reason why a schema is not used."""


class SafeSchema(NamedTuple):
    """
    A schema that is safe to evaluate.

    Attributes:
        root: The schema, without the name of its draft.
        draft: The name of its draft; None if it names none.
        removed: The patterns that were removed from it.
        weight: How many of its parts an evaluation visits at most, if each name and item occurs once.
        patterns: Its patterns, and how often each is applied then.
    """

    root: Dict[str, Any]
    draft: Optional[str]
    removed: List[str]
    weight: int
    patterns: Mapping[str, int]


def restrict(raw: Mapping[str, Any]) -> SafeSchema:
    """
    Return a copy of a schema that is safe to evaluate.

    Raises:
        UnusableSchemaError: There is no such copy.
    """
    try:
        text = json.dumps(raw)
    except (TypeError, ValueError, RecursionError):
        raise UnusableSchemaError("it is not JSON") from None
    if len(text) > MOST_CHARACTERS:
        raise UnusableSchemaError(f"it has more than {MOST_CHARACTERS} characters")
    root: Dict[str, Any] = json.loads(text)
    draft = root.pop("$schema", None)
    if draft is not None and (not isinstance(draft, str) or any(f"draft-0{n}" in draft for n in (1, 2, 3))):
        raise UnusableSchemaError(f"it is written in {str(draft)[:100]!r}, and not in {OLDEST_DRAFT} or later")
    for name in IDS:
        root.pop(name, None)
    scale = _Scale(root)
    weight = scale.weigh(root, 0)
    return SafeSchema(root, draft, scale.removed, weight, scale.patterns[id(root)])


def resolve(root: Mapping[str, Any], reference: object) -> object:
    """
    Return the part of a schema that a reference leads to.

    Raises:
        UnusableSchemaError: It leads to another document, or nowhere.
    """
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise UnusableSchemaError(f"it refers to {str(reference)[:100]!r}, which is not read")
    found: Any = root
    for step in unquote(reference[1:]).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(name)] if is_list(found) else found[name]
        except (LookupError, TypeError, ValueError):
            raise UnusableSchemaError(f"it refers to {reference[:100]!r}, which it does not have") from None
    return found


class _Scale:
    """Weighs a schema with all that it refers to, and removes patterns on the way."""

    def __init__(self, root: Dict[str, Any]) -> None:
        self._root = root
        self._weights: Dict[int, int] = {}  # by the id of the part, which lives as long as the root
        self.patterns: Dict[int, Counter[str]] = {}  # by the id of the part: those of all that it refers to
        self.removed: List[str] = []

    def weigh(self, part: object, depth: int) -> int:
        """Return how many parts an evaluation visits at most, if each name and item occurs once."""
        if not is_object(part):
            return 1
        known = self._weights.get(id(part))
        if known == OPEN:
            raise UnusableSchemaError("it refers to itself")
        if known is None:
            known = self._weigh_new(part, depth)
        return known

    def _weigh_new(self, part: Dict[str, Any], depth: int) -> int:
        if depth > MOST_DEPTH:
            raise UnusableSchemaError(f"it is nested more than {MOST_DEPTH} levels deep")
        self._weights[id(part)] = OPEN
        self._remove_patterns(part)
        _close_names(part)
        weight, patterns = 1, Counter(_list_patterns(part))
        for inner in self._list_parts(part):
            weight += self.weigh(inner, depth + 1)
            patterns.update(self.patterns.get(id(inner), ()))
        visits = 3 if any(name in part for name in UNEVALUATED) else 1
        weight *= visits
        if weight > MOST_PARTS:
            raise UnusableSchemaError(f"it has more than {MOST_PARTS} parts")
        self._weights[id(part)] = weight
        self.patterns[id(part)] = Counter({pattern: count * visits for pattern, count in patterns.items()})
        return weight

    def _list_parts(self, part: Dict[str, Any]) -> Iterator[object]:
        for name in DYNAMIC:
            if name in part:
                raise UnusableSchemaError(f"it uses {name}")
        if "$schema" in part or any(isinstance(part.get(name), str) for name in IDS):
            raise UnusableSchemaError("it consists of several documents")
        yield from (part[name] for name in ONE if name in part)
        yield from (entry for name in LISTS if is_list(part.get(name)) for entry in part[name])
        yield from (entry for name in OBJECTS if is_object(part.get(name)) for entry in part[name].values())
        if "$ref" in part:
            yield resolve(self._root, part["$ref"])

    def _remove_patterns(self, part: Dict[str, Any]) -> None:
        if "pattern" in part and find_longest_text(part["pattern"]) is None:
            self.removed.append(str(part.pop("pattern"))[:100])
        named = part.get("patternProperties")
        if not is_object(named):
            return
        for pattern in list(named):
            if find_longest_text(pattern) != LONGEST_TEXT:
                self.removed.append(str(pattern)[:100])
                del named[pattern]
                part["additionalProperties"] = True  # the names that it would have allowed


def _list_patterns(part: Dict[str, Any]) -> Iterator[str]:
    """Yield the patterns that stand in a part itself."""
    if "pattern" in part:
        yield part["pattern"]
    named = part.get("patternProperties")
    yield from named if is_object(named) else ()


def _close_names(part: Dict[str, Any]) -> None:
    """Say `false` for a name in another way: `jsonschema` does not report which name a `false` belongs to."""
    named = part.get("properties")
    if is_object(named):
        named.update({name: {"not": {}} for name, entry in named.items() if entry is False})


def inline(root: Dict[str, Any]) -> List[Dict[str, Any]]:
    """
    Put the parts of a safe schema in the places of the references to them, and return all parts.

    Reason: `jsonschema` looks a reference up for each value, which takes longer than the check of a short text.
    """
    parts = [root]
    seen = {id(root)}
    for part in parts:  # which grows meanwhile
        for holder, name in _list_places(part):
            while is_object(holder[name]) and holder[name].keys() == {"$ref"}:
                holder[name] = resolve(root, holder[name]["$ref"])
            if is_object(holder[name]) and id(holder[name]) not in seen:
                seen.add(id(holder[name]))
                parts.append(holder[name])
    return parts


def _list_places(part: Dict[str, Any]) -> Iterator[Tuple[Any, Any]]:
    """Yield the objects and lists that hold the schemas in a schema, each with the name or the index."""
    yield from ((part, name) for name in ONE if name in part)
    for name in (*LISTS, *OBJECTS):
        held: Any = part.get(name)
        if is_object(held) or is_list(held):
            yield from ((held, place) for place in (list(held) if is_object(held) else range(len(held))))
