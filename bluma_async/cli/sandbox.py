"""The command `bluma sandbox`: run the sandbox as a server."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, AsyncGenerator, Sequence

import click

from bluma_async.cli.output import is_output_lost, say, say_aside
from bluma_async.cli.ports import explain_port
from bluma_async.cli.running import make_sandbox
from bluma_async.luma.registry import PROVIDERS

if TYPE_CHECKING:
    from bluma_async.sandbox.cruelty import Cruelty
    from bluma_async.sandbox.recorder import SentDelivery
    from bluma_async.sandbox.request_log import RequestRecord

__all__ = ["sandbox"]


WITHOUT_DRAWING = "With --no-render videos are small prepared clips, which need no package."


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5001, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option("--speed", default=1.0, show_default=True, help="Sandbox seconds for each real second.")
@click.option(
    "--clock", type=click.Choice(["real", "manual"]), default="real", show_default=True, help="Manual: tests move it."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that keeps the account across restarts: videos, credits, keys, rate-limit windows, Idempotency-Keys. "
    "Faults, cruelty and the log of requests begin anew. A kill loses the windows since the last stop.",
)
@click.option("--no-render", is_flag=True, help="Serve small prepared clips instead of drawn videos, for load tests.")
@click.option("--test-key", default="bluma_test_sandbox", show_default=True, help="Its videos cost no credits.")
@click.option("--live-key", default="bluma_live_sandbox", show_default=True, help="Its videos cost credits.")
@click.option("--credits", "opening_balance", default=500, show_default=True, help="Opening balance.")
@click.option("--rate-limit", type=int, help="Requests an hour for each key; default: the tier's limit.")
@click.option(
    "--tier",
    type=click.Choice(["free", "starter", "pro", "enterprise"]),
    default="pro",
    show_default=True,
    help="The plan of the account.",
)
@click.option("--strict", is_flag=True, help="Reject prompts of less than ten characters.")
@click.option("--honour-idempotency", is_flag=True, help="Honour a repeated Idempotency-Key; the real API ignores it.")
@click.option("--cruel", is_flag=True, help="Be slow, inconsistent and shared at random, as --seed draws it.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything that is random.")
@click.option(
    "--cruelty",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set one cruelty, such as list_lag=3, date_ahead=none or vapi_quirks=text_plain; repeatable. A wrong name "
    "lists all.",
)
@click.option(
    "--webhook-hosts",
    metavar="HOST[:PORT],...",
    help="Send events and callbacks to these hosts only. Default: all but services such as databases; with a --host "
    "other than loopback, no private addresses either.",
)
@click.option(
    "--allowed-hosts",
    metavar="HOST,...",
    default="",
    help="Further names in the Host header that are served, such as that of a container. Default: those of loopback.",
)
@click.option("--allow-remote-control", is_flag=True, help="Serve /_sandbox on addresses other than loopback.")
def sandbox(
    no_render: bool, opening_balance: int, cruel: bool, seed: int, pairs: Sequence[str], **settings: Any
) -> None:
    """Run a local API. Prints NAME=value lines for `export`, then logs the requests that it serves."""
    try:
        cruelty = _choose_cruelty(is_drawn=cruel, seed=seed, pairs=pairs)
        local = make_sandbox(
            without_drawing=WITHOUT_DRAWING, render=not no_render, credits=opening_balance, cruelty=cruelty, **settings
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        asyncio.run(_serve(local))
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _choose_cruelty(*, is_drawn: bool, seed: int, pairs: Sequence[str]) -> Cruelty:
    from bluma_async.sandbox.cruelty import Cruelty, parse_settings  # noqa: PLC0415 - needs the sandbox extra
    from bluma_async.sandbox.profiles import draw_cruelty  # noqa: PLC0415 - needs the sandbox extra

    chosen = parse_settings(pairs)
    return draw_cruelty(seed, **chosen) if is_drawn else Cruelty().change(**{"seed": seed, **chosen})


async def _serve(local: Any) -> None:
    stopped = asyncio.Event()
    with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers in event loops
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with _started(local):
        local.watch(_log)
        local.watch_deliveries(_log_delivery)
        for name, value in (
            ("BLUMA_BASE_URL", local.base_url),
            ("BLUMA_API_KEY", local.test_key),
            ("BLUMA_TEST_KEY", local.test_key),
            ("BLUMA_LIVE_KEY", local.live_key),
            ("BLUMA_WEBHOOK_SECRET", local.webhook_secret),
            *((f"{name.upper()}_BASE_URL", local.luma_url(name)) for name in PROVIDERS),
            *((f"{name.upper()}_API_KEY", local.test_key) for name in PROVIDERS),
        ):
            say(f"{name}={value}")
        if is_output_lost():  # nobody knows the address; `true` as a reader, which has just gone, may know it
            return
        if str(local.cruelty) != "none":
            say_aside(f"Cruelty: {local.cruelty}.")
        if local.settings.is_controllable:
            say_aside(f"Open {local.origin}/ in a browser to see and control it.")
        await stopped.wait()


@contextlib.asynccontextmanager
async def _started(local: Any) -> AsyncGenerator[None, None]:
    """
    Run a sandbox in the block.

    Raises:
        ClickException: It cannot start: its port, its address or its folder is not usable. The message says which.
    """
    try:
        await local.start()
    except OSError as problem:
        if problem.filename is None:
            raise explain_port(problem, local.settings.host, local.settings.port) from None
        reason = f"{problem.filename} cannot be used: {problem.strerror}. Choose another folder with --data."
        raise click.ClickException(reason) from None
    try:
        yield
    finally:
        await local.stop()


def _log(record: RequestRecord) -> None:
    query = f"?{record.query}" if record.query else ""
    status = "cut" if record.status is None else record.status
    say_aside(f"{record.method} {record.path}{query} {status} {record.latency:.1f} ms")


def _log_delivery(sent: SentDelivery) -> None:
    outcome = "no answer" if sent.outcome.status is None else sent.outcome.status
    delivery = sent.delivery
    attempt = f"(attempt {delivery.attempt})"
    say_aside(f"{delivery.name} -> {delivery.url} {outcome} {sent.outcome.milliseconds} ms {attempt}")
