"""`bluma trigger`: send a signed event that never happened, to try the program that receives it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Dict, Sequence

import click

from bluma_async.cli.accounts import SANDBOX_SECRET, with_account
from bluma_async.cli.creating import parse_pair
from bluma_async.cli.event_making import EventRecord, make_event, parse_target, post_event, sign_event
from bluma_async.cli.exit_codes import ExitCode
from bluma_async.cli.listen import LISTEN_URL
from bluma_async.cli.output import say_aside
from bluma_async.cli.printing import prints
from bluma_async.cli.webhooks import EVENTS

if TYPE_CHECKING:
    from bluma_async.cli.accounts import Account
    from bluma_async.cli.printing import Printer

__all__ = ["trigger"]


@click.command()
@click.argument("event", type=click.Choice(EVENTS), metavar="EVENT")
@click.argument("url", type=parse_target, default=LISTEN_URL, metavar="[URL]")
@click.option(
    "--data", "pairs", multiple=True, metavar="NAME=VALUE", help="A field of its data, or NAME:=JSON; repeatable."
)
@prints(EventRecord)
@with_account
def trigger(event: str, url: str, pairs: Sequence[str], account: Account, printer: Printer) -> None:
    """
    Post an EVENT such as video.completed to a URL, by default that of `bluma listen`.

    It is signed with BLUMA_WEBHOOK_SECRET, or with the profile's secret, else with the secret of the sandbox.
    """
    data: Dict[str, Any] = dict(parse_pair(pair, "--data") for pair in pairs)
    made = make_event(event, data)
    signed = sign_event(made, account.webhook_secret or SANDBOX_SECRET)
    record = EventRecord.of(made, **asyncio.run(post_event(url, signed)))
    printer.show(record)
    if record.problem is not None:
        say_aside(f"Error: {record.problem}.")
        raise click.exceptions.Exit(ExitCode.FAILED)
