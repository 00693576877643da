"""
Render the blocking twin of a class.

Rule 1: a twin holds the async object in `_async`. A twin that users construct makes that object; any other twin gets it
from the twin that returns it.
Rule 2: a twin inherits from the twins of its bases, and takes the async object of its own class. The base does not
declare the type of `_async`: type checkers forbid a subclass to narrow a declared attribute.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Iterator, List

from facade.methods import Method
from facade.source import Source, get_base_name, list_methods, rename_words

if TYPE_CHECKING:
    from facade.twins import Twins

__all__ = ["render_class"]


def render_class(source: Source, cls: ast.ClassDef, twins: Twins) -> str:
    """
    Return the text of the twin of a class, not yet formatted.

    Raises:
        RefusedError: A part of the class has no rule.
    """
    bases = ", ".join(rename_words(source.get_text(base), twins.names) for base in cls.bases)
    parts = [source.get_docstring(cls), *_render_attributes(source, cls, twins)]
    methods = [Method(source, cls, node, twins.names).render() for node in list_methods(cls) if _has_twin(node)]
    inherits = bool(twins.find_bases(source, cls))
    if cls.name in twins.constructed:
        parts.append(f"_async: asynchronous.{cls.name}")
    else:
        methods.insert(0, _render_init(source, cls, inherits=inherits))
    head = f"class {twins.names[cls.name]}({bases}):" if bases else f"class {twins.names[cls.name]}:"
    return "\n".join([head, *(f"    {part}" for part in parts if part), "", *methods])


def _render_init(source: Source, cls: ast.ClassDef, *, inherits: bool) -> str:
    parameters = _list_parameters(source, cls)
    async_class = f"asynchronous.{cls.name}[{', '.join(parameters)}]" if parameters else f"asynchronous.{cls.name}"
    narrowed = f": {async_class}" if inherits else ""
    return f"    def __init__(self, twin: {async_class}) -> None:\n        self._async{narrowed} = twin\n"


def _list_parameters(source: Source, cls: ast.ClassDef) -> List[str]:
    """Return the type parameters of a class: those of Generic, else the TypeVars of its bases, in their order."""
    bases = [base for base in cls.bases if isinstance(base, ast.Subscript)]
    generic = [base for base in bases if get_base_name(base) == "Generic"]
    names = [node.id for base in generic or bases for node in ast.walk(base) if isinstance(node, ast.Name)]
    known = set(names) - {"Generic"} if generic else source.list_type_variables()
    return list(dict.fromkeys(name for name in names if name in known))


def _has_twin(node: ast.AST) -> bool:
    """Return whether the twin has a method; a constructor without a docstring is not for users."""
    is_constructor = getattr(node, "name", "") == "__init__"
    return not is_constructor or ast.get_docstring(node) is not None  # type: ignore[arg-type]  # it is a function


def _render_attributes(source: Source, cls: ast.ClassDef, twins: Twins) -> Iterator[str]:
    """Yield the public attributes of a class: resources as their twins, all others unchanged."""
    for node in cls.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name) or node.value is None:
            continue
        name, called = node.target.id, getattr(getattr(node.value, "func", None), "id", "")
        if called == "Resource" and isinstance(node.value, ast.Call):
            resource, client = twins.names[_read_home(source, node.value)], twins.names[cls.name]
            build = f"lambda client, cls: cls(client._async.{name})"
            home = f"{twins.modules[resource]}:{resource}"
            yield f'{name}: Resource[{client}, {resource}] = Resource("{home}", {build})'
        elif not name.startswith("_"):
            yield source.get_text(node)


def _read_home(source: Source, call: ast.Call) -> str:
    """Return the name of the class of a resource, which is given as `module:Name`."""
    home = call.args[0]
    if not isinstance(home, ast.Constant) or ":" not in str(home.value):
        raise source.refuse(call, "must name its class as 'module:Name'")
    return str(home.value).partition(":")[2]
