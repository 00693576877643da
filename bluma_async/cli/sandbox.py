"""`bluma sandbox`: the local API as a server."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bluma_async.sandbox.request_log import RequestRecord

__all__ = ["sandbox"]

LUMA = ("kie", "umami", "vapi")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", default=5001, show_default=True, help="On which port; 0 takes a free one.")
@click.option("--speed", default=1.0, show_default=True, help="Sandbox seconds to a real one.")
@click.option("--clock", type=click.Choice(["real", "manual"]), default="real", show_default=True)
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="A folder that keeps everything.")
@click.option("--no-render", is_flag=True, help="Serve small prepared clips, for load tests.")
@click.option("--test-key", default="bluma_test_sandbox", show_default=True)
@click.option("--live-key", default="bluma_live_sandbox", show_default=True)
@click.option("--credits", "credit", default=500, show_default=True, help="The opening balance.")
@click.option("--rate-limit", type=int, help="Requests an hour; default: the tier's.")
@click.option("--tier", type=click.Choice(["free", "starter", "pro", "enterprise"]), default="pro", show_default=True)
@click.option("--strict", is_flag=True, help="Refuse prompts of less than ten characters.")
@click.option("--honour-idempotency", is_flag=True, help="Answer a repeated Idempotency-Key; the real API does not.")
@click.option("--allow-remote-control", is_flag=True, help="Serve /_sandbox on addresses that are not loopback.")
def sandbox(no_render: bool, credit: int, **settings: Any) -> None:
    """Run a local API. Prints NAME=value lines for `export`, then the requests it serves."""
    from bluma_async.cli.generate import sandbox_class  # noqa: PLC0415 - needs another extra

    try:
        local = sandbox_class()(render=not no_render, credits=credit, **settings)
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None
    try:
        asyncio.run(_serve(local))
    except OSError as taken:
        raise click.ClickException(f"Cannot listen: {taken}. Choose another --port, or 0 for a free one.") from None
    except ValueError as wrong:
        raise click.ClickException(str(wrong)) from None


async def _serve(local: Any) -> None:
    stopped = asyncio.Event()
    with contextlib.suppress(NotImplementedError):  # not on RateLimits
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with local:
        local.watch(_log)
        for name, value in (
            ("BLUMA_BASE_URL", local.base_url),
            ("BLUMA_API_KEY", local.test_key),
            ("BLUMA_TEST_KEY", local.test_key),
            ("BLUMA_LIVE_KEY", local.live_key),
            ("BLUMA_WEBHOOK_SECRET", local.webhook_secret),
            *((f"{name.upper()}_BASE_URL", local.luma_url(name)) for name in LUMA),
            *((f"{name.upper()}_API_KEY", local.test_key) for name in LUMA),
        ):
            click.echo(f"{name}={value}")
        await stopped.wait()


def _log(record: RequestRecord) -> None:
    query = f"?{record.query}" if record.query else ""
    status = "cut" if record.status is None else record.status
    click.echo(f"{record.method} {record.path}{query} {status} {record.latency:.1f} ms", err=True)
