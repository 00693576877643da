"""Render the blocking twin of a method: the copied signature and docstring, and a body of one call."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, List, Mapping

import attrs

from facade.source import rename_words

if TYPE_CHECKING:
    from facade.source import Function, Source

__all__ = ["Method"]

RENAMED = {
    "aclose": "close",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}
KEPT = {"property", "classmethod", "staticmethod", "overload"}
MANAGER, MAKES_MANAGER = "AbstractAsyncContextManager", "asynccontextmanager"
ITERATORS = ("AsyncIterator", "AsyncGenerator")
LISTS = ("List", "list", "Sequence")


@attrs.frozen
class Method:
    """A method of an async class."""

    source: Source
    cls: ast.ClassDef
    node: Function
    twins: Mapping[str, str]  # the names of blocking classes, by the names of async classes

    def render(self) -> str:
        """Return the text of the twin."""
        self._require_known()
        kept = [f"@{name}" for name in self._decorators if name in KEPT]
        if "overload" in self._decorators:
            return _indent_block([*kept, f"{self._render_head()} ..."])
        docstring = self.source.get_docstring(self.node)
        return _indent_block(
            [*kept, self._render_head(), *_indent([docstring] if docstring else []), *_indent(self._render_body())]
        )

    @property
    def _decorators(self) -> List[str]:
        return [self.source.get_text(entry).split(".")[-1] for entry in self.node.decorator_list]

    def _require_known(self) -> None:
        unknown = set(self._decorators) - KEPT - {MAKES_MANAGER}
        if unknown:
            raise self.source.refuse(self.node, f"is decorated with {', '.join(sorted(unknown))}, which has no rule")
        if self.node.returns is None:
            raise self.source.refuse(self.node, "has no return type")
        if self._must_be_awaited_first():
            raise self.source.refuse(self.node, "must be awaited before it can be iterated over; make it a generator")
        arguments = self.node.args
        for argument in [*arguments.args, *arguments.kwonlyargs]:
            if argument.annotation is not None and _find_names(argument.annotation) & set(self.twins):
                raise self.source.refuse(self.node, f"takes an async object, {argument.arg!r}")

    def _is_overloaded(self) -> bool:
        names = [getattr(node, "name", "") for node in self.cls.body]
        return names.count(self.node.name) > 1

    def _must_be_awaited_first(self) -> bool:
        is_coroutine = isinstance(self.node, ast.AsyncFunctionDef)
        yields = any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(self.node))
        return is_coroutine and not yields and _split(self._returns)[0] in {*ITERATORS, MANAGER}

    def _render_head(self) -> str:
        text, returns = self.source.get_text(self.node), self._returns
        below = returns.lineno - self.node.lineno
        column = returns.col_offset - (0 if below else self.node.col_offset)
        before = text[: sum(len(line) + 1 for line in text.splitlines()[:below]) + column]
        name = RENAMED.get(self.node.name, self.node.name)
        return re.sub(r"^(async )?def \w+", f"def {name}", before) + self._render_return_type() + ":"

    @property
    def _returns(self) -> ast.expr:
        assert self.node.returns is not None
        return self.node.returns

    def _render_return_type(self) -> str:
        """Return the return type with blocking classes in place of async ones."""
        returns = self.source.get_text(self._returns)
        base, inner = _split(self._returns)
        if MAKES_MANAGER in self._decorators or base == MANAGER:
            return f"AbstractContextManager[{self.source.get_text(inner)}]" if inner else returns
        if base in ITERATORS and inner:
            return f"Iterator[{self.source.get_text(inner)}]"
        return rename_words(returns, self.twins)

    def _render_body(self) -> List[str]:
        special = {
            "__init__": [f"self._async = asynchronous.{self.cls.name}({self._render_arguments()})"],
            "__aenter__": ["run(self._async.__aenter__())", "return self"],
            "__aiter__": ["return self"],
            "__anext__": ["return step(self._async)"],
            "_repr_html_": ["return self.to_html()"],
            "__repr__": [f'return repr(self._async).replace("{self.cls.name}", type(self).__name__, 1)'],
        }
        if self.node.name in special:
            return special[self.node.name]
        returned = self._render_result()
        if self._is_overloaded():  # the overloads above have the exact types; the cast gives the call below a type
            kind = self.source.get_text(self._returns)
            kind = f"Coroutine[Any, Any, {kind}]" if isinstance(self.node, ast.AsyncFunctionDef) else kind
            return [f'call = cast("Callable[..., {kind}]", self._async.{self.node.name})', f"return {returned}"]
        is_none = isinstance(self._returns, ast.Constant) and self._returns.value is None
        return [returned if is_none else f"return {returned}"]

    def _render_result(self) -> str:
        called = self._render_call()
        base, _ = _split(self._returns)
        if MAKES_MANAGER in self._decorators or base == MANAGER:
            self._require_no_twin()
            return f"entered({called})"
        if base in ITERATORS:
            self._require_no_twin()
            return f"iterate({called})"
        if isinstance(self.node, ast.AsyncFunctionDef):
            called = f"run({called})"
        return self._wrap_in_twin(called)

    def _render_call(self) -> str:
        if {"classmethod", "staticmethod"} & set(self._decorators):
            return f"asynchronous.{self.cls.name}.{self.node.name}({self._render_arguments()})"
        if "property" in self._decorators:
            return f"self._async.{self.node.name}"
        if self._is_overloaded():
            return f"call({self._render_arguments()})"
        return f"self._async.{self.node.name}({self._render_arguments()})"

    def _wrap_in_twin(self, called: str) -> str:
        """Wrap a returned async object in its twin: users of the blocking package never get an async object."""
        base, inner = _split(self._returns)
        if base == "Self":
            return f"mirror({'cls' if 'classmethod' in self._decorators else 'type(self)'}, {called})"
        if base in self.twins:
            return f"{self.twins[base]}({called})"
        if base in LISTS and inner is not None and _split(inner)[0] in self.twins:
            return f"[{self.twins[_split(inner)[0]]}(entry) for entry in {called}]"
        self._require_no_twin()
        return called

    def _require_no_twin(self) -> None:
        if _find_names(self._returns) & {*self.twins, "Self"}:
            raise self.source.refuse(self.node, "returns an async object in a way that has no rule")

    def _render_arguments(self) -> str:
        arguments = self.node.args
        positional = [argument.arg for argument in [*arguments.posonlyargs, *arguments.args]]
        if "staticmethod" not in self._decorators:
            del positional[0]
        if arguments.vararg:
            positional.append(f"*{arguments.vararg.arg}")
        named = [f"{argument.arg}={argument.arg}" for argument in arguments.kwonlyargs]
        if arguments.kwarg:
            named.append(f"**{arguments.kwarg.arg}")
        return ", ".join([*positional, *named])


def _split(annotation: ast.expr) -> tuple[str, ast.expr | None]:
    """Return the name before the brackets of an annotation, and the first expression inside them."""
    if not isinstance(annotation, ast.Subscript):
        return getattr(annotation, "id", ""), None
    inner = getattr(annotation.slice, "value", annotation.slice)  # Python 3.8 has an Index around it
    first = inner.elts[0] if isinstance(inner, ast.Tuple) else inner
    return getattr(annotation.value, "id", ""), first if isinstance(first, ast.expr) else None


def _find_names(annotation: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}


def _indent(lines: List[str]) -> List[str]:
    return [f"    {line}" for line in lines]


def _indent_block(lines: List[str]) -> str:
    return "\n".join(f"    {line}" for line in lines) + "\n"
