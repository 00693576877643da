"""
The rules of migrate.py: what in a program for bluma 1.2.0 must change. Each row of the table in migration.md has one.

Rule 1: what is rewritten is found by the offsets of the syntax tree, which count bytes of UTF-8. Where the text at an
offset is not the expected name, the change is left to the reader.
Rule 2: a call is rewritten only if its replacement does the same. Everything that needs a decision is reported.
Rule 3: a value that another library certainly made is not reported; one that it may have made is.
"""

from __future__ import annotations

import ast
import re
from typing import Callable, Iterator, List, Mapping, NamedTuple, Tuple, Type

from migrate_program import Program, Span, is_of

JSON = "if it is a model of bluma: json.dumps(video.to_dict())"
FIELDS = "if it is a model of bluma: dataclasses.fields(Video)"
CONSTRUCTOR = "if it is a model of bluma, use the constructor: Video(**data)"
TO_DICT = "if it is a model of bluma: to_dict(), which has JSON values and takes no arguments"
MODELS = "models are attrs classes, not pydantic's"
METHODS: Mapping[str, str] = {
    "model_dump": TO_DICT,
    "model_dump_json": JSON,
    "model_validate": CONSTRUCTOR,
    "parse_obj": CONSTRUCTOR,
    "model_fields": FIELDS,
    "original_error": "it is an OSError or an exception of aiohttp: isinstance(error, NetworkError)",
    "add_response": "aiohttp sends the requests; and each answer to a create needs a new id",
}
CALLED = {"dict": TO_DICT, "json": JSON}  # names that are too common if they are not called
PRIVATE = {
    "_should_retry": "it is not called: pass the option should_retry= to the client",
    "_calculate_retry_delay": "it is not called: pass the option calculate_retry_delay= to the client",
    "_request": "it is not called: pass the options on_request=, on_response= and should_retry= to the client",
}
REQUEST = 'client.request(method, path, query=..., json=...), with a path such as "/videos"'
ONLY_GET = REQUEST + "; only a GET is retried: retry here if a second request does no harm"
OPTIONS = {"timeout", "max_retries", "retry_delay", "retry_multiplier", "base_url", "api_key"}
FILTERS = {"file_type", "collection_id", "start_date", "end_date", "period"}
MOCKS = "requests are sent by aiohttp: test with bluma.testing, and a new id in each answer to a create"
LIBRARIES = {
    "respx": MOCKS,
    "pytest_httpx": MOCKS,
    "httpx": "bluma does not install httpx any more: add it to your dependencies",
    "pydantic": "bluma does not install pydantic any more: add it to your dependencies",
}
FIXTURES = {"httpx_mock", "respx_mock"}
LEAKED = {"Any", "BaseModel", "Dict", "Enum", "Field", "List", "Optional", "Union", "datetime", "hashlib", "hmac"}
LEAKED |= {"httpx", "json", "time", "urljoin"}  # 1.2.0 had imported them for itself
# Fields that 1.2.0 required, and that are not common words.
NULLABLE = {"aspect_ratio", "balance_after", "base_cost", "cdn_url", "context_schema", "duration_ms", "expires_at"}
NULLABLE |= {"file_size_bytes", "original_filename"}
DEFAULTS = {"type": "api_error", "title": "API Error", "retry_after": 60}
STATUSES = {"queued", "processing", "completed", "failed"}
MODEL = re.compile(r"[A-Z]\w*(?<!Error)(?<!Resource)(?<!Status)(?<!TransactionType)(?<!Bluma)")
OLD_PATH = "the documented path is without it: keep it only for a server that has the old paths"
TEXTS = {
    "api.bluma.app": "the default address is https://api.getbluma.com/api/v1: pass base_url= for another one",
    "/asset-pool": OLD_PATH,
    "/dashboard": OLD_PATH,
    "httpx.": MOCKS,
    "bluma.client.httpx": MOCKS,
}
HANDLERS = {
    ("builtins", "RuntimeError"): "a call after close() raises BlumaError: see client.is_closed",
    ("pydantic", "ValidationError"): "an answer that does not fit is a ServerError: except BlumaError",
    ("httpx", ""): "it is an OSError or an exception of aiohttp, in a NetworkError",
}


class Change(NamedTuple):
    """A place to change; without spans, the change is made by hand."""

    line: int
    advice: str
    spans: Tuple[Span, ...] = ()


def list_changes(program: Program) -> List[Change]:
    """Return the changes of a program, in the order of their lines; none if it does not import bluma."""
    if not program.uses_bluma:
        return []
    found = {
        change
        for node in program.nodes
        for rule in RULES.get(type(node), ())
        for change in rule(program, node)
        if not program.is_migrated(change.line)
    }
    return sorted(found)


def check_import(_: Program, node: ast.Import) -> Iterator[Change]:
    """Report libraries that bluma does not use any more."""
    for alias in node.names:
        library = alias.name.partition(".")[0]
        if library in LIBRARIES:
            yield Change(node.lineno, LIBRARIES[library])


