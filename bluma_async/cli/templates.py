"""`bluma templates` and `bluma variants`: from which videos are made."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, TypeVar

import click

from bluma_async._wire.json_values import is_object, parse_json
from bluma_async.cli.accounts import with_account
from bluma_async.cli.completing import complete_template, remember_templates, suggesting_template
from bluma_async.cli.groups import Group, without_subcommand
from bluma_async.cli.output import say
from bluma_async.cli.printing import prints
from bluma_async.types import Template, TemplateVariant

if TYPE_CHECKING:
    from bluma_async.cli.accounts import Account
    from bluma_async.cli.printing import Printer

__all__ = ["templates", "variants"]

F = TypeVar("F", bound=Callable[..., Any])


def takes_template(command: F) -> F:
    """Add the argument TEMPLATE, and a suggestion to the error for one that does not exist."""

    @click.argument("template", shell_complete=complete_template)
    @functools.wraps(command)
    def run(*args: Any, template: str, **others: Any) -> Any:
        with suggesting_template(template):
            return command(*args, template=template, **others)

    return run  # type: ignore[return-value]  # click passes the arguments by name


@click.group(cls=Group, invoke_without_command=True)
@without_subcommand
@prints(Template, "id", "base_cost", "name", "category", "duration", "aspect_ratio")
@with_account
def templates(account: Account, printer: Printer) -> None:
    """List the templates, with their prices in credits; `show` describes one."""
    found = account.call(lambda client: client.templates.list())
    if not account.is_sandbox:
        remember_templates(template.id for template in found)
    printer.show_all(found)


@templates.command()
@takes_template
@prints(Template)
@with_account
def show(template: str, account: Account, printer: Printer) -> None:
    """Show a TEMPLATE, with the schema of its context."""
    printer.show(account.call(lambda client: client.templates.get(template)))


@click.group(cls=Group)
def variants() -> None:
    """Save settings of a template as presets."""


@variants.command("list")
@takes_template
@prints(TemplateVariant, "id", "name", "template_id", "is_active", "created_at")
@with_account
def list_variants(template: str, account: Account, printer: Printer) -> None:
    """List the presets of a TEMPLATE."""
    printer.show_all(account.call(lambda client: client.variants.list(template)))


@variants.command("show")
@takes_template
@click.argument("variant_id")
@prints(TemplateVariant)
@with_account
def show_variant(template: str, variant_id: str, account: Account, printer: Printer) -> None:
    """Show the preset VARIANT_ID of a TEMPLATE, with its settings."""
    printer.show(account.call(lambda client: client.variants.get(template, variant_id)))


@variants.command("create")
@takes_template
@click.argument("name")
@click.option(
    "--settings", type=click.Path(path_type=Path, dir_okay=False), help="A file with settings: a JSON object."
)
@prints(TemplateVariant)
@with_account
def create_variant(template: str, name: str, settings: Path | None, account: Account, printer: Printer) -> None:
    """Save a preset of a TEMPLATE under a NAME."""
    content = None if settings is None else _read_settings(settings)
    printer.show(account.call(lambda client: client.variants.create(template, name, content)))


@variants.command("delete")
@takes_template
@click.argument("variant_id")
@with_account
def delete_variant(template: str, variant_id: str, account: Account) -> None:
    """Delete the preset VARIANT_ID of a TEMPLATE. Its videos are kept."""
    account.call(lambda client: client.variants.delete(template, variant_id))
    say(f"Deleted {variant_id}")


def _read_settings(file: Path) -> Dict[str, Any]:
    try:
        content = parse_json(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as problem:
        raise click.UsageError(f"{file} cannot be read as JSON: {problem}. Nothing was sent.") from None
    if not is_object(content):
        raise click.UsageError(f"{file} must have a JSON object. Nothing was sent.")
    return dict(content)
