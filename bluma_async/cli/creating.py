"""The options of a create: the prompt, the context, the template, and what the server makes of them."""

from __future__ import annotations

import functools
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Generator, Sequence, Tuple, TypeVar, get_args

import attrs
import click

from bluma_async._runtime.closeness import find_close
from bluma_async._wire.json_values import is_object, parse_json
from bluma_async.cli.completing import complete_template, list_known_templates
from bluma_async.cli.continuing import spell_save
from bluma_async.cli.failures import report
from bluma_async.cli.running import add_options
from bluma_async.errors import AmbiguousCreateError, InvalidArgumentError, ValidationError
from bluma_async.types import KnownResolution

if TYPE_CHECKING:
    from bluma_async.client import AsyncBluma
    from bluma_async.types import Video

__all__ = ["CreateRequest", "parse_pair", "with_create"]

F = TypeVar("F", bound=Callable[..., Any])
NOTHING_SENT = "Nothing was sent."


@attrs.frozen
class CreateRequest:
    """The arguments of a create."""

    context: Dict[str, Any]
    template: str | None
    variant: str | None
    webhook_url: str | None
    options: Dict[str, Any] | None
    idempotency_key: str | None

    async def send(self, client: AsyncBluma) -> Video:
        """Create the video."""
        return await client.videos.create(
            self.context,
            self.template,
            self.variant,
            self.webhook_url,
            self.options,
            idempotency_key=self.idempotency_key,
        )


_options = add_options(
    click.argument("prompt", required=False),
    click.option("-t", "--template", shell_complete=complete_template, help="The template, such as ugc-text-overlay."),
    click.option("--variant", help="The id of a saved preset, instead of a template."),
    click.option("--resolution", type=click.Choice(get_args(KnownResolution)), help="Default: the API's."),
    click.option("--watermark/--no-watermark", default=None, help="For test keys alone. Default: the API's."),
    click.option(
        "--context",
        "pairs",
        multiple=True,
        metavar="NAME=VALUE",
        help="A further field of the context; repeatable. NAME:=JSON gives a value that is not text.",
    ),
    click.option(
        "--context-file",
        type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
        help="A JSON object with the context; - reads the standard input.",
    ),
    click.option("--webhook-url", help="A URL to which the events of this video are sent."),
    click.option(
        "--idempotency-key",
        help="The header that names this create; default: a random one. It prevents no second bill: the API does not "
        "promise to recognise a repeated key.",
    ),
)


def with_create(command: F) -> F:
    """Add the options of a create, and pass them to a command as `request`."""

    @_options
    @functools.wraps(command)
    def run(
        *,
        prompt: str | None,
        template: str | None,
        variant: str | None,
        resolution: str | None,
        watermark: bool | None,
        pairs: Sequence[str],
        context_file: Path | None,
        webhook_url: str | None,
        idempotency_key: str | None,
        **others: Any,
    ) -> Any:
        if (template is None) == (variant is None):
            raise click.UsageError(f"Give either --template or --variant. {NOTHING_SENT}")
        context = _build_context(prompt, pairs, context_file)
        given = {"resolution": resolution, "watermark": watermark}
        options = {name: value for name, value in given.items() if value is not None} or None
        request = CreateRequest(context, template, variant, webhook_url, options, idempotency_key)
        with _reporting(template):
            return command(request=request, **others)

    return run  # type: ignore[return-value]  # click passes the options by name


@contextmanager
def _reporting(template: str | None) -> Generator[None, None, None]:
    """Report a create in doubt, with the command that saves a candidate, and name a template that is refused."""
    try:
        yield
    except AmbiguousCreateError as doubt:  # reported here, where the options of the command are known
        raise click.exceptions.Exit(report(doubt, spell_save)) from doubt
    except ValidationError as refusal:
        is_answer = not isinstance(refusal, InvalidArgumentError)
        if is_answer and refusal.field == "template_id" and template is not None:
            _name_template(refusal, template)
        raise


def _name_template(refusal: ValidationError, template: str) -> None:
    """Add the refused id to the message of the API, and the known id that is closest to it."""
    close = find_close(template, list_known_templates())
    hint = f" Did you mean {close!r}?" if close else ""
    reason = refusal.message.rstrip(".")
    refusal.message = f"The template {template!r} was refused: {reason}.{hint} `bluma templates` lists the templates."


def _build_context(prompt: str | None, pairs: Sequence[str], file: Path | None) -> Dict[str, Any]:
    """Return the context: of the file, then of the pairs, then the prompt; the later ones win."""
    context = {} if file is None else _read_file(file)
    context.update(parse_pair(pair, "--context") for pair in pairs)
    if prompt is not None:
        context["prompt"] = prompt
    if not context:
        raise click.UsageError(f"Give a PROMPT, or a context with --context or --context-file. {NOTHING_SENT}")
    return context


def _read_file(file: Path) -> Dict[str, Any]:
    name = "The standard input" if str(file) == "-" else str(file)
    try:
        text = (sys.stdin.read() if sys.stdin else "") if str(file) == "-" else file.read_text(encoding="utf-8-sig")
        content = parse_json(text)
    except OSError as problem:
        raise click.UsageError(f"{name} cannot be read: {problem.strerror}. {NOTHING_SENT}") from None
    except ValueError as problem:
        raise click.UsageError(f"{name} is not JSON: {problem}. {NOTHING_SENT}") from None
    if not is_object(content):
        raise click.UsageError(f"{name} must have a JSON object. {NOTHING_SENT}")
    return dict(content)


def parse_pair(pair: str, option: str) -> Tuple[str, Any]:
    """Return the name and the value of NAME=VALUE, or of NAME:=JSON."""
    name, is_pair, value = pair.partition("=")
    if not is_pair or not name.rstrip(":"):
        raise click.UsageError(f"{option} {pair!r} must be NAME=VALUE or NAME:=JSON. {NOTHING_SENT}")
    if not name.endswith(":"):
        return name, value
    try:
        return name[:-1], parse_json(value)
    except ValueError as problem:
        raise click.UsageError(f"{option} {pair!r}: the value is not JSON: {problem}. {NOTHING_SENT}") from None
