"""One module of the async package to the module of its blocking twins."""

from __future__ import annotations

import ast
from collections import Counter
from typing import Dict, Iterator, List

import attrs

from facade.methods import Method
from facade.source import Source, functions_of

__all__ = ["Twins", "render_module", "render_package", "render_reexport"]

PORTAL = ("entered", "iterate", "mirror", "run", "step")
HEADER = "# Generated from {} by `nox -s facade`: change that, not this.\n"
TYPING = {
    "AbstractContextManager": "from contextlib import AbstractContextManager",
    **{name: f"from typing import {name}" for name in ("Any", "Callable", "Coroutine", "Iterator", "cast")},
}


@attrs.frozen
class Twins:
    """Every async class that has a blocking twin: where it is, and what the twin is called."""

    names: Dict[str, str]
    modules: Dict[str, str]  # by the twin's name

    @classmethod
    def of(cls, sources: List[Source]) -> Twins:
        """Collect them."""
        found = {node.name: source.module for source in sources for node in source.classes()}
        names = {name: name[5:] if name.startswith("Async") else name for name in found}
        return cls(names, {names[name]: blocking_module(module) for name, module in found.items()})


def blocking_module(module: str) -> str:
    """Return the name of a module's twin."""
    return module.replace("bluma_async", "bluma_sync", 1)


def render_module(source: Source, twins: Twins) -> str:
    """Return the text of the twins' module, not yet formatted."""
    classes = "\n\n".join(_render_class(source, cls, twins) for cls in source.classes())
    exports = [twins.names.get(name, name) for name in source.exports if name in twins.names]
    body = f"__all__ = {sorted(exports)!r}\n\n\n{classes}"
    return _join(source, _imports(source, body, twins), body)


def render_package(source: Source, twins: Twins) -> str:
    """Return the text of a package's `__init__`: the same names, with twins where there are."""
    if not source.exports:
        return _join(source, "", "")
    homes = _homes(source, twins)
    names = "\n".join(f"    {_statement(name, home)}" for name, home in homes.items())
    return _join(
        source,
        f"from typing import TYPE_CHECKING\nfrom bluma_async._runtime.lazy import lazily\nif TYPE_CHECKING:\n{names}\n",
        f"__all__ = {sorted(homes)!r}\nHOMES = {homes!r}\nlazily(__name__, HOMES)\n",
    )


def render_reexport(source: Source) -> str:
    """Return the text of a module that has the source's names, and nothing of its own."""
    summary = (ast.get_docstring(source.tree) or "").splitlines()[0]
    names = ("*  # noqa: F403 - the same names", "__all__  # noqa: F401 - for star imports of this one")
    imports = "".join(f"from {source.module} import {name}\n" for name in names)
    return f'{HEADER.format(source.file)}"""{summary}"""\n\n{imports}'


def _join(source: Source, imports: str, body: str) -> str:
    docstring = _for_callers_who_block(source.docstring(source.tree))
    future = "from __future__ import annotations\n" if body else ""
    return f"{HEADER.format(source.file)}{docstring}\n{future}{imports}\n{body}"


def _for_callers_who_block(text: str) -> str:
    for words, others in (("await ", ""), ("async with", "with"), ("AsyncBluma", "Bluma"), ("async", "blocking")):
        text = text.replace(words, others)
    return text


def _homes(source: Source, twins: Twins) -> Dict[str, str]:
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and ast.dump(node.targets[0]).startswith("Name(id='HOMES'"):
            table: Dict[str, str] = ast.literal_eval(node.value)
            homes = {twins.names.get(name, name): home for name, home in table.items()}
            return {name: twins.modules.get(name) or _home(name, home) for name, home in sorted(homes.items())}
    raise source.refused(source.tree, "has names, but no table of HOMES")


def _home(name: str, home: str) -> str:
    return blocking_module(home) if home.endswith(f".{name}") else home  # a module has a twin of the same names


def _statement(name: str, home: str) -> str:
    package, _, last = home.rpartition(".")
    return f"from {package} import {name}" if last == name else f"from {home} import {name}"


