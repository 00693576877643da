"""The server of `bluma listen`: verify each event, print a line, forward it, and answer as the program did."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, AsyncGenerator

import click
from aiohttp import web

from bluma_async._wire.events import verify_webhook
from bluma_async.cli.event_making import EventRecord, Signed, post_event
from bluma_async.cli.ports import explain_port
from bluma_async.errors import WebhookVerificationError

if TYPE_CHECKING:
    from bluma_async.cli.printing import Printer

__all__ = ["EventServer"]

LARGEST = 1 << 20  # bytes
FORWARDED = ("Content-Type", "X-Bluma-Signature", "X-Bluma-Event-Id", "X-Bluma-Event-Type")


class EventServer:
    """
    Receives events on every path.

    Args:
        secret: The secret of the webhook.
        printer: Prints a record for each request.
        forward: The URL that valid events are posted to; None for none.
    """

    def __init__(self, secret: str, printer: Printer, forward: str | None) -> None:
        self.secret = secret
        self._printer = printer
        self._forward = forward

    @asynccontextmanager
    async def running(self, host: str, port: int) -> AsyncGenerator[str, None]:
        """
        Listen until the end of the block, and yield the URL.

        Raises:
            ClickException: The port is in use, or the address is not one of this machine.
        """
        app = web.Application(client_max_size=LARGEST)
        app.router.add_post("/{path:.*}", self._receive)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await _start(runner, host, port)
            yield "http://{}:{}/".format(*runner.addresses[0][:2])
        finally:
            await runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            event = verify_webhook(body, request.headers.get("X-Bluma-Signature"), self.secret)
        except WebhookVerificationError as problem:
            self._print(EventRecord(problem=str(problem)))
            return web.Response(status=401, text=str(problem))
        if self._forward is None:
            self._print(EventRecord.of(event))
            return web.Response(text="")
        headers = {name: request.headers[name] for name in FORWARDED if name in request.headers}
        record = EventRecord.of(event, **await post_event(self._forward, Signed(body, headers)))
        self._print(record)
        return web.Response(status=record.forwarded or 502, text=record.problem or "")  # a failure is sent again

    def _print(self, record: EventRecord) -> None:
        """Print a record. A reader that has gone is not a failure of the sender."""
        try:
            self._printer.show_all([record])
        except click.exceptions.Exit:
            return


async def _start(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as problem:
        raise explain_port(problem, host, port) from None
