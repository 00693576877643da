"""`bluma luma`: make, extend and change videos with the Luma providers. The registry lists the providers."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, AsyncGenerator, Callable, Dict, Generator, TypeVar

import attrs
import click

from bluma_async.cli.accounts import ENDED
from bluma_async.cli.groups import Group
from bluma_async.cli.output import format_size, say_aside, say_surely
from bluma_async.cli.printing import Printer, Record, prints
from bluma_async.cli.progress import print_news
from bluma_async.cli.running import OutputPath, add_options, add_verify_option, make_sandbox, run_to_end
from bluma_async.errors import BlumaError, WaitTimeoutError
from bluma_async.luma.client import AsyncLuma
from bluma_async.luma.registry import list_providers
from bluma_async.transfer.places import check_place
from bluma_async.types import GenerationState

if TYPE_CHECKING:
    from bluma_async.types import Generation

__all__ = ["luma"]

F = TypeVar("F", bound=Callable[..., Any])
SANDBOX_SPEED = 100.0  # a generation takes about a second
SANDBOX_POLL = 0.1
SANDBOX_INPUT = "https://example.com/input.mp4"  # the sandbox does not fetch it


@attrs.frozen(kw_only=True)
class SavedGeneration(Record):
    """A generation that was saved, and where."""

    id: str
    kind: str
    provider: str
    path: str
    size_bytes: int


@click.group(cls=Group)
def luma() -> None:
    """Make, extend and change videos with kie.ai, UmamiAI and V-API."""


def _options(capability: str) -> Callable[[F], F]:
    """Return a decorator that adds the common options; `--provider` takes the providers with the capability."""
    return add_options(
        click.option("--provider", type=click.Choice(list_providers(capability)), required=True, help="Who makes it."),
        click.option("--sandbox", "in_sandbox", is_flag=True, help="Use a local sandbox: no key, no bill."),
        click.option(
            "-o", "--output", required=True, type=OutputPath(path_type=Path), help="The MP4 file to write, or a URL."
        ),
        click.option("--overwrite", is_flag=True, help="Replace an existing file."),
        click.option("--poll-interval", type=float, help="Seconds between two polls; default: the provider's."),
        click.option("--timeout", type=float, help="Seconds to wait; default: the provider's."),
        add_verify_option,
        prints(SavedGeneration),
    )


@luma.command()
@click.argument("prompt")
@click.option("--aspect-ratio", help="Such as 16:9.")
@click.option("--expand-prompt", is_flag=True, default=None, help="Let the provider add details to the prompt.")
@click.option("--loop", is_flag=True, default=None, help="Make a loop: the end of the video joins its start.")
@_options("generate")
def generate(prompt: str, aspect_ratio: str | None, expand_prompt: bool | None, loop: bool | None, **how: Any) -> None:
    """Make a video from a PROMPT, and save it."""

    async def start(client: AsyncLuma) -> Generation:
        return await client.generations.create(
            prompt, aspect_ratio=aspect_ratio, expand_prompt=expand_prompt, loop=loop
        )

    _run(start, **how)


@luma.command()
@click.argument("prompt")
@click.option("--id", "generation_id", help="The generation to extend; in the sandbox, a new one by default.")
@_options("extend")
def extend(prompt: str, generation_id: str | None, **how: Any) -> None:
    """Extend a generation by a PROMPT, and save it."""
    if generation_id is None and not how["in_sandbox"]:
        raise click.UsageError("Give --id, the generation to extend. Nothing was sent.")

    async def start(client: AsyncLuma) -> Generation:
        parent = generation_id
        if parent is None:
            parent = (await client.generations.create("A video to extend")).id
            await client.generations.wait_for(parent, poll_interval=SANDBOX_POLL)
        return await client.generations.extend(parent, prompt)

    _run(start, **how)


@luma.command()
@click.argument("prompt")
@click.option("--video-url", help="The public URL of the video to change.")
@click.option("--watermark", help="A text to mark the video with.")
@_options("modify")
def modify(prompt: str, video_url: str | None, watermark: str | None, **how: Any) -> None:
    """Change a video by a PROMPT, and save it."""
    if video_url is None and not how["in_sandbox"]:
        raise click.UsageError("Give --video-url, the video to change. Nothing was sent.")

    async def start(client: AsyncLuma) -> Generation:
        source = video_url or SANDBOX_INPUT
        return await client.modifications.create(prompt, video_url=source, watermark=watermark)

    _run(start, **how)


def _run(start: Callable[[AsyncLuma], Any], *, output: Path | str, overwrite: bool, **how: Any) -> None:
    check_place(output, overwrite=overwrite, option="--overwrite")
    run_to_end(_make(start, output, overwrite=overwrite, **how))


async def _make(
    start: Callable[[AsyncLuma], Any],
    output: Path | str,
    *,
    overwrite: bool,
    provider: Any,
    in_sandbox: bool,
    printer: Printer,
    verify: Any,
    **wait: Any,
) -> None:
    """Start a generation, wait for it, save it, and print what was saved."""
    note = say_aside if printer.is_json else say_surely
    async with _client(provider, in_sandbox=in_sandbox) as client:
        resource = client.modifications if client.capabilities.modify else client.generations
        unknown = "Stopped during the create, which may have been accepted and billed. Look for it at the provider."
        with _explaining_stop(ENDED if in_sandbox else unknown):
            started = await start(client)
        note(f"{started.kind.capitalize()} {started.id}")
        wait["poll_interval"] = SANDBOX_POLL if in_sandbox else wait["poll_interval"]
        going_on = f"Stopped. The {started.kind} continues at the provider, under its id."
        with _explaining_stop(ENDED if in_sandbox else going_on):
            generation = await _wait(resource, started, wait, in_sandbox=in_sandbox)
        size = await resource.save(generation, output, overwrite=overwrite, verify=verify)
    note(f"Saved {output}: {format_size(size)}")
    if printer.is_json:
        printer.show(
            SavedGeneration(
                id=generation.id, kind=str(started.kind), provider=str(provider), path=str(output), size_bytes=size
            )
        )


async def _wait(resource: Any, started: Generation, wait: Dict[str, Any], *, in_sandbox: bool) -> Generation:
    """Return a generation that has succeeded."""
    try:
        generation: Generation = await resource.wait_for(started, **wait, on_status=print_news)
    except WaitTimeoutError as error:
        if in_sandbox:
            error.message = f"The {started.kind} {started.id} was not finished in time. {ENDED}"
        raise
    if generation.state != GenerationState.SUCCEEDED:
        reason = generation.error.message if generation.error else generation.raw_state
        raise BlumaError(f"The {started.kind} failed: {reason}.")
    return generation


@contextmanager
def _explaining_stop(text: str) -> Generator[None, None, None]:
    """Print a text if Ctrl-C ends the block."""
    try:
        yield
    except asyncio.CancelledError:
        say_aside(text)
        raise


@asynccontextmanager
async def _client(provider: Any, *, in_sandbox: bool) -> AsyncGenerator[AsyncLuma, None]:
    if not in_sandbox:
        async with AsyncLuma(provider) as client:
            yield client
        return
    async with make_sandbox(speed=SANDBOX_SPEED) as sandbox:  # noqa: SIM117 - 3.8 wants no parentheses
        async with AsyncLuma(provider, sandbox.test_key, sandbox.luma_url(provider)) as client:
            yield client
