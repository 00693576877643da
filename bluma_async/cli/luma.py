"""`bluma luma`: make, extend, change and save videos with the Luma providers, which the registry lists."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Awaitable, Callable, List, Sequence, cast

import click

from bluma_async.cli.accounts import ENDED
from bluma_async.cli.continuing import spell_command
from bluma_async.cli.exit_codes import ExitCode
from bluma_async.cli.generations import (
    SANDBOX_POLL,
    SavedGeneration,
    Saving,
    describe_failure,
    find_resource,
    read_wait,
)
from bluma_async.cli.groups import Group
from bluma_async.cli.luma_accounts import add_sandbox_option, is_temporary, open_luma
from bluma_async.cli.output import say_aside
from bluma_async.cli.paying import after_payment
from bluma_async.cli.printing import prints
from bluma_async.cli.progress import print_news
from bluma_async.cli.running import OutputPath, add_options, add_verify_option, run_to_end
from bluma_async.errors import WaitTimeoutError
from bluma_async.luma.registry import PROVIDERS, list_providers
from bluma_async.types import Generation, GenerationState

if TYPE_CHECKING:
    from bluma_async.cli.accounts import Account
    from bluma_async.cli.printing import Printer
    from bluma_async.luma.client import AsyncLuma
    from bluma_async.luma.registry import ProviderName

__all__ = ["luma"]

SANDBOX_INPUT = "https://example.com/input.mp4"  # the sandbox does not fetch it


@click.group(cls=Group)
def luma() -> None:
    """Make, extend and change videos with kie.ai, UmamiAI and V-API."""


_wait_options = add_options(
    click.option("--poll-interval", type=float, help="Seconds between two polls; default: the provider's."),
    click.option("--timeout", type=float, help="Seconds to wait; default: the provider's."),
)
_save_options = add_options(
    click.option(
        "-o", "--output", required=True, type=OutputPath(path_type=Path), help="The MP4 file to write, or a URL."
    ),
    click.option("--overwrite", is_flag=True, help="Replace an existing file."),
    _wait_options,
    add_verify_option,
    add_sandbox_option,
    prints(SavedGeneration),
)


def _options(capability: str) -> Callable[[Any], Any]:
    """Return a decorator that adds the common options; `--provider` takes the providers with the capability."""
    return add_options(
        click.option("--provider", type=click.Choice(list_providers(capability)), required=True, help="Who makes it."),
        _save_options,
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

    _make(start, **how)


@luma.command()
@click.argument("prompt")
@click.option("--id", "generation_id", help="The generation to extend; in the sandbox, a new one by default.")
@_options("extend")
def extend(prompt: str, generation_id: str | None, **how: Any) -> None:
    """Extend a generation by a PROMPT, and save it."""
    if generation_id is None and how["sandbox"] is None:
        raise click.UsageError("Give --id, the generation to extend. Nothing was sent.")

    async def start(client: AsyncLuma) -> Generation:
        parent = generation_id
        if parent is None:
            parent = (await client.generations.create("A video to extend")).id
            await client.generations.wait_for(parent, poll_interval=SANDBOX_POLL)
        return await client.generations.extend(parent, prompt)

    _make(start, **how)


@luma.command()
@click.argument("prompt")
@click.option("--video-url", help="The public URL of the video to change.")
@click.option("--watermark", help="A text to mark the video with.")
@_options("modify")
def modify(prompt: str, video_url: str | None, watermark: str | None, **how: Any) -> None:
    """Change a video by a PROMPT, and save it."""
    if video_url is None and how["sandbox"] is None:
        raise click.UsageError("Give --video-url, the video to change. Nothing was sent.")

    async def start(client: AsyncLuma) -> Generation:
        source = video_url or SANDBOX_INPUT
        return await client.modifications.create(prompt, video_url=source, watermark=watermark)

    _make(start, **how)


def _make(start: Callable[[AsyncLuma], Awaitable[Generation]], **options: Any) -> None:
    """Start a generation, wait for it, save it, and print what was saved."""
    saving = Saving(**options)
    saving.require()

    async def work() -> None:
        async with open_luma(saving.provider, saving.sandbox) as client:
            try:
                started = await start(client)
            except asyncio.CancelledError:
                unknown = "The create may have been accepted and billed. Look for it at the provider."
                say_aside(f"Stopped during the create. {ENDED if saving.is_temporary else unknown}")
                raise
            saving.note(f"{started.kind.capitalize()} {started.id}")
            with after_payment():
                await saving.finish(client, started)

    run_to_end(work())


_provider = click.option("--provider", type=click.Choice(list(PROVIDERS)), required=True, help="Who made it.")


@luma.command()
@click.argument("generation_id")
@_provider
@add_sandbox_option
@prints(Generation)
def get(generation_id: str, provider: ProviderName, sandbox: Account | None, printer: Printer) -> None:
    """Show the generation with this GENERATION_ID as it is now."""

    async def work() -> Generation:
        async with open_luma(provider, sandbox) as client:
            return cast("Generation", await find_resource(client).get(generation_id))

    printer.show(run_to_end(work()))


@luma.command()
@click.argument("generation_ids", nargs=-1, required=True)
@_provider
@_wait_options
@add_sandbox_option
@prints(Generation, "id", "kind", "state", "url")
def wait(
    generation_ids: Sequence[str], provider: ProviderName, sandbox: Account | None, printer: Printer, **options: Any
) -> None:
    """Wait until the generations with these GENERATION_IDS have ended. Exit code 1 if one has not succeeded."""
    how = read_wait(**options)

    async def work() -> List[Generation]:
        async with open_luma(provider, sandbox) as client:
            resource = find_resource(client)
            return list(
                await asyncio.gather(*(resource.wait_for(each, **how, on_status=print_news) for each in generation_ids))
            )

    try:
        found = run_to_end(work())
    except WaitTimeoutError:
        if not is_temporary(sandbox):
            say_aside(f"Continue with: {spell_command()}")
        raise
    printer.show_all(found)
    failed = [generation for generation in found if generation.state != GenerationState.SUCCEEDED]
    for generation in failed:
        say_aside(f"{generation.id}: {describe_failure(generation)}")
    if failed:
        raise click.exceptions.Exit(ExitCode.FAILED)


@luma.command()
@click.argument("generation_id")
@_provider
@_save_options
def save(generation_id: str, **options: Any) -> None:
    """Wait for the generation with this GENERATION_ID, and save it."""
    saving = Saving(**options)
    saving.require()

    async def work() -> None:
        async with open_luma(saving.provider, saving.sandbox) as client:
            await saving.finish(client, generation_id)

    run_to_end(work())
