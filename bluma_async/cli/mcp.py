"""
`bluma mcp`: a server of the Model Context Protocol, through which an agent makes videos within a limit of credits.

Rule 1: the tools are a thin skin over `LiveBatch`: the limit, the journal and the certainty of creates are those of
batches. The limit counts what the journal has bought, also before this process.
Rule 2: an agent names no paths. Files are saved to the folder of the command, under the keys of their jobs.
Rule 3: stdout belongs to the protocol; nothing else is printed there.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Dict, Generator, List

import click

from bluma_async._version import __version__
from bluma_async.batch.live import LiveBatch, open_live
from bluma_async.cli.accounts import Account, with_account
from bluma_async.cli.ending_input import input_ends_at
from bluma_async.cli.exit_codes import ExitCode
from bluma_async.cli.journals import choose_journal
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
    "key: use it for status, wait and save. A create without a key whose content was created before returns that job "
    "and costs nothing. A create with a new key buys another video, also of the same content."
)
ADVICE = {
    JobState.PLANNED: "Nothing is bought yet. Create the same content with this key, which buys it now, or returns its "
    "job if a create of it is under way.",
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
ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


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
        `warnings` names what `create` would send, and bill, although it may be a mistake, such as an unknown name.
        """
        row = {"template_id": template_id, "prompt": prompt, "context": context, "resolution": resolution}
        options = None if resolution is None else {"resolution": resolution}
        with _explained():
            warnings = await self._live.check(row)
            whole = {**(context or {}), "prompt": prompt}
            price = await self._client.videos.estimate(whole, template_id, None, options)
            return {**price.to_dict(), **self._count(), "warnings": warnings}

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

        Leave out `key`, and a content that was created before, under whatever key, returns its job and costs nothing.
        A new `key` names the job and its file, and buys another video, also of the same content; a known one returns
        its job. If `is_certain` is false, the video may have been created and billed: do not create it again.
        `warnings` lists possible mistakes in what was sent. `estimate` lists them before anything is billed.
        """
        row = {"template_id": template_id, "prompt": prompt, "context": context, "resolution": resolution, "key": key}
        with _explained():
            warnings = await self._live.check(row)
            return {**self._describe(await self._live.create(row)), "warnings": warnings}

    async def status(self, key: str | None = None) -> Dict[str, Any]:
        """Return the present state of a job; without a key, the number of jobs in each state and the credits."""
        with _explained():
            if key is None:
                return {**(await self._live.count()).to_dict(), **self._count()}
            return self._describe(*await self._live.look(key))

    async def wait(self, key: str, timeout: float = 300.0) -> Dict[str, Any]:
        """Wait for at most `timeout` seconds until the video of a job is finished or has failed, and return the job."""
        with _explained():
            return self._describe(*await self._live.wait(key, min(timeout, LONGEST_WAIT)))

    async def save(self, key: str) -> Dict[str, Any]:
        """Save the finished video of a job to a file of the server's machine, and return the job with its `path`."""
        with _explained():
            return self._describe(await self._live.save(key))

    def _describe(self, result: BatchResult, video: Video | None = None) -> Dict[str, Any]:
        facts: Dict[str, Any] = {
            "is_certain": result.state not in (JobState.CREATING, JobState.IN_DOUBT),
            "progress": None if video is None else video.progress,
            "advice": ADVICE.get(result.state, ""),
        }
        return {**result.to_dict(), **facts, **self._count()}

    def _count(self) -> Dict[str, Any]:
        return {"max_credits": self._max_credits, "credits_left": self._live.credits_left}


def build_server(tools: Tools) -> Any:
    """Return the server of fastmcp for the tools."""
    server: Any = _load()("bluma", version=__version__, instructions=INSTRUCTIONS)  # else it reports its own version
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

    async def serve() -> int | None:
        async with account.open(settle_time=settle_time, exclusive=exclusive_key) as client, open_live(
            client.batch(max_credits=max_credits, **chosen)
        ) as live:
            server = build_server(Tools(client, live, max_credits))
            with input_ends_at(*ENDING) as source:  # from when somebody reads it
                await server.run_stdio_async(show_banner=False, log_level="WARNING")
        return None if source is None else source.signal

    _load()
    with choose_journal(account, options) as chosen:
        ended_by = asyncio.run(serve())
    if ended_by == signal.SIGINT:
        raise click.exceptions.Exit(ExitCode.INTERRUPTED)