def check_import_from(_: Program, node: ast.ImportFrom) -> Iterator[Change]:
    """Report the same, and names that 1.2.0 had for itself. Its public names are where they were."""
    module = node.module or ""
    library = "" if node.level else module.partition(".")[0]
    if library in LIBRARIES:
        yield Change(node.lineno, LIBRARIES[library])
    for alias in node.names:
        if library == "bluma" and alias.name in LEAKED:
            yield Change(node.lineno, f"{module} has no {alias.name}: import it from its own library")


def check_function(program: Program, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Change]:
    """Report methods of a subclass that are not called any more, and fixtures that mock httpx."""
    if node.name in PRIVATE and isinstance(program.find_parent(node), ast.ClassDef):
        yield Change(node.lineno, PRIVATE[node.name])
    if FIXTURES & {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]}:
        yield Change(node.lineno, MOCKS)


def check_attribute(program: Program, node: ast.Attribute) -> Iterator[Change]:
    """Report attributes that are gone, that mean something else, or that cannot be assigned."""
    line = node.end_lineno or node.lineno
    if program.is_foreign(node.value) or program.is_own(node.value):
        return
    parent = program.find_parent(node)
    is_called = isinstance(parent, ast.Call) and parent.func is node
    is_awaited = parent is not None and isinstance(program.find_parent(parent), ast.Await)  # models have no coroutines
    if isinstance(node.ctx, ast.Store):
        if node.attr in OPTIONS and program.is_client(node.value):
            yield Change(line, f"options do not change: client = client.with_options({node.attr}=...)")
    elif node.attr in METHODS or (is_called and node.attr in CALLED and not is_awaited):
        yield _build_method_change(program, node, parent if is_called else None)
    elif node.attr == "_client" and program.is_client(node.value):
        yield _build_closed_change(program, node, parent)
    if node.attr in PRIVATE and (node.attr != "_request" or not is_called):
        yield Change(line, PRIVATE[node.attr])


def check_value(program: Program, node: ast.Attribute) -> Iterator[Change]:
    """Report values that may be None now, unless the program handles that."""
    if not isinstance(node.ctx, ast.Load) or _handles_none(program, node):
        return
    name, line = node.attr, node.end_lineno or node.lineno
    is_error = name == "retry_after" or (isinstance(node.value, ast.Name) and _is_caught(program, node.value))
    if name in DEFAULTS and is_error and not program.is_foreign(node):
        yield Change(line, f"it is None if the server does not say: error.{name} or {DEFAULTS[name]!r}")
    elif name in NULLABLE and not program.is_foreign(node):
        yield Change(line, "it is None if the server leaves it out: check for None")


def check_call(program: Program, node: ast.Call) -> Iterator[Change]:
    """Report calls that do something else now."""
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    module, name = program.find_source(node.func)
    if program.is_client_class(node.func) and not {"max_retry_after", None} & set(given):
        yield Change(node.lineno, "a 429 is raised, and not retried: pass max_retry_after=60 to retry it")
    if name == "VideoStatus" and not (node.args and _get_constant(node.args[0]) in STATUSES):
        yield Change(node.lineno, "an unknown status is not a ValueError: video.status in set(VideoStatus)")
    elif is_of(module, "bluma") and MODEL.fullmatch(name):
        yield Change(node.lineno, "only times are checked in a model that is made by hand: check the values before")
    if name == "verify_webhook":
        yield Change(node.lineno, "a body that is not an object with a type is refused: see verify_webhook_signature")
    is_setting = getattr(node.func, "id", "") == "setattr" and len(node.args) == 3
    if is_setting and _get_constant(node.args[1]) in OPTIONS and program.is_client(node.args[0]):
        yield Change(node.lineno, "options do not change: client = client.with_options(...)")


def check_empty(_: Program, node: ast.Call) -> Iterator[Change]:
    """Report empty texts that 1.2.0 ignored."""
    for keyword in node.keywords:
        value = keyword.value
        last = value.values[-1] if isinstance(value, ast.BoolOp) and isinstance(value.op, ast.Or) else value
        if _get_constant(last) == "" and keyword.arg in {"webhook_url", *FILTERS}:
            yield Change(last.lineno, f"an empty text is not ignored any more: {keyword.arg}=None")


def check_request(program: Program, node: ast.Call) -> Iterator[Change]:
    """Rewrite a GET through `_request`, and report other requests."""
    function = node.func
    if not isinstance(function, ast.Attribute) or function.attr != "_request":
        return
    if program.is_own(function.value) or program.is_foreign(function):
        return
    line = function.end_lineno or node.lineno
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    arguments = [*node.args, *(given[name] for name in ("method", "path") if name in given)]
    is_get = bool(arguments) and _get_constant(arguments[0]) == "GET"
    is_same = is_get and _has_twin(arguments, given) and not program.may_be_own(function.value)
    spans = _find_request_spans(program, node, function) if is_same else ()
    yield Change(line, REQUEST if is_get else ONLY_GET, spans)


