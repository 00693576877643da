"""`bluma mcp`: the tools of an agent, a limit of credits, a journal, and creates that are never sent on a guess."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Dict

import pytest

from bluma import Bluma
from bluma_async import AsyncBluma
from bluma_async._version import __version__
from bluma_async.batch.live import open_live
from bluma_async.cli.mcp import ADVICE, Tools, build_server
from bluma_async.sandbox import Sandbox
from bluma_async.stores.states import JobState
from tests.cli.test_cli import run
from tests.live import Live

TEMPLATE = "ugc-text-overlay"  # 2 credits
CREATE = {"template_id": TEMPLATE, "prompt": "Why is the sky blue?"}


class Agent:
    """A client of the server, as an agent uses it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def call(self, tool: str, **arguments: Any) -> Any:
        """Return the result of a tool."""
        answer = await self._connection.call_tool(tool, arguments)
        return json.loads(answer.content[0].text) if answer.content else []

    async def refused(self, tool: str, **arguments: Any) -> str:
        """Return the error of a tool."""
        answer = await self._connection.call_tool(tool, arguments, raise_on_error=False)
        assert answer.is_error
        return str(answer.content[0].text)


@asynccontextmanager
async def serving(client: AsyncBluma, out: Path, max_credits: float = 20) -> AsyncIterator[Agent]:
    """Run the server in this process, and give an agent."""
    fastmcp = pytest.importorskip("fastmcp", reason="fastmcp needs Python 3.10")
    batch = client.batch(out=out, poll_interval=0.01, max_credits=max_credits)
    async with open_live(batch) as live:
        server = build_server(Tools(client, live, max_credits))
        async with fastmcp.Client(server) as connection:
            yield Agent(connection)


@pytest.fixture(autouse=True)
def loaded() -> None:
    """Import fastmcp before an event loop runs, as the command does: importing it reads files."""
    with contextlib.suppress(ImportError):
        from fastmcp import FastMCP, exceptions

        assert FastMCP
        assert exceptions


