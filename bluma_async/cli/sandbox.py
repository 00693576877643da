"""The command `bluma sandbox`: run the sandbox as a server."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bluma_async.cli.running import import_sandbox
from bluma_async.luma.registry import PROVIDERS

if TYPE_CHECKING:
    from bluma_async.sandbox.request_log import RequestRecord

__all__ = ["sandbox"]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5001, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option("--speed", default=1.0, show_default=True, help="Sandbox seconds for each real second.")
@click.option("--clock", type=click.Choice(["real", "manual"]), default="real", show_default=True)
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Folder that keeps all state across restarts."
)
@click.option("--no-render", is_flag=True, help="Serve small prepared clips instead of drawn videos, for load tests.")
@click.option("--test-key", default="bluma_test_sandbox", show_default=True)
@click.option("--live-key", default="bluma_live_sandbox", show_default=True)
@click.option("--credits", "opening_balance", default=500, show_default=True, help="Opening balance.")
@click.option("--rate-limit", type=int, help="Requests an hour for each key; default: the tier's limit.")
@click.option("--tier", type=click.Choice(["free", "starter", "pro", "enterprise"]), default="pro", show_default=True)
@click.option("--strict", is_flag=True, help="Reject prompts of less than ten characters.")
@click.option("--honour-idempotency", is_flag=True, help="Honour a repeated Idempotency-Key; the real API ignores it.")
@click.option("--allow-remote-control", is_flag=True, help="Serve /_sandbox on addresses other than loopback.")
def sandbox(no_render: bool, opening_balance: int, **settings: Any) -> None:
    """Run a local API. Prints NAME=value lines for `export`, then logs the requests that it serves."""
    try:
        local = import_sandbox()(render=not no_render, credits=opening_balance, **settings)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        asyncio.run(_serve(local))
    except OSError as error:
        raise click.ClickException(f"Cannot listen: {error}. Choose another --port, or 0 for a free one.") from None
    except ValueError as error:
        raise click.ClickException(str(error)) from None


async def _serve(local: Any) -> None:
    stopped = asyncio.Event()
    with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers in event loops
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with local:
        local.watch(_log)
        for name, value in (
            ("BLUMA_BASE_URL", local.base_url),
            ("BLUMA_API_KEY", local.test_key),
            ("BLUMA_TEST_KEY", local.test_key),
            ("BLUMA_LIVE_KEY", local.live_key),
            ("BLUMA_WEBHOOK_SECRET", local.webhook_secret),
            *((f"{name.upper()}_BASE_URL", local.luma_url(name)) for name in PROVIDERS),
            *((f"{name.upper()}_API_KEY", local.test_key) for name in PROVIDERS),
        ):
            click.echo(f"{name}={value}")
        await stopped.wait()


def _log(record: RequestRecord) -> None:
    query = f"?{record.query}" if record.query else ""
    status = "cut" if record.status is None else record.status
    click.echo(f"{record.method} {record.path}{query} {status} {record.latency:.1f} ms", err=True)
