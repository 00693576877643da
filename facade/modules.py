"""Render the blocking twin of a module, of a package's `__init__`, or of a module that both packages share."""

from __future__ import annotations

import ast
from collections import Counter
from typing import TYPE_CHECKING, Dict, Iterator

from facade.classes import render_class
from facade.source import parse
from facade.twins import Twins, find_blocking_module

if TYPE_CHECKING:
    from facade.source import Source

__all__ = ["render_module", "render_package", "render_reexport"]

PORTAL = ("entered", "iterate", "mirror", "run", "step")
HEADER = "# Generated from {} by `nox -s facade`: change that, not this.\n"
TYPING = {
    "AbstractContextManager": "from contextlib import AbstractContextManager",
    **{name: f"from typing import {name}" for name in ("Any", "Callable", "Coroutine", "Iterator", "cast")},
}


def render_module(source: Source, twins: Twins) -> str:
    """Return the text of the twin of a module, not yet formatted."""
    classes = "\n\n".join(render_class(source, cls, twins) for cls in twins.list_classes(source))
    exports = [twins.names.get(name, name) for name in source.exports if name in twins.names]
    body = f"__all__ = {sorted(exports)!r}\n\n\n{classes}"
    return _join_parts(source, _render_imports(source, body, twins), body)


def render_package(source: Source, twins: Twins) -> str:
    """Return the text of the twin of a package's `__init__`: the same names, with twins where there are any."""
    if not source.exports:
        return _join_parts(source, "", "")
    homes = _read_homes(source, twins)
    names = "\n".join(f"    {_import_statement(name, home)}" for name, home in homes.items())
    return _join_parts(
        source,
        f"from typing import TYPE_CHECKING\nfrom bluma_async._runtime.lazy import lazily\nif TYPE_CHECKING:\n{names}\n",
        f"__all__ = {sorted(homes)!r}\nHOMES = {homes!r}\nlazily(__name__, HOMES)\n",
    )


def render_reexport(source: Source) -> str:
    """Return the text of a module that only re-exports the names of the source."""
    summary = (ast.get_docstring(source.tree) or "").splitlines()[0]
    names = ("*  # noqa: F403 - the same names", "__all__  # noqa: F401 - for star imports of this one")
    imports = "".join(f"from {source.module} import {name}\n" for name in names)
    return f'{HEADER.format(source.file)}"""{summary}"""\n\n{imports}'


def _join_parts(source: Source, imports: str, body: str) -> str:
    docstring = _adapt_docstring(source.get_docstring(source.tree))
    future = "from __future__ import annotations\n" if body else ""
    return f"{HEADER.format(source.file)}{docstring}\n{future}{imports}\n{body}"


def _adapt_docstring(text: str) -> str:
    """Replace the async words in the docstring of a module; it may have some, because it shows examples."""
    for words, others in (("await ", ""), ("async with", "with"), ("AsyncBluma", "Bluma"), ("async", "blocking")):
        text = text.replace(words, others)
    return text


def _read_homes(source: Source, twins: Twins) -> Dict[str, str]:
    """Return the table HOMES of a package, with the module of the twin for each name that has a twin."""
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and ast.dump(node.targets[0]).startswith("Name(id='HOMES'"):
            table: Dict[str, str] = ast.literal_eval(node.value)
            homes = {twins.names.get(name, name): home for name, home in table.items()}
            return {name: twins.modules.get(name) or _find_home(name, home) for name, home in sorted(homes.items())}
    raise source.refuse(source.tree, "has names, but no table of HOMES")


def _find_home(name: str, home: str) -> str:
    """Return the home of a name without a twin: a module as a whole has a twin, all other names are shared."""
    return find_blocking_module(home) if home.endswith(f".{name}") else home


def _import_statement(name: str, home: str) -> str:
    package, _, last = home.rpartition(".")
    return f"from {package} import {name}" if last == name else f"from {home} import {name}"


def _render_imports(source: Source, body: str, twins: Twins) -> str:
    """Return the imports of the names in the body; a name that only annotations use is imported for type checkers."""
    tree, known = parse(body), _list_imports(source, twins)
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    quoted = [annotation for annotation in _find_annotations(tree) if isinstance(annotation, ast.Module)]
    in_all = Counter(name for part in (tree, *quoted) for name in _find_names(part))
    in_annotations = Counter(name for annotation in _find_annotations(tree) for name in _find_names(annotation))
    wanted = {name for name in in_all if name in known and name not in defined}
    late = {name for name in wanted if in_all[name] == in_annotations[name] and " typing " not in known[name]}
    early = sorted(known[name] for name in wanted - late)
    for_types = ["if TYPE_CHECKING:", *sorted(f"    {known[name]}" for name in late)] if late else []
    return "\n".join(["from typing import TYPE_CHECKING", *early, *for_types]) + "\n"


def _list_imports(source: Source, twins: Twins) -> Dict[str, str]:
    """Return the import statement of every name that a twin may use."""
    package, _, last = source.module.rpartition(".")
    return {
        **source.list_imports(),
        **TYPING,
        **{name: f"from bluma_sync._portal import {name}" for name in PORTAL},
        **{name: f"from {module} import {name}" for name, module in twins.modules.items()},
        "asynchronous": f"from {package} import {last} as asynchronous",
    }


def _find_annotations(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        found = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if found is not None:
            yield found
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "cast":
            yield parse(ast.literal_eval(node.args[0]))


def _find_names(tree: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
