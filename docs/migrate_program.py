"""
A program as migrate.py sees it: its bytes, its syntax tree, where its names are, and what they mean.

Rule: types are not known. `is_foreign` and `is_own` are certain; `is_client` follows names and assignments.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from typing import Dict, Iterator, List, Set, Tuple

Span = Tuple[int, int, bytes]  # from and to which byte of the source, and the new text
# What is between the argument before a keyword and the value of the keyword. A comment behind the name may repeat it.
KEYWORD = rb"(?:[\s,()\\]|#[^\r\n]*[\r\n])*(%s)\s*=[\s(\\]*"
MIGRATED = re.compile(rb"#\s*migrated\b")
HAS_F_STRING_OFFSETS = sys.version_info >= (3, 12)  # earlier versions count the columns inside of f-strings wrongly


class Program:
    """A program: its bytes in UTF-8, its syntax tree, and what its names mean."""

    def __init__(self, source: str) -> None:
        self.data = source.encode("utf-8")
        tree = ast.parse(source)
        self.nodes = list(ast.walk(tree))
        self._lines = self.data.splitlines(keepends=True)  # of bytes: at "\n", "\r\n" and "\r" alone, as Python does
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self._parents = {child: node for node in self.nodes for child in ast.iter_child_nodes(node)}
        self.imports: Dict[str, Tuple[str, str]] = {}  # the local name: its module, and its name there
        for node in self.nodes:
            self._note_import(node)
        self.client_classes = {name for name, (module, own) in self.imports.items() if own == "Bluma"}
        for node in self.nodes:
            if isinstance(node, ast.ClassDef) and any(self.is_client_class(base) for base in node.bases):
                self.client_classes.add(node.name)
        self.clients = {name for node in self.nodes for name in self._find_client_names(node)}
        self.foreign_names: Set[str] = set()
        self.foreign_names = self._find_foreign_names()

    @property
    def uses_bluma(self) -> bool:
        """Whether it imports bluma."""
        return any(is_of(module, "bluma") for module, _ in self.imports.values())

    @property
    def uses_pydantic(self) -> bool:
        """Whether it may have pydantic models of its own."""
        return any(is_of(module, "pydantic", "sqlmodel") for module, _ in self.imports.values())

    def is_migrated(self, line: int) -> bool:
        """Return whether the comment of a line says that it has been decided on."""
        return MIGRATED.search(self._lines[line - 1]) is not None

    def find_parent(self, node: ast.AST) -> ast.AST | None:
        """Return the node around another one."""
        return self._parents.get(node)

    def list_parents(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes around another one, the nearest one first."""
        while node in self._parents:
            node = self._parents[node]
            yield node

    def find_name(self, node: ast.Attribute) -> Span | None:
        """Return where the name of an attribute is; None if that is not certain."""
        if not HAS_F_STRING_OFFSETS and any(isinstance(parent, ast.JoinedStr) for parent in self.list_parents(node)):
            return None
        end, name = self.find_end(node), node.attr.encode()
        return (end - len(name), end, name) if self.data[:end].endswith(name) else None

    def find_keyword(self, call: ast.Call, name: str) -> Span | None:
        """Return where the name of a keyword argument of a call is; None if that is not certain."""
        begins = next(self.find_start(keyword.value) for keyword in call.keywords if keyword.arg == name)
        others = [call.func, *call.args, *(keyword.value for keyword in call.keywords)]
        before = max(end for end in map(self.find_end, others) if end <= begins)
        found = re.compile(KEYWORD % name.encode()).fullmatch(self.data, before, begins)
        return None if found is None else (found.start(1), found.end(1), name.encode())

    def find_start(self, node: ast.expr) -> int:
        """Return the offset of the first byte of an expression."""
        return self._starts[node.lineno - 1] + node.col_offset

    def find_end(self, node: ast.expr) -> int:
        """Return the offset behind the last byte of an expression."""
        return self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)

    def find_source(self, node: ast.expr) -> Tuple[str, str]:
        """Return the module and the name there of a name, or of a module's attribute; two empty texts if unknown."""
        if isinstance(node, ast.Name):
            return self.imports.get(node.id, ("", ""))
        if isinstance(node, ast.Attribute):
            module, name = self.find_source(node.value)
            return (f"{module}.{name}".rstrip("."), node.attr) if module else ("", "")
        return "", ""

    def is_foreign(self, node: ast.expr) -> bool:
        """Return whether an expression begins with a name of another library, or a variable with a value of one."""
        while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript, ast.Await)):
            node = node.func if isinstance(node, ast.Call) else node.value
        if isinstance(node, ast.Name) and node.id in self.foreign_names:
            return True
        module, _ = self.find_source(node)
        return bool(module) and not is_of(module, "bluma")

    def find_class(self, node: ast.AST) -> ast.ClassDef | None:
        """Return the class around a node."""
        return next((parent for parent in self.list_parents(node) if isinstance(parent, ast.ClassDef)), None)

    def is_client_class(self, node: ast.expr) -> bool:
        """Return whether an expression is the client's class, or a class that is derived from it here."""
        return (isinstance(node, ast.Name) and node.id in self.client_classes) or self.find_source(node)[1] == "Bluma"

    def is_own(self, node: ast.expr) -> bool:
        """Return whether an expression is `self` in a class that is certainly no client."""
        owner = self.find_class(node)
        return _is_self(node) and owner is not None and not owner.bases

    def may_be_own(self, node: ast.expr) -> bool:
        """Return whether an expression is `self` in a class that is perhaps no client."""
        owner = self.find_class(node)
        return _is_self(node) and owner is not None and owner.name not in self.client_classes

    def is_client(self, node: ast.expr) -> bool:
        """Return whether an expression is a client, as far as its name or its assignment says."""
        if isinstance(node, ast.Call):
            return self.is_client_class(node.func) or (
                isinstance(node.func, ast.Attribute) and node.func.attr == "with_options"
            )
        if isinstance(node, ast.Name) and node.id == "self":
            owner = self.find_class(node)
            return owner is not None and owner.name in self.client_classes
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        is_named = "client" in name.lower() or "bluma" in name.lower()
        return name in self.clients or (is_named and not self.is_foreign(node) and not self.find_source(node)[0])

    def _note_import(self, node: ast.AST) -> None:
        if isinstance(node, ast.ImportFrom) and not node.level:
            self.imports.update({alias.asname or alias.name: (node.module or "", alias.name) for alias in node.names})
        elif isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                self.imports[name] = (alias.name if alias.asname else name, "")

    def _find_foreign_names(self) -> Set[str]:
        """Return the variables to which nothing but values of other libraries are assigned."""
        arguments = {node.arg for node in self.nodes if isinstance(node, ast.arg)}
        bound = Counter(
            node.id for node in self.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
        foreign: Counter[str] = Counter()
        for node in self.nodes:
            value, targets = _split_binding(node)
            if value is not None and self.is_foreign(value):
                foreign.update(target.id for target in targets if isinstance(target, ast.Name))
        return {name for name, times in foreign.items() if times == bound[name] and name not in arguments}

    def _find_client_names(self, node: ast.AST) -> Iterator[str]:
        """Yield the names that are bound to a new client, or annotated as one."""
        value, targets = _split_binding(node)
        if isinstance(value, ast.Call) and self.is_client_class(value.func):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
            yield from (target.attr for target in targets if isinstance(target, ast.Attribute))
        elif isinstance(node, ast.arg) and node.annotation is not None and self.is_client_class(node.annotation):
            yield node.arg


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


def _split_binding(node: ast.AST) -> Tuple[ast.expr | None, List[ast.expr]]:
    """Return the value of an assignment or a `with`, and its targets; without a value for any other node."""
    if isinstance(node, ast.Assign):
        return node.value, node.targets
    if isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
        return node.value, [node.target]
    if isinstance(node, ast.withitem) and node.optional_vars is not None:
        return node.context_expr, [node.optional_vars]
    return None, []


def is_of(module: str, *libraries: str) -> bool:
    """Return whether a module belongs to one of these libraries."""
    return module.partition(".")[0] in libraries