async def test_an_agent_makes_a_video(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """Templates, price, create, wait, status, save: each result has the credits that are left, and what to do next."""
    async with serving(client, tmp_path) as agent:
        templates = await agent.call("list_templates")
        price = await agent.call("estimate", **CREATE, resolution="4k")
        made = await agent.call("create", **CREATE, key="sky")
        done = await agent.call("wait", key="sky")
        saved = await agent.call("save", key="sky")
        seen = await agent.call("status", key="sky")
        counts = await agent.call("status")

    assert TEMPLATE in {template["id"] for template in templates}
    assert (price["credits"], price["credits_left"], price["max_credits"]) == (6, 20, 20)
    assert (made["state"], made["is_certain"], made["credits_charged"]) == ("rendering", True, 2)
    assert made["credits_left"] == 18
    assert (done["state"], done["progress"], "Call save" in done["advice"]) == ("rendered", 100, True)
    assert (saved["path"], (tmp_path / "sky.mp4").exists()) == (str(tmp_path / "sky.mp4"), True)
    assert (seen["state"], counts["saved"], counts["credits_charged"]) == ("saved", 1, 2)
    assert quick.state()["billed"] == 1


async def test_the_same_content_is_not_bought_twice(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """An agent that repeats a create gets the same job, also from a later server; another key makes another video."""
    async with serving(client, tmp_path) as agent:
        first = await agent.call("create", **CREATE)
        again, at_once = await asyncio.gather(agent.call("create", **CREATE), agent.call("create", **CREATE))
        other = await agent.call("create", **CREATE, key="other")
        conflict = await agent.refused("create", template_id=TEMPLATE, prompt="Another", key="other")
    async with serving(client, tmp_path) as agent:
        later = await agent.call("create", **CREATE)

    assert first["video_id"] == again["video_id"] == at_once["video_id"] == later["video_id"] != other["video_id"]
    assert "give each a key of its own" in conflict
    assert quick.state()["billed"] == 2


async def test_the_limit_holds_across_restarts(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """What the journal has bought counts. A create beyond the limit buys nothing, and is not bought by a later run."""
    async with serving(client, tmp_path, max_credits=5) as agent:
        for number in range(2):
            await agent.call("create", template_id=TEMPLATE, prompt=f"Number {number}", key=f"k{number}")
        refused = await agent.refused("create", template_id=TEMPLATE, prompt="Number 2", key="k2")
        seen = await agent.call("status", key="k2")
    async with serving(client, tmp_path, max_credits=5) as agent:
        still = await agent.refused("create", template_id=TEMPLATE, prompt="Number 3", key="k3")
        left = (await agent.call("status"))["credits_left"]
    later = [result.key async for result in client.batch(out=tmp_path, poll_interval=0.01).run()]

    assert "The next video costs 2 credits, and 4 of max_credits=5 are spent" in refused
    assert "max_credits=5" in still
    assert (seen["state"], seen["is_certain"], left) == ("failed", True, 1)
    assert sorted(later) == ["k0", "k1"]
    assert quick.state()["billed"] == 2


async def test_a_refused_create_does_not_stop_the_next_one(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A price that is too high, or an error of the account, concerns its own create alone."""
    async with serving(client, tmp_path, max_credits=3) as agent:
        dear = await agent.refused("create", **CREATE, resolution="4k")
        quick.faults.add("POST /videos", "status", status=402, times=1)
        unpaid = await agent.refused("create", **CREATE, key="unpaid")
        made = await agent.call("create", **CREATE, key="sky")

    assert "costs 6 credits" in dear
    assert "A fault was injected" in unpaid
    assert (made["state"], quick.state()["billed"]) == ("rendering", 1)


async def test_an_invalid_create_is_refused_unsent(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A template that does not exist, an empty prompt, a key that is not a file name: the agent reads why."""
    async with serving(client, tmp_path) as agent:
        errors = [
            await agent.refused("create", template_id="ugc-text-overlays", prompt="x"),
            await agent.refused("create", template_id=TEMPLATE, prompt=" "),
            await agent.refused("create", template_id=TEMPLATE, prompt="x", key="../up"),
            await agent.refused("create", template_id=TEMPLATE, prompt="x", resolution="8k"),
            await agent.refused("create", template_id=TEMPLATE, prompt="x", context={"prompt": "y"}),
            await agent.refused("estimate", template_id=TEMPLATE, prompt="x", context={"prompt": "y"}),
            await agent.refused("status", key="nothing"),
            await agent.refused("save", key="nothing"),
            await agent.refused("wait", key="nothing"),
        ]

    wanted = ["did you mean 'ugc-text-overlay'", "prompt: it must be a text", "key: it names a file", "has 720p"]
    wanted += ["context.prompt: it is given twice"] * 2
    for error, reason in zip(errors, [*wanted, *["There is no job 'nothing'"] * 3]):
        assert reason in error
    assert sandbox.state()["jobs"] == {"test": 0, "live": 0}


@pytest.mark.filterwarnings("ignore::bluma_async.BlumaWarning")
async def test_an_agent_reads_the_warnings(quick: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """What may be a mistake is named by `estimate`, before the payment, and each time by `create`."""
    context = {"mood": "blue"}
    async with serving(client, tmp_path) as agent:
        price = await agent.call("estimate", **CREATE, context=context)
        made = await agent.call("create", **CREATE, context=context)
        again = await agent.call("create", **CREATE, context=context)
        plain = await agent.call("create", **CREATE)

    [text] = price["warnings"]
    assert "context.mood: the template's schema has no such name" in text
    assert (made["warnings"], again["warnings"], plain["warnings"]) == ([text], [text], [])
    assert quick.state()["billed"] == 2


@pytest.mark.parametrize("has_candidates", [True, False])
async def test_an_ambiguous_create_is_reported_as_such(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path, has_candidates: bool
) -> None:
    """A lost answer is not an error to repeat: the job is uncertain, has its candidates, and is not bought again."""
    quick.faults.add("POST /videos", "drop_after", times=1)
    if not has_candidates:
        quick.faults.add("GET /videos", "status", status=500, times=None)
    async with serving(client.with_options(max_retries=0), tmp_path) as agent:
        lost = await agent.call("create", **CREATE, key="sky")
        again = await agent.call("create", **CREATE, key="sky")
        quick.faults.clear()
        seen = await agent.call("status", key="sky")
        unsaved = await agent.refused("save", key="sky")

    states = ("in_doubt", "in_doubt") if has_candidates else ("creating", "in_doubt")
    assert (lost["state"], again["state"], lost["is_certain"]) == (states[0], states[0], False)
    assert (seen["state"], len(seen["candidates"]), seen["is_certain"]) == (states[1], 1, False)
    assert "Do not create it again" in lost["advice"]
    assert "has no finished video to save" in unsaved
    assert ".." not in unsaved
    assert quick.state()["billed"] == 1


async def test_a_lost_create_that_was_not_accepted_is_settled(
    quick: Sandbox, client: AsyncBluma, tmp_path: Path
) -> None:
    """With no list to look at, a create stays uncertain; `status` searches again, and it has failed."""
    quick.faults.add("POST /videos", "status", status=500, times=1)
    quick.faults.add("GET /videos", "status", status=500, times=None)
    async with serving(client.with_options(max_retries=0), tmp_path) as agent:
        lost = await agent.call("create", **CREATE, key="sky")
        quick.faults.clear()
        seen = await agent.call("status", key="sky")
        again = await agent.call("create", **CREATE, key="sky")
    later = [result async for result in client.batch(out=tmp_path, poll_interval=0.01).run()]

    assert (lost["state"], lost["is_certain"]) == ("creating", False)
    assert (seen["state"], seen["is_certain"], again["state"]) == ("failed", True, "failed")
    assert ("another key" in seen["advice"], later, quick.state()["billed"]) == (True, [], 0)


def test_every_state_has_advice() -> None:
    """An agent reads what to do next, whatever happened to its job."""
    assert set(ADVICE) == set(JobState)


async def test_a_wait_that_is_too_short_returns_the_job(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """It is not an error: the video renders on, and the agent may wait again. A failed render is refunded."""
    async with serving(client, tmp_path) as agent:
        await agent.call("create", template_id=TEMPLATE, prompt="Hello [fail]", key="sky")
        early = await agent.call("wait", key="sky", timeout=0)
        unfinished = await agent.refused("save", key="sky")
        await sandbox.advance(105)
        failed = await agent.call("wait", key="sky")

    assert (early["state"], "Call wait" in early["advice"]) == ("rendering", True)
    assert "is rendering, and has no finished video" in unfinished
    assert (failed["state"], failed["credits_left"], "another key" in failed["advice"]) == ("failed", 20, True)


async def test_the_journal_belongs_to_one_server(sandbox: Sandbox, client: AsyncBluma, tmp_path: Path) -> None:
    """A second server on the same journal is refused: both could spend the same credits."""
    async with serving(client, tmp_path):
        with pytest.raises(Exception, match="is in use by process"):
            async with open_live(client.batch(out=tmp_path)):
                pass
    with pytest.raises(Exception, match="must be a file"):
        async with open_live(client.batch("postgresql://x/y")):
            pass


def environment_of(sandbox: Sandbox) -> Dict[str, str]:
    """Return the environment of a server for a sandbox."""
    return {**os.environ, "BLUMA_BASE_URL": sandbox.base_url, "BLUMA_API_KEY": sandbox.live_key}


@pytest.mark.timeout(60)  # of a machine that is busy with other things: a server starts
async def test_an_agent_over_stdin_and_stdout(tmp_path: Path) -> None:
    """The command is a server that an agent starts; it ends with its input, and the journal has what was bought."""
    fastmcp = pytest.importorskip("fastmcp", reason="fastmcp needs Python 3.10")
    from fastmcp.client.transports import StdioTransport

    live = Live(at_once=True)
    with live as sandbox:
        command = ["-m", "bluma", "mcp", "--max-credits", "20", "--out", str(tmp_path), "--poll-interval", "0.01"]
        transport = StdioTransport(
            sys.executable, command, env=environment_of(sandbox), cwd=str(Path.cwd()), keep_alive=False
        )
        async with fastmcp.Client(transport) as connection:
            agent = Agent(connection)
            tools = {tool.name for tool in await connection.list_tools()}
            await agent.call("create", **CREATE, key="sky")
            done = await agent.call("wait", key="sky")
            saved = await agent.call("save", key="sky")

    assert tools == {"list_templates", "estimate", "create", "status", "wait", "save"}
    assert (done["state"], saved["state"], (tmp_path / "sky.mp4").exists()) == ("rendered", "saved", True)
    assert sandbox.state()["billed"] == 1


class Server:
    """The command as a process, to which lines are written."""

    def __init__(self, sandbox: Sandbox, out: Path) -> None:
        command = [sys.executable, "-m", "bluma", "mcp", "--max-credits", "20", "--out", str(out)]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        ignored = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup` ignores it, and the process would inherit that
        self.process = subprocess.Popen(command, env=environment_of(sandbox), **pipes)
        signal.signal(signal.SIGHUP, ignored)
        who = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        self.send("initialize", who, id=1)
        assert self.process.stdout is not None
        server: Dict[str, Any] = json.loads(self.process.stdout.readline())["result"]["serverInfo"]
        assert (server["name"], server["version"]) == ("bluma", __version__)
        self.send("notifications/initialized", {})

    def send(self, method: str, params: Any, **more: Any) -> None:
        """Send a message."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}) + "\n")

    def end(self, by: str) -> None:
        """Close the input, or send a signal."""
        assert self.process.stdin is not None
        if by == "input":
            self.process.stdin.close()
        else:
            self.process.send_signal(getattr(signal, by))


@pytest.mark.timeout(60)  # of a machine that is busy with other things: a server starts
def test_a_server_whose_answers_nobody_reads_ends(tmp_path: Path) -> None:
    """Its input is still open: an agent that has crashed may have left it to another process."""
    pytest.importorskip("fastmcp", reason="fastmcp needs Python 3.10")
    with Live() as sandbox:
        server = Server(sandbox, tmp_path)
        assert server.process.stdout is not None
        server.process.stdout.close()
        with server.process as process:  # its end closes the input
            try:
                code = process.wait(30)
            finally:
                process.kill()

    assert code == 0


@pytest.mark.timeout(60)  # of a machine that is busy with other things: a server starts
@pytest.mark.parametrize(("by", "expected"), [("input", 0), ("SIGTERM", 0), ("SIGHUP", 0), ("SIGINT", 130)])
def test_a_create_in_flight_is_recorded_at_the_end(tmp_path: Path, by: str, expected: int) -> None:
    """When the session ends, a create that was sent gets its answer, and its video is in the journal."""
    pytest.importorskip("fastmcp", reason="fastmcp needs Python 3.10")
    reached, opened = threading.Event(), asyncio.Event()

    async def hold(record: Any) -> None:
        if record.route == "POST /videos":
            reached.set()
            await opened.wait()

    live = Live()
    with live as sandbox:
        sandbox.watch(hold)
        server = Server(sandbox, tmp_path)
        server.send("tools/call", {"name": "create", "arguments": {**CREATE, "key": "sky"}}, id=2)
        assert reached.wait(30)
        server.end(by)
        live.run(set_event(opened))
        with server.process as process:
            code = process.wait(30)
        billed = sandbox.state()["billed"]
    with Bluma("bluma_test_none") as client:
        [result] = client.batch(out=tmp_path).results()

    assert (code, billed, result.key, result.state) == (expected, 1, "sky", "rendering")


async def set_event(event: asyncio.Event) -> None:
    """Set an event in its own loop."""
    event.set()


def test_without_fastmcp_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The command ends with exit code 2, and no journal is made."""
    monkeypatch.setitem(sys.modules, "fastmcp", None)

    code = run(["mcp", "--max-credits", "20", "--out", str(tmp_path / "videos")])

    assert (code, (tmp_path / "videos").exists()) == (2, False)
    assert 'pip install "bluma[mcp]"' in capsys.readouterr().err


@pytest.mark.timeout(60)  # of a machine that is busy with other things: a server starts
def test_a_new_sandbox_leaves_no_journal(tmp_path: Path) -> None:
    """The purchases of a sandbox that ends with the command must not count for the account of a real journal."""
    pytest.importorskip("fastmcp", reason="fastmcp needs Python 3.10")
    command = [sys.executable, "-m", "bluma", "mcp", "--max-credits", "20", "--sandbox", "--out", str(tmp_path / "v")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BLUMA_")}

    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd=tmp_path, env=environment
    )

    assert (done.returncode, list(tmp_path.rglob("*.sqlite*"))) == (0, [])