def _render_class(source: Source, cls: ast.ClassDef, twins: Twins) -> str:
    name = twins.names[cls.name]
    bases = ", ".join(source.slice(base) for base in cls.bases)
    parts = [source.docstring(cls), *_attributes(source, cls, twins)]
    if any(node.name == "__init__" and _is_users(node) for node in functions_of(cls)):
        parts.append(f"_async: asynchronous.{cls.name}")
    methods = [Method(source, cls, node, twins.names).render() for node in functions_of(cls) if _is_users(node)]
    if not any("def __init__(" in method for method in methods):
        parameters = f"[{source.slice(_parameters(base))}]" if (base := _generic(cls)) else ""
        twin = f"asynchronous.{cls.name}{parameters}"
        methods.insert(0, f"    def __init__(self, twin: {twin}) -> None:\n        self._async = twin\n")
    head = f"class {name}({bases}):" if bases else f"class {name}:"
    return "\n".join([head, *(f"    {part}" for part in parts if part), "", *methods])


def _is_users(node: ast.AST) -> bool:
    """Whether the twin has it; of the constructors only those that users call, which have a docstring."""
    is_constructor = getattr(node, "name", "") == "__init__"
    return not is_constructor or ast.get_docstring(node) is not None  # type: ignore[arg-type]  # a function, as told


def _generic(cls: ast.ClassDef) -> ast.Subscript | None:
    subscripts = (base for base in cls.bases if isinstance(base, ast.Subscript))
    return next((base for base in subscripts if getattr(base.value, "id", "") == "Generic"), None)


def _parameters(base: ast.Subscript) -> ast.AST:
    return getattr(base.slice, "value", base.slice)  # Python 3.8 has an Index around it


def _attributes(source: Source, cls: ast.ClassDef, twins: Twins) -> Iterator[str]:
    """Give the public attributes of a class: resources over their twins, everything else as it is."""
    for node in cls.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name) or node.value is None:
            continue
        name, called = node.target.id, getattr(getattr(node.value, "func", None), "id", "")
        if called == "Resource" and isinstance(node.value, ast.Call):
            resource, client = twins.names[source.slice(node.value.args[0])], twins.names[cls.name]
            over = f"lambda client: {resource}(client._async.{name})"
            yield f"{name}: Resource[{client}, {resource}] = Resource({resource}, {over})"
        elif not name.startswith("_"):
            yield source.slice(node)


def _imports(source: Source, body: str, twins: Twins) -> str:
    """Return what the body needs; what only annotations need is imported for type checkers alone."""
    tree, known = ast.parse(body), _known(source, twins)
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    quoted = [annotation for annotation in _annotations(tree) if isinstance(annotation, ast.Module)]
    in_all = Counter(name for part in (tree, *quoted) for name in _names(part))
    in_annotations = Counter(name for annotation in _annotations(tree) for name in _names(annotation))
    wanted = {name for name in in_all if name in known and name not in defined}
    late = {name for name in wanted if in_all[name] == in_annotations[name] and " typing " not in known[name]}
    early = sorted(known[name] for name in wanted - late)
    for_types = ["if TYPE_CHECKING:", *sorted(f"    {known[name]}" for name in late)] if late else []
    return "\n".join(["from typing import TYPE_CHECKING", *early, *for_types]) + "\n"


def _known(source: Source, twins: Twins) -> Dict[str, str]:
    """Return the import statement of every name a twin may use."""
    package, _, last = source.module.rpartition(".")
    return {
        **source.imports(),
        **TYPING,
        **{name: f"from bluma_sync._portal import {name}" for name in PORTAL},
        **{name: f"from {module} import {name}" for name, module in twins.modules.items()},
        "asynchronous": f"from {package} import {last} as asynchronous",
    }


def _annotations(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        found = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if found is not None:
            yield found
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "cast":
            yield ast.parse(ast.literal_eval(node.args[0]))


def _names(tree: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
