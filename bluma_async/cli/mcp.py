"""
`bluma mcp`: a server of the Model Context Protocol, through which an agent makes videos within a limit of credits.

Rule 1: the tools are a thin skin over `LiveBatch`: the limit, the journal and the certainty of creates are those of
batches. The limit counts what the journal has bought, also before this process.
Rule 2: an agent names no paths. Files are saved to the folder of the command, under the keys of their jobs.
Rule 3: stdout belongs to the protocol; nothing else is printed there.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Dict, Generator, List

import click

from bluma_async.batch.live import LiveBatch, open_live
from bluma_async.cli.accounts import Account, with_account
from bluma_async.cli.running import add_settle_options
from bluma_async.errors import AmbiguousCreateError, BlumaError
from bluma_async.stores.states import JobState

if TYPE_CHECKING:
    from bluma_async.batch.results import BatchResult
    from bluma_async.client import AsyncBluma
    from bluma_async.types import Video

__all__ = ["build_server", "mcp"]

INSTRUCTIONS = (
    "Makes videos from prompts with the Bluma API. Each create costs credits, up to a limit that you cannot change. "
    "Choose a template with list_templates, ask for the price with estimate, then create, wait and save. A job has a "
    "key: use it for status, wait and save. Creating the same content again returns the same job and costs nothing."
)
ADVICE = {
    JobState.CREATING: "It may have been created and billed. Do not create it again: call status later, which searches "
    "for it.",
    JobState.RENDERING: "It renders, which takes two to five minutes. Call wait.",
    JobState.RENDERED: "It is finished. Call save to get the file.",
    JobState.SAVED: "The file is at `path`.",
    JobState.FAILED: "It has failed. To try again, create it with another key.",
    JobState.IN_DOUBT: "It was, or may have been, created and billed; `candidates` may be its video. Do not create it "
    "again: a person must decide, with `bluma batch adopt` or `bluma batch retry`.",
}
LONGEST_WAIT = 3600.0


class Tools:
    """The tools of the server. Their names and docstrings are what an agent sees."""

    def __init__(self, client: AsyncBluma, live: LiveBatch, max_credits: float) -> None:
        self._client = client
        self._live = live
        self._max_credits = max_credits

    async def list_templates(self) -> List[Dict[str, Any]]:
        """List the templates: id, description, price in credits at 720p, resolutions, and the schema of `context`."""
        with _explained():
            return [template.to_dict() for template in await self._client.templates.list()]

    async def estimate(
        self, template_id: str, prompt: str, context: Dict[str, Any] | None = None, resolution: str | None = None
    ) -> Dict[str, Any]:
        """
        Return the probable price of a video in credits, and the credits that are left. Nothing is created.

        `context` has further values of the template, such as `system_prompt`; `resolution` is `720p`, `1080p` or `4k`.
        """
        options = None if resolution is None else {"resolution": resolution}
        with _explained():
            whole = {**(context or {}), "prompt": prompt}
            price = await self._client.videos.estimate(whole, template_id, None, options)
            return {**price.to_dict(), **await self._count()}

    async def create(
        self,
        template_id: str,
        prompt: str,
        context: Dict[str, Any] | None = None,
        resolution: str | None = None,
        key: str | None = None,
    ) -> Dict[str, Any]:
        """
        Create a video, which costs credits, and return its job. Rendering takes two to five minutes: call `wait`.

        The same content returns the same job, and costs nothing. `key` names the job and its file; a new key makes
        another video of the same content. If `is_certain` is false, the video may have been created and billed: do
        not create it again.
        """
        whole = {**(context or {}), "prompt": prompt}
        row = {"template_id": template_id, "context": whole, "resolution": resolution, "key": key}
        with _explained():
            return await self._describe(await self._live.create(row))

    async def status(self, key: str | None = None) -> Dict[str, Any]:
        """Return the present state of a job; without a key, the number of jobs in each state and the credits."""
        with _explained():
            if key is None:
                return {**(await self._live.count()).to_dict(), **await self._count()}
            return await self._describe(*await self._live.look(key))

    async def wait(self, key: str, timeout: float = 300.0) -> Dict[str, Any]:
        """Wait for at most `timeout` seconds until the video of a job is finished or has failed, and return the job."""
        with _explained():
            return await self._describe(*await self._live.wait(key, min(timeout, LONGEST_WAIT)))

    async def save(self, key: str) -> Dict[str, Any]:
        """Save the finished video of a job to a file of the server's machine, and return the job with its `path`."""
        with _explained():
            return await self._describe(await self._live.save(key))

    async def _describe(self, result: BatchResult, video: Video | None = None) -> Dict[str, Any]:
        said: Dict[str, Any] = {
            "is_certain": result.state not in (JobState.CREATING, JobState.IN_DOUBT),
            "progress": None if video is None else video.progress,
            "advice": ADVICE.get(result.state, ""),
        }
        return {**result.to_dict(), **said, **await self._count()}

    async def _count(self) -> Dict[str, Any]:
        used = (await self._live.count()).credits_net
        return {"max_credits": self._max_credits, "credits_left": max(self._max_credits - used, 0)}


def build_server(tools: Tools) -> Any:
    """Return the server of fastmcp for the tools."""
    server: Any = _load()("bluma", instructions=INSTRUCTIONS)
    for tool in (tools.list_templates, tools.estimate, tools.create, tools.status, tools.wait, tools.save):
        server.tool(tool)
    return server


def _load() -> Any:
    """
    Return the class of fastmcp.

    Raises:
        UsageError: It is not installed.
    """
    try:
        from fastmcp import FastMCP  # noqa: PLC0415 - an extra, which other commands do not need
    except ImportError as missing:
        needs = f'bluma mcp needs {missing.name}: pip install "bluma[mcp]" (Python 3.10 or later). Nothing was sent.'
        raise click.UsageError(needs) from None
    return FastMCP


@contextmanager
def _explained() -> Generator[None, None, None]:
    """Turn an error of the SDK into one that the agent sees, with its text."""
    from fastmcp.exceptions import ToolError  # noqa: PLC0415 - an extra, which other commands do not need

    try:
        yield
    except AmbiguousCreateError as doubt:
        raise ToolError(f"This may have been created and billed. Do not create it again. {doubt}") from doubt
    except BlumaError as error:
        raise ToolError(str(error)) from error


@click.command()
@click.option("--max-credits", type=float, required=True, help="The credits that all creates of the journal may cost.")
@click.option("--out", default="videos", show_default=True, help="The folder for the files, or a URL like s3://bucket.")
@click.option("--journal", help="The journal; default: journal.sqlite in the folder.")
@click.option("--poll-interval", type=float, default=5.0, show_default=True, help="Seconds between two polls.")
@add_settle_options
@with_account
def mcp(max_credits: float, settle_time: float, exclusive_key: bool, account: Account, **options: Any) -> None:
    """
    Serve the tools of an agent over stdin and stdout (MCP): list templates, estimate, create, status, wait, save.

    Every create is recorded in the journal, and all together cost at most --max-credits, across restarts.
    """

    async def serve() -> None:
        async with account.open(settle_time=settle_time, exclusive=exclusive_key) as client, open_live(
            client.batch(max_credits=max_credits, **options)
        ) as live:
            await build_server(Tools(client, live, max_credits)).run_stdio_async(show_banner=False, log_level="WARNING")

    _load()
    asyncio.run(serve())
