"""`bluma webhooks`: the URLs that events are sent to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

import click

from bluma_async.cli.accounts import with_account
from bluma_async.cli.groups import Group
from bluma_async.cli.output import say
from bluma_async.cli.printing import prints
from bluma_async.types import Webhook, WebhookDelivery, WebhookEventType

if TYPE_CHECKING:
    from bluma_async.cli.accounts import Account
    from bluma_async.cli.printing import Printer
    from bluma_async.client import AsyncBluma

__all__ = ["EVENTS", "webhooks"]

EVENTS = tuple(map(str, WebhookEventType))


@click.group(cls=Group)
def webhooks() -> None:
    """List, create and delete webhooks, and read their deliveries."""


@webhooks.command("list")
@prints(Webhook, "id", "url", "events", "is_active", "created_at")
@with_account
def list_webhooks(account: Account, printer: Printer) -> None:
    """List the webhooks, without their secrets."""
    printer.show_all(account.call(lambda client: client.webhooks.list()))


@webhooks.command("create")
@click.argument("url")
@click.option("--event", "events", multiple=True, type=click.Choice(EVENTS), help="Repeatable. Default: all.")
@prints(Webhook)
@with_account
def create_webhook(url: str, events: Sequence[str], account: Account, printer: Printer) -> None:
    """Register a URL for events. Store the secret that is printed: it is shown only now."""

    async def work(client: AsyncBluma) -> None:
        printer.show(await client.webhooks.create(url, events or EVENTS))  # before a signal can discard the secret

    account.call(work)


@webhooks.command("delete")
@click.argument("webhook_id")
@with_account
def delete_webhook(webhook_id: str, account: Account) -> None:
    """Remove the webhook WEBHOOK_ID."""
    account.call(lambda client: client.webhooks.delete(webhook_id))
    say(f"Deleted {webhook_id}")


@webhooks.command()
@click.argument("webhook_id")
@prints(
    WebhookDelivery, "id", "event_type", "attempt_number", "status_code", "duration_ms", "created_at", "error_message"
)
@with_account
def deliveries(webhook_id: str, account: Account, printer: Printer) -> None:
    """List the attempts to deliver events to the webhook WEBHOOK_ID."""
    printer.show_all(account.call(lambda client: client.webhooks.get_deliveries(webhook_id)))