def check_text(program: Program, node: ast.Constant) -> Iterator[Change]:
    """Report addresses, paths and names in texts. Texts that are statements are documentation."""
    value = node.value
    if isinstance(value, str) and not isinstance(program.find_parent(node), ast.Expr):
        for text, advice in TEXTS.items():
            if value.startswith(text) or (text == "api.bluma.app" and text in value):
                yield Change(node.lineno, advice)


def check_handler(program: Program, node: ast.ExceptHandler) -> Iterator[Change]:
    """Report exceptions that are not raised any more."""
    for kind in _list_kinds(node):
        module, name = program.find_source(kind)
        if isinstance(kind, ast.Name) and not module:
            module, name = "builtins", kind.id
        library = module.partition(".")[0]
        advice = HANDLERS.get((library, name)) or HANDLERS.get((library, ""))
        if advice is not None:
            yield Change(kind.lineno, advice)


def _build_method_change(program: Program, node: ast.Attribute, call: ast.AST | None) -> Change:
    """Return the change of a method of pydantic's. A plain `model_dump()` is rewritten if no other model is here."""
    name = program.find_name(node)
    is_plain = isinstance(call, ast.Call) and not (call.args or call.keywords)
    spans: Tuple[Span, ...] = ()
    if node.attr == "model_dump" and is_plain and name is not None and not program.uses_pydantic:
        spans = ((name[0], name[1], b"to_dict"),)
    advice = {**METHODS, **CALLED}[node.attr]
    return Change(node.end_lineno or node.lineno, f"{MODELS}: to_dict()" if spans else advice, spans)


def _build_closed_change(program: Program, node: ast.Attribute, parent: ast.AST | None) -> Change:
    """Return the change of `client._client`; `client._client.is_closed` is rewritten."""
    line, name = node.end_lineno or node.lineno, program.find_name(node)
    if not isinstance(parent, ast.Attribute) or parent.attr != "is_closed" or name is None:
        return Change(line, "there is no httpx client: pass options to the client, or use client.request")
    dot = program.data.rfind(b".", program.find_end(node.value), name[0])
    is_plain = not program.data[dot + 1 : name[0]].strip()
    return Change(line, "the client has is_closed itself", ((dot, name[1], b""),) if is_plain else ())


def _has_twin(arguments: List[ast.expr], given: Mapping[str | None, ast.expr]) -> bool:
    """Return whether `request` takes the arguments of a `_request` too."""
    path = _get_constant(arguments[1]) if len(arguments) == 2 else None
    is_path = path is None or (isinstance(path, str) and path.startswith("/") and not {"?", "#"} & set(path))
    is_mapping = not isinstance(given.get("params"), (ast.List, ast.Tuple, ast.Constant, ast.JoinedStr))
    are_known = set(given) <= {"method", "path", "params", "json"}
    has_star = any(isinstance(argument, ast.Starred) for argument in arguments)
    return len(arguments) == 2 and is_path and is_mapping and are_known and not has_star


def _find_request_spans(program: Program, call: ast.Call, function: ast.Attribute) -> Tuple[Span, ...]:
    """Return what makes a `_request` a `request`; nothing if a name is not where it is expected."""
    name = program.find_name(function)
    if name is None:
        return ()
    spans: Tuple[Span, ...] = ((name[0], name[1], b"request"),)
    if any(keyword.arg == "params" for keyword in call.keywords):
        params = program.find_keyword(call, "params")
        if params is None:
            return ()
        spans += ((params[0], params[1], b"query"),)
    return spans


def _is_caught(program: Program, node: ast.Name) -> bool:
    """Return whether a name is an exception that a handler around it has caught."""
    handlers = (parent for parent in program.list_parents(node) if isinstance(parent, ast.ExceptHandler))
    return any(handler.name == node.id for handler in handlers)


def _handles_none(program: Program, node: ast.Attribute) -> bool:
    """Return whether a value is a condition, is compared with something that it may be, or is followed by `or`."""
    parent = program.find_parent(node)
    if isinstance(parent, ast.Compare):
        compared = [one.value for one in (parent.left, *parent.comparators) if isinstance(one, ast.Constant)]
        is_equality = isinstance(parent.ops[0], (ast.Eq, ast.NotEq, ast.Is, ast.IsNot))
        return is_equality and any(value not in DEFAULTS.values() for value in compared)
    is_operand = isinstance(parent, ast.BoolOp) and parent.values[-1] is not node
    return is_operand or isinstance(parent, ast.UnaryOp) or getattr(parent, "test", None) is node


def _list_kinds(node: ast.ExceptHandler) -> List[ast.expr]:
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return [kind for kind in kinds if kind is not None]


def _get_constant(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else None


RULES: Mapping[Type[ast.AST], Tuple[Callable[..., Iterator[Change]], ...]] = {
    ast.Import: (check_import,),
    ast.ImportFrom: (check_import_from,),
    ast.FunctionDef: (check_function,),
    ast.AsyncFunctionDef: (check_function,),
    ast.Attribute: (check_attribute, check_value),
    ast.Call: (check_call, check_empty, check_request),
    ast.Constant: (check_text,),
    ast.ExceptHandler: (check_handler,),
}
