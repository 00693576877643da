"""`bluma listen`: receive events on a local port, or make them by polling, print them, and forward them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, AsyncGenerator, Dict, Sequence
from urllib.parse import urlsplit

import click

from bluma_async.cli.accounts import LOOPBACK, SANDBOX_SECRET, with_account
from bluma_async.cli.combinations import refuse_options
from bluma_async.cli.event_making import EventRecord, parse_target
from bluma_async.cli.output import say_aside
from bluma_async.cli.printing import prints
from bluma_async.cli.running import run_to_end
from bluma_async.cli.webhooks import EVENTS

if TYPE_CHECKING:
    from bluma_async.cli.accounts import Account
    from bluma_async.cli.printing import Printer
    from bluma_async.client import AsyncBluma

__all__ = ["LISTEN_URL", "listen"]

PORT = 4242
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - addresses that are recognized, and not listened on
LISTEN_URL = f"http://127.0.0.1:{PORT}/"


@click.command()
@click.option(
    "--forward", type=parse_target, metavar="URL", help="Post each valid event to this URL, as it was received."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes a free one.")
@click.option(
    "--register",
    metavar="URL",
    help="The public URL of your tunnel to this port: it is registered as a webhook now, and deleted at the end.",
)
@click.option("--event", "events", multiple=True, type=click.Choice(EVENTS), help="For --register. Default: all.")
@click.option("--poll", is_flag=True, help="Listen on no port: read the videos, and make the events of their changes.")
@click.option("--interval", type=click.FloatRange(0.01), default=5.0, show_default=True, help="For --poll: seconds.")
@prints(EventRecord, "created_at", "type", "id", "video_id", "forwarded", "problem")
@with_account
def listen(account: Account, printer: Printer, poll: bool, register: str | None, **options: Any) -> None:
    """
    Receive events until Ctrl-C: verify them, print a line for each, and forward them.

    They are verified with BLUMA_WEBHOOK_SECRET, or with the profile's secret, else with the secret of the sandbox. With
    --poll, events are made and signed on this machine, so that no tunnel is needed; it makes no credits events.
    """
    if poll and register is not None:
        raise click.UsageError("Give either --poll or --register. Nothing was sent.")
    if poll:
        refuse_options("host", "port", reason="--poll listens on no port")
    else:
        refuse_options("interval", reason="it is for --poll")
        _refuse_loop(options["forward"], options["host"], options["port"])
    if register is None:
        refuse_options("events", reason="it is for --register")
    work = _poll(account, printer, **options) if poll else _serve(account, printer, register, **options)
    run_to_end(work, ends_gracefully=True)  # so that a registered webhook is deleted at SIGTERM too


def _refuse_loop(forward: str | None, host: str, port: int) -> None:
    """
    Refuse to forward events to this command itself, which would forward them again.

    Raises:
        UsageError: The URL is that of the port which is listened on.
    """
    target = urlsplit(forward or "")
    if target.port == port and target.hostname in {*LOOPBACK, *EVERYWHERE, host}:
        raise click.UsageError(
            f"--forward {forward} is this command itself, which listens on port {port}. Nothing was sent: name the URL "
            "of your program, or another --port."
        )


async def _poll(account: Account, printer: Printer, *, forward: str | None, interval: float, **_: Any) -> None:
    from bluma_async.cli.polling import poll_events  # noqa: PLC0415 - only --poll needs it

    secret = account.webhook_secret or SANDBOX_SECRET
    async with account.open() as client:
        say_aside("Polling the videos. Ctrl-C ends it.")
        await poll_events(client, printer, interval=interval, secret=secret, forward=forward)


async def _serve(
    account: Account,
    printer: Printer,
    register: str | None,
    *,
    host: str,
    port: int,
    forward: str | None,
    events: Sequence[str],
    **_: Any,
) -> None:
    from bluma_async.cli.receiving import EventServer  # noqa: PLC0415 - loads the web server

    async with contextlib.AsyncExitStack() as stack:
        secret = account.webhook_secret or SANDBOX_SECRET
        server = EventServer(secret, printer, forward)
        url = await stack.enter_async_context(server.running(host, port))
        if register is not None:
            client = await stack.enter_async_context(account.open())
            made = await stack.enter_async_context(_registered(client, register, events or EVENTS))
            server.secret = made["secret"] or secret
            say_aside(f"Registered {register} as {made['id']}")
        elif account.webhook_secret is None:
            say_aside("No secret is set: events are verified with that of the sandbox. Set BLUMA_WEBHOOK_SECRET.")
        say_aside(f"Listening on {url}. Ctrl-C ends it.")
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def _registered(client: AsyncBluma, url: str, events: Sequence[str]) -> AsyncGenerator[Dict[str, Any], None]:
    """Register a webhook, and delete it at the end, however that comes."""
    webhook = await client.webhooks.create(url, events)
    try:
        yield {"id": webhook.id, "secret": webhook.secret}
    finally:
        await client.webhooks.delete(webhook.id)
        say_aside(f"Deleted {webhook.id}")
